"""One run's scores and pictures, from its files alone."""

import json
import math
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from tcwae.config.run import Evaluation, Run, Scoring, check, flatten, unflatten
from tcwae.data.images import Images, split
from tcwae.data.prepared import read, write
from tcwae.errors import InputError
from tcwae.evaluation import representation
from tcwae.evaluation.evaluate import _encoded_rows
from tcwae.evaluation.evaluate import evaluate as encode
from tcwae.evaluation.measure import measure
from tcwae.evaluation.score import read_table
from tcwae.methods.networks import Encoder
from tcwae.metrics.registry import METRICS
from tcwae.metrics.table import CodeTable
from tcwae.training.checkpoint import load_model
from tcwae.training.loop import train

RUN = check(
    Run,
    unflatten({"dataset": "dsprites", "method": "beta_tcvae", "beta": 2, "batch_size": 8, "iterations": 30}),
    "test",
)


def evaluate(folder, data, settings, *scores):
    encode(folder, data, settings)
    measure(folder, Scoring(scores=scores or ("mig", "factor_vae", "sap"), seed=settings.seed))


@pytest.fixture(scope="module")
def trained(small_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(RUN, small_data, folder)
    return folder


@pytest.fixture(scope="module")
def evaluated(trained, small_data):
    evaluate(trained, small_data, Evaluation())
    return trained


def record(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_scores_are_those_of_the_kept_codes(evaluated):
    """Another score needs neither model nor images; by both protocols."""
    with h5py.File(evaluated / "codes.h5") as file:
        means = CodeTable(file["codes"][()], file["factors"][()], grid=True)
        sampled = replace(means, deviations=file["deviations"][()])
    scores = record(evaluated)["scores"]
    for name in ("mig", "factor_vae", "sap"):
        assert scores[name] == METRICS[name](means, np.random.default_rng(0)).value
        assert scores[f"{name}_sampled"] == METRICS[name](sampled, np.random.default_rng(0)).value
    assert scores["mig"] != scores["mig_sampled"]


def test_codes_are_the_encoders(evaluated, small_data):
    model, _, _ = load_model(evaluated / "model.safetensors")
    with h5py.File(evaluated / "codes.h5") as file:
        mean, variance = model.encoder(Images(read(small_data), torch.device("cpu"))[torch.arange(432)])
        np.testing.assert_allclose(file["codes"][()], mean.detach(), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(file["deviations"][()], variance.sqrt().detach(), rtol=1e-3, atol=1e-5)
        np.testing.assert_array_equal(file["factors"][()], read(small_data).factors)


def test_every_image_is_encoded_once(trained, small_data, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path / "run")
    seen, forward = [], Encoder.forward
    monkeypatch.setattr(Encoder, "forward", lambda self, images: seen.append(len(images)) or forward(self, images))
    evaluate(tmp_path / "run", small_data, Evaluation())
    assert sum(seen) == 432


@pytest.mark.parametrize(("codes", "held_out", "amount"), [(1000, 300, 1000), (1000, 2000, 2000), (None, 2000, 30_000)])
def test_the_held_out_images_are_among_the_encoded_ones(codes, held_out, amount):
    settings = Evaluation(codes=codes, held_out=held_out)
    rows = _encoded_rows(30_000, split(30_000)[1][:held_out], settings)
    assert len(rows) == amount
    assert (np.diff(rows) > 0).all()
    assert np.isin(split(30_000)[1][:held_out], rows).all()
    # the others are spread evenly over the data set
    assert rows.mean() / 30_000 == pytest.approx(0.5, abs=4 / np.sqrt(12 * amount))


def test_names_of_factors_may_have_any_letters(trained, small_data, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    names = ("Größe", "空", "c", "x", "y")
    write(replace(read(small_data), factor_names=names), tmp_path / "data.h5")
    evaluate(tmp_path / "run", tmp_path / "data.h5", Evaluation())
    assert set(record(tmp_path / "run")["parts"]["mig"]) == set(names)
    assert read_table(tmp_path / "run" / "codes.h5").names == names


def test_pictures(evaluated, small_data):
    prepared = read(small_data)
    with h5py.File(evaluated / "images.h5") as file:
        shown = split(len(prepared))[1][:10]
        np.testing.assert_array_equal(file["inputs"][()], prepared.pixels(shown))
        assert file["reconstructions"].shape == file["inputs"].shape
        assert file["traversals"].shape == (5, 10, 10, 64, 64, 1)
        assert file["latent_kl"].shape == (10,)
        assert file["traversal_values"][0] == -2


def test_record(evaluated):
    found = record(evaluated)
    assert found["training"]["settings"] == json.loads(json.dumps(flatten(RUN)))
    assert found["evaluation"] == {
        "codes": 432,
        "held_out": 43,
        "traversal_range": 2.0,
        "seed": 0,
        "scores": ["mig", "factor_vae", "sap"],
    }
    assert found["training"]["status"] == "finished"
    scores = found["scores"]
    assert scores["log_reconstruction"] == pytest.approx(math.log(scores["reconstruction"]))
    assert set(found["parts"]["mig"]) == {"size", "hollow", "turned", "x", "y"}
    assert np.mean(list(found["parts"]["mig"].values())) == pytest.approx(scores["mig"])


def test_is_exact_to_repeat(evaluated, small_data, tmp_path):
    shutil.copytree(evaluated, tmp_path / "again")
    evaluate(tmp_path / "again", small_data, Evaluation())
    assert record(tmp_path / "again")["scores"] == record(evaluated)["scores"]
    assert (tmp_path / "again" / "images.h5").read_bytes() == (evaluated / "images.h5").read_bytes()


def test_a_diverged_run_has_pictures_and_no_scores(trained, small_data, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    training = json.loads((trained / "training.json").read_text())
    (tmp_path / "run" / "training.json").write_text(json.dumps(training | {"status": "diverged", "term": "mmd"}))
    evaluate(tmp_path / "run", small_data, Evaluation())
    assert record(tmp_path / "run")["scores"] == {}
    assert record(tmp_path / "run")["training"]["status"] == "diverged"
    with h5py.File(tmp_path / "run" / "images.h5") as file:
        assert np.isnan(file["latent_kl"][()]).all()


def test_reconstruction_is_of_held_out_images(evaluated, small_data):
    """A code a held-out image, drawn from its posterior: one of the costs that such draws have."""
    model, _, _ = load_model(evaluated / "model.safetensors")
    images = Images(read(small_data), torch.device("cpu"))
    held_out = torch.from_numpy(split(432)[1])
    posterior, generator = representation.encode(model, images, held_out), torch.Generator().manual_seed(1)
    draws = (posterior.sample(generator) for _ in range(30))
    costs = [representation.reconstruction(model, images, held_out, "cross_entropy", codes) for codes in draws]
    found = record(evaluated)["scores"]["reconstruction"]
    assert found == pytest.approx(np.mean(costs), abs=5 * np.std(costs))  # one in a million is further away
    trained_on = torch.from_numpy(split(432)[0])
    others = representation.encode(model, images, trained_on).sample(generator)
    assert found != pytest.approx(representation.reconstruction(model, images, trained_on, "cross_entropy", others))


def test_other_images_are_refused(trained, small_data, tmp_path):
    write(replace(read(small_data), name="faces"), tmp_path / "faces.h5")
    with pytest.raises(InputError, match=r"faces.h5: expected images of dsprites, found faces"):
        evaluate(trained, tmp_path / "faces.h5", Evaluation())


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00" * 100, b"\x10\x00\x00\x00\x00\x00\x00\x00{}" + b" " * 14])
def test_a_damaged_checkpoint_is_named(trained, small_data, tmp_path, damage):
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").write_bytes(damage)
    with pytest.raises(InputError, match=r"model.safetensors: expected a checkpoint"):
        evaluate(tmp_path / "run", small_data, Evaluation())


def test_images_other_than_those_of_the_training_are_refused(trained, small_data, tmp_path):
    whole = read(small_data)
    write(replace(whole, images=~whole.images), tmp_path / "other.h5")
    with pytest.raises(
        InputError, match=r"other.h5: found images with SHA-256 \w{12}..., expected \w{12}... with which"
    ):
        evaluate(trained, tmp_path / "other.h5", Evaluation())


def test_scores_are_those_that_are_asked_for(trained, small_data, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    evaluate(tmp_path / "run", small_data, Evaluation(), "mig", "modularity")
    scores = record(tmp_path / "run")["scores"]
    assert {"mig", "mig_sampled", "modularity"} <= scores.keys()
    assert "sap" not in scores


def test_one_factor_is_the_reason_for_which_scores_cannot_be_had(evaluated, tmp_path):
    shutil.copytree(evaluated, tmp_path / "run")
    path = tmp_path / "run" / "evaluation.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"factors": ["size"]}))
    measure(tmp_path / "run", Scoring(scores=("mig", "sap")))
    found = record(tmp_path / "run")
    assert found["reasons"] == dict.fromkeys(("mig", "sap"), "expected at least 2 factors to score, found 'size' alone")
    assert "log_reconstruction" in found["scores"]
    assert not {"mig", "sap"} & found["scores"].keys()


def test_matrices_are_of_all_latents_and_factors(trained, small_data, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    evaluate(tmp_path / "run", small_data, Evaluation(), "mig", "dci")
    with h5py.File(tmp_path / "run" / "codes.h5") as file:
        means = CodeTable(file["codes"][()], file["factors"][()], grid=True)
    found = record(tmp_path / "run")["matrices"]
    assert found["factors"] == ["size", "hollow", "turned", "x", "y"]
    assert found["mutual_information"] == METRICS["mig"](means, np.random.default_rng(0)).matrix.tolist()
    assert found["importance"] == METRICS["dci"](means, np.random.default_rng(0)).matrix.tolist()
    assert set(found["matched"]) == set(found["factors"])
    share = np.array(found["mutual_information"]) / found["entropy"]
    assert share.max() <= 1


def test_importances_are_of_runs_that_have_dci(evaluated):
    assert record(evaluated)["matrices"]["importance"] is None


def test_too_few_images_to_hold_any_out_are_refused(trained, small_data, tmp_path):
    whole = read(small_data)
    few = replace(whole, images=whole.images[:12], factors=whole.factors[:12])
    write(few, tmp_path / "few.h5")
    with pytest.raises(InputError, match=r"few.h5: expected at least 20 images"):
        evaluate(trained, tmp_path / "few.h5", Evaluation())
