"""The paper's Tables 2 to 5 as the code has them, and differences in standard errors."""

import math

import pytest
from figures import synthetic

from tcwae.config import layers
from tcwae.report import paper
from tcwae.report.paper_tables import against_the_paper, discriminator_optimiser, factors, gammas, networks, z_score
from tcwae.study.results import load


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load(synthetic.write(tmp_path_factory.mktemp("tables") / "small"))


def test_table_2_has_the_factor_that_the_paper_left_out():
    dsprites, smallnorb = factors(["dsprites", "smallnorb"])
    assert dsprites["factors"] == "shape (3), scale (6), orientation (40), posX (32), posY (32)"
    assert math.prod((3, 6, 40, 32, 32)) == 737_280
    assert smallnorb["factors"].startswith("category (5), instance (10; a nuisance, not scored), elevation (9)")
    assert factors(["celeba"]) == []
    (cars,) = factors(["cars3d"])
    assert cars == {"data": "Cars3D", "factors": "elevation (4), azimuth (24), object_type (183)"}


def test_table_3_is_a_line_a_layer():
    assert [*map(str, layers.encoder(10))] == [
        "4×4 conv. 32 stride 2 ReLU",
        "4×4 conv. 32 stride 2 ReLU",
        "4×4 conv. 64 stride 2 ReLU",
        "4×4 conv. 64 stride 2 ReLU",
        "256 FC ReLU",
        "20 FC",
    ]
    assert [*map(str, layers.decoder(3))] == [
        "256 FC ReLU",
        "1024 FC ReLU",
        "4×4 transposed conv. 64 stride 2 ReLU",
        "4×4 transposed conv. 32 stride 2 ReLU",
        "4×4 transposed conv. 32 stride 2 ReLU",
        "4×4 transposed conv. 3 stride 2",
    ]
    assert [*map(str, layers.discriminator(0.2))] == ["1000 FC leaky ReLU (0.2)"] * 6 + ["2 FC"]
    assert [*map(str, layers.discriminator(0.0))] == ["1000 FC ReLU"] * 6 + ["2 FC"]


def test_tables_3_and_4_follow_the_study(results):
    assert list(networks(results)) == ["Encoder", "Decoder", "Discriminator"]
    assert discriminator_optimiser(results) == [
        ["Batch size", "64"],
        ["Learning rate", "0.0001"],
        ["beta 1", "0.5"],
        ["beta 2", "0.9"],
        ["epsilon", "1e-08"],
    ]


def test_table_5_is_what_the_grids_select(results):
    selected = results.settings("grid").query("selected").set_index("row")
    found = {row["method"]: row for row in gammas(results)}
    assert set(found) == {"TCWAE-MWS, cross-entropy", "TCWAE-GAN, cross-entropy"}
    for method, name, printed in (("tcwae_mws", "TCWAE-MWS", "100"), ("tcwae_gan", "TCWAE-GAN", "5")):
        row = found[f"{name}, cross-entropy"]
        assert (row["beta"], row["gamma"]) == tuple(f"{selected.loc[method, key]:g}" for key in ("beta", "gamma"))
        assert row["paper"] == printed


def test_a_z_score_by_hand():
    """(0.50 - 0.36) / sqrt(0.03^2 / 4 + 0.04^2 / 5) of the paper's MIG of TCWAE-MWS."""
    printed = paper.find("dsprites", "tcwae_mws", "cross_entropy").scores["mig"]
    assert z_score(0.50, 0.03, 4, printed) == pytest.approx(0.14 / math.sqrt(0.0009 / 4 + 0.0016 / 5))
    assert math.isnan(z_score(0.5, math.nan, 1, printed))


def test_a_row_for_each_method_of_the_paper(results):
    rows = against_the_paper(results)
    assert [row["table"] for row in rows] == ["1a"] * 5
    mws = rows[1]
    assert mws["paper_setting"].replace("\N{NO-BREAK SPACE}", " ") == "β = 50, γ = 100"
    assert [cell["paper"] for cell in mws["cells"]] == ["4.16", "0.36", "0.75", "0.091"]  # as printed
    best = results.selected("grid").set_index("row").loc["tcwae_mws"]
    z = z_score(
        best["mig_mean"],
        best["mig_sd"],
        int(best["seeds"]),
        paper.find("dsprites", "tcwae_mws", "cross_entropy").scores["mig"],
    )
    assert mws["cells"][1]["z"].replace("\N{MINUS SIGN}", "-") == f"{z:+.1f}"
