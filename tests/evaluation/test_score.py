"""Files in, JSON and a table out; a bad file is refused in one line."""

import json
import statistics
import zipfile

import h5py
import numpy as np
import pytest

from tcwae.cli.main import main
from tcwae.errors import InputError
from tcwae.evaluation.score import format_table, read_table, score_file, score_table
from tcwae.metrics.registry import METRICS
from tcwae.metrics.table import CodeTable

SIZES, NAMES = (2, 3, 8), ["shape", "size", "angle"]


def grid(scored=None):
    cells = np.stack(np.unravel_index(np.arange(48), SIZES), axis=1)
    codes = cells - cells.mean(axis=0) + 0.3 * np.random.default_rng(0).normal(size=cells.shape)
    arrays = {"codes": codes.astype(np.float32), "factor_sizes": np.array(SIZES), "factor_names": np.array(NAMES)}
    return arrays | ({} if scored is None else {"latent_factor_indices": np.array(scored)})


def sample(rows=300):
    rng = np.random.default_rng(0)
    factors = rng.integers(SIZES, size=(rows, 3))
    return {"codes": factors + rng.normal(size=(rows, 3)), "factors": factors}


def write(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array.astype(bytes) if array.dtype.kind == "U" else array
    return path


@pytest.mark.parametrize("name", ["codes.npz", "codes.h5"])
def test_a_file_gives_the_table_it_holds(tmp_path, name):
    table = read_table(write(tmp_path / name, grid(scored=[0, 2])))
    assert table.grid
    assert table.names == ("shape", "angle")
    assert table.sizes == (2, 8)
    np.testing.assert_array_equal(table.codes, grid()["codes"])
    np.testing.assert_array_equal(table.factors[:, 1], np.tile(np.arange(8), 6))


def test_names_may_be_texts_of_either_kind(tmp_path):
    names = {
        "bytes.npz": np.array(NAMES, dtype="S"),
        "texts.npz": np.array(NAMES),
        "bytes.h5": np.array(NAMES, dtype="S"),
    }
    for file, value in names.items():
        assert read_table(write(tmp_path / file, grid() | {"factor_names": value})).names == tuple(NAMES)
    with h5py.File(
        write(tmp_path / "variable.h5", {k: v for k, v in grid().items() if k != "factor_names"}), "a"
    ) as file:
        file["factor_names"] = NAMES
    assert read_table(tmp_path / "variable.h5").names == tuple(NAMES)
    letters = np.char.encode(["Größe", "空", "c"], "utf-8")
    assert read_table(write(tmp_path / "letters.h5", grid() | {"factor_names": letters})).names == ("Größe", "空", "c")


def test_a_plain_sample_scores_the_factors_it_is_asked_to(tmp_path):
    arrays = sample() | {"latent_factor_indices": np.array([2, 0]), "factor_names": np.array(NAMES)}
    table = read_table(write(tmp_path / "codes.npz", arrays))
    assert not table.grid
    assert table.names == ("angle", "shape")
    np.testing.assert_array_equal(table.factors, arrays["factors"][:, [2, 0]])


def test_rows_that_are_all_cells_are_a_grid_in_whatever_order(tmp_path):
    """So a grid scores the same by its sizes and by its factors."""
    arrays = grid()
    cells = np.stack(np.unravel_index(np.arange(48), SIZES), axis=1)
    by_rows = {"codes": arrays["codes"], "factors": cells, "factor_names": arrays["factor_names"]}
    tables = [read_table(write(tmp_path / f"{i}.npz", some)) for i, some in enumerate((arrays, by_rows))]
    one, other = (score_table(table, ["mig", "sap"], 2) for table in tables)
    assert one == other
    shuffled = np.random.default_rng(0).permutation(48)
    assert CodeTable.of_rows(by_rows["codes"][shuffled], cells[shuffled]).grid
    assert not CodeTable.of_rows(by_rows["codes"][:-1], cells[:-1]).grid
    assert not CodeTable.of_rows(by_rows["codes"], cells[[0, *range(47)]]).grid


def test_every_seed_is_the_metrics_own_and_mean_and_sd_are_theirs():
    table = CodeTable.of_grid(grid()["codes"], SIZES)
    result = score_table(table, ["modularity", "mig"], 3)
    for name in ("modularity", "mig"):
        values = [METRICS[name](table, np.random.default_rng(seed)).value for seed in range(3)]
        assert result[name]["per_seed"] == values
        assert result[name]["mean"] == pytest.approx(statistics.mean(values))
        assert result[name]["sd"] == pytest.approx(np.std(values, ddof=1))
    assert np.mean(list(result["mig"]["per_factor"].values())) == pytest.approx(result["mig"]["mean"])
    assert score_table(table, ["mig"], 3)["mig"] == result["mig"]


def test_the_file_holds_scores_parts_and_every_setting(tmp_path):
    output = tmp_path / "scores.json"
    result = score_file(write(tmp_path / "codes.npz", grid()), ["mig", "factor_vae"], 2, output)
    assert json.loads(output.read_text()) == result
    assert result["mig"]["settings"] == {"samples": 10_000, "bins": 20}
    assert result["factor_vae"]["settings"] == {
        "train_votes": 10_000,
        "test_votes": 5_000,
        "batch": 64,
        "variance_samples": 10_000,
        "smallest_deviation": 0.05,
    }
    assert result["factor_vae"]["parts"]["active_latents"]["per_seed"] == [3, 3]
    assert list(result["mig"]["per_factor"]) == NAMES
    assert np.shape(result["mig"]["matrix"]) == (3, 3)
    settings = result["settings"]
    assert (settings["rows"], settings["latents"], settings["seeds"], settings["full_grid"]) == (48, 3, 2, True)
    assert settings["factors"] == dict(zip(NAMES, SIZES, strict=True))


def test_sampled_codes_are_drawn_with_the_files_deviations(tmp_path):
    path = write(tmp_path / "codes.npz", grid() | {"deviations": np.full((48, 3), 3.0)})
    means, drawn = (score_file(path, ["mig"], 1, sampled=sampled) for sampled in (False, True))
    assert drawn["mig"]["mean"] < means["mig"]["mean"] / 2
    assert (means["settings"]["codes"], drawn["settings"]["codes"]) == ("posterior means", "sampled at each draw")


def test_one_seed_has_no_deviation(tmp_path):
    result = score_file(write(tmp_path / "codes.npz", grid()), ["mig"], 1, tmp_path / "scores.json")
    assert result["mig"]["sd"] is None
    assert '"sd": null' in (tmp_path / "scores.json").read_text()


def test_a_small_sample_is_remarked_upon():
    arrays = sample()
    result = score_table(CodeTable(arrays["codes"], arrays["factors"]), ["mig"], 1)
    assert result["settings"]["notes"][0].startswith("300 rows are fewer than the 10000 drawn")
    assert format_table(result).endswith(result["settings"]["notes"][0])


def test_the_table_shows_mean_deviation_and_factors_in_columns():
    result = {
        "mig": {"mean": 0.5, "sd": 0.01, "per_seed": [], "per_factor": {"shape": 0.25, "x": 0.75}},
        "dci": {"mean": 1, "sd": None, "per_seed": [], "parts": {"completeness": {"mean": 0.125, "sd": None}}},
        "settings": {
            "rows": 6, "full_grid": True, "codes": "posterior means", "seeds": 2, "factors": {"shape": 3, "x": 2}, "notes": []
        },
    }  # fmt: skip
    assert format_table(result).splitlines() == [
        "                  mean      sd   shape       x",
        "mig             0.5000  0.0100  0.2500  0.7500",
        "dci             1.0000       -",
        "  completeness  0.1250       -",
        "",
        "6 rows, all cells of the grid; codes: posterior means; seeds: 2",
    ]


def pickled(path):
    np.savez(path, codes=np.array([{"a": 1}, None], dtype=object), factor_sizes=np.array(SIZES))


def damaged(path):
    write(path, grid())
    content = bytearray(path.read_bytes())
    content[200:400] = bytes(200)
    path.write_bytes(content)


def truncated(path):
    write(path, grid())
    path.write_bytes(path.read_bytes()[:600])


def zip_bomb(path):
    """A member of 3 GB, says the zip's directory."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("codes.npy", bytes(100))
        file.filelist[0].file_size = 3 * 2**30


def impossible(path):
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**14, 2)}
    with zipfile.ZipFile(path, "w") as file, file.open("codes.npy", "w") as codes:
        np.lib.format.write_array_header_1_0(codes, header)


def sparse(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("codes", shape=(10**9, 2), dtype=float, chunks=(1000, 2))


def endless_text(path):
    """A name whose length, where the dataset keeps it, is 4 GB."""
    with h5py.File(path, "w") as file:
        file["factor_names"] = ["shape"]
        place = file["factor_names"].id.get_offset()
    whole = bytearray(path.read_bytes())
    assert whole[place : place + 4] == b"\5\0\0\0"
    whole[place : place + 4] = b"\xf0\xff\xff\xff"
    path.write_bytes(whole)


def group(path):
    with h5py.File(path, "w") as file:
        file.create_group("codes")


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("codes.npz", lambda path: None, "found no file"),
        ("codes.npz", lambda path: path.write_text("no codes here"), "npz or HDF5 file, found another kind"),
        ("codes.npz", pickled, "expected readable arrays in .*allow_pickle"),
        ("codes.npz", damaged, "expected readable arrays"),
        ("codes.npz", truncated, "another kind"),
        ("codes.h5", truncated, "expected readable arrays"),
        ("codes.h5", group, "a group where the dataset /codes should be"),
        ("codes.npz", zip_bomb, "codes of 3.0 GiB, more than the 2 GiB allowed"),
        ("codes.npz", impossible, "expected readable arrays in .*Unable to allocate"),
        ("codes.h5", sparse, "codes of 14.9 GiB, more than the 2 GiB allowed"),
        ("codes.h5", endless_text, "factor_names with a text of 4294967280 bytes, more than there are"),
        ("codes.npz", lambda path: write(path, {"codes": grid()["codes"]}), "found codes$"),
        ("codes.npz", lambda path: write(path, {"z": grid()["codes"]}), "found none of them"),
        (
            "codes.npz",
            lambda path: write(path, grid() | {"factor_sizes": np.array([2, 3, 9])}),
            "54 codes, one for each",
        ),
        ("codes.npz", lambda path: write(path, grid() | {"factor_sizes": np.array(48)}), "a list as factor_sizes"),
        ("codes.npz", lambda path: write(path, grid() | {"factor_sizes": np.array([2.0])}), "a list as factor_sizes"),
        (
            "codes.npz",
            lambda path: write(path, grid() | {"factor_names": np.array(["a", "b"])}),
            "3 different factor names",
        ),
        (
            "codes.npz",
            lambda path: write(path, grid() | {"codes": grid()["codes"][:, :1]}),
            "at least 2 rows and 2 latents",
        ),
        ("codes.npz", lambda path: write(path, grid(scored=[0, 3])), r"scored factors from 0 to 2, found \[0, 3\]"),
        (
            "codes.npz",
            lambda path: write(path, sample() | {"factor_sizes": np.array([2, 3, 7])}),
            r"found classes of sizes \[2, 3, 8\]",
        ),
        ("codes.npz", lambda path: write(path, sample() | {"factors": sample()["factors"] - 1}), "found -1 to 6"),
        ("codes.npz", lambda path: write(path, sample(rows=0)), "factors of at least 2 rows, found none"),
        (
            "codes.h5",
            lambda path: write(path, grid() | {"factor_names": np.array([b"a", b"b", b"\xff"])}),
            "can't decode",
        ),
    ],
)
def test_bad_files_are_refused(tmp_path, name, make, message):
    make(tmp_path / name)
    with pytest.raises(InputError, match=message) as error:
        score_file(tmp_path / name, ["mig"], 1, tmp_path / "scores.json")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "scores.json").exists()


def test_the_command_names_every_metric_and_takes_blanks_between_them(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    said = capsys.readouterr().out
    assert [name for name in METRICS if name not in said] == []
    assert (
        main(["score", str(write(tmp_path / "codes.npz", grid())), "--metrics", "mig, modularity", "--seeds", "1"]) == 0
    )
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:3]] == ["mig", "modularity"]


def test_what_is_asked_is_checked(tmp_path):
    path = write(tmp_path / "codes.npz", grid())
    with pytest.raises(InputError, match=r"metrics among mig, factor_vae, sap, .* found MIG, fid"):
        score_file(path, ["MIG", "mig", "fid"], 1)
    with pytest.raises(InputError, match="found none"):
        score_file(path, [], 1)
    with pytest.raises(InputError, match="at least 1 seed, found 0"):
        score_file(path, ["mig"], 0)
    with pytest.raises(InputError, match=r"expected deviations in .*, found codes, factor_sizes, factor_names"):
        score_file(path, ["mig"], 1, sampled=True)
