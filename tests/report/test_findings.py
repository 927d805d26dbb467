"""What is said of departures, estimators, ranks, rules and fronts follows from the numbers, also where nothing is clear."""

import numpy as np
import pandas as pd
import pytest
from figures import synthetic

from tcwae.config.scores import PAPER
from tcwae.errors import InputError
from tcwae.figures import kl_estimators
from tcwae.figures.plot import plot
from tcwae.report import findings
from tcwae.study import names
from tcwae.study.results import load


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    study = load(synthetic.write(tmp_path_factory.mktemp("evidence") / "small"))
    plot("grid", "pareto", study.folder, study.folder / "figures" / "grid-pareto.pdf")
    return study


def write(results, kind, rows, columns):
    table = pd.DataFrame(rows, columns=columns)
    (results.folder / "figures").mkdir(exist_ok=True)
    table.to_csv(results.folder / "figures" / f"grid-{kind}.csv", index=False)


def departure(results, **differences):
    """Differences by score, one for each seed."""
    rows = [
        ("tcwae_mws", "penalty", score, seed, 1.0, 1.0 + value, value)
        for score, values in differences.items()
        for seed, value in enumerate(values)
    ]
    write(results, "deviations", rows, findings.deviations.COLUMNS)
    return findings.departures(results, "grid")


def test_a_clear_departure_says_where_to_and_whether_that_is_better(results):
    outcome = departure(
        results, log_reconstruction=[0.5, 0.52, 0.48], mig=[0.1, 0.11, 0.09], sap=[-0.05, -0.051, -0.049]
    )
    assert outcome["rows"][0]["words"] == (
        "log-reconstruction rises by 0.5 (worse), MIG rises by 0.1 (better) and SAP falls by 0.05 (worse)."
    )
    assert (outcome["intervals"], outcome["clear"], outcome["chance"]) == (3, 3, "0.2")  # a twentieth of three
    cells = outcome["rows"][0]["cells"]
    assert [cell["mean"] for cell in cells] == ["+0.500", "+0.100", "—", names.minus("-0.050")]


def test_where_the_interval_holds_zero_nothing_is_claimed(results):
    outcome = departure(
        results, log_reconstruction=[0.5, -0.52, 0.1], mig=[0.1, 0.11, 0.09], factor_vae=[0.0, 0.0, 0.0]
    )
    assert outcome["rows"][0]["words"] == (
        "MIG rises by 0.1 (better); log-reconstruction and FactorVAE: no significant difference in 3 pairs."
    )
    assert outcome["clear"] == 1
    nothing = departure(results, log_reconstruction=[0.5, -0.52], mig=[1.0, -1.1])["rows"][0]
    assert nothing["words"] == "log-reconstruction and MIG: no significant difference in 2 pairs."


def test_one_pair_tells_nothing(results):
    outcome = departure(results, log_reconstruction=[0.5], mig=[3.0])
    assert outcome["rows"][0]["words"] == "one pair of runs, too few to tell."
    assert outcome["rows"][0]["cells"][0] == {"mean": "+0.500", "interval": ""}
    assert (outcome["intervals"], outcome["clear"]) == (0, 0)


def test_the_words_are_of_the_file_beside_the_figure(results):
    write(results, "deviations", [("tcwae_mws", 1)], ["method", "deviation"])
    with pytest.raises(InputError, match=r"grid-deviations\.csv: expected the column 'score'"):
        findings.departures(results, "grid")
    (results.folder / "figures" / "grid-deviations.csv").unlink()
    with pytest.raises(InputError, match=r"expected the file .*grid-deviations\.csv, found none"):
        findings.departures(results, "grid")


def test_estimators_stand_beside_the_large_sample_value(results):
    truth, off = {"a": (2.0, 1.0), "b": (3.0, 0.5)}, {"MWS": 120.0, "in batch": 4.0, "MSS": -1.5, "density ratio": -0.5}
    rows = [("large sample", 5000, 0, *truth[row], row, row.upper(), "run") for row in truth]
    for row, (tc, dw) in truth.items():
        for size in (64, 256, 4096):
            for kind, error in off.items():
                shift = error * 256 / size + (row == "b")
                rows += [(kind, size, repeat, tc + shift + noise, dw, row, row.upper(), "run")
                         for repeat, noise in enumerate((-0.1, 0.0, 0.1))]  # fmt: skip
    write(results, "kl_estimators", rows, kl_estimators.COLUMNS)
    outcome = findings.estimators(results, "grid")
    assert [(row["name"], row["size"]) for row in outcome["rows"]] == [
        ("A", "256"), ("A", "4,096"), ("B", "256"), ("B", "4,096"),
    ]  # fmt: skip
    assert outcome["kinds"] == ["MWS", "in batch", "MSS", "density ratio", "large sample"]
    assert outcome["rows"][0]["terms"] == [["122.00", "6.00", "0.50", "1.50", "2.00"], ["1.00"] * 5]
    assert outcome["size"] == "256"
    assert {error["kind"]: error["off"] for error in outcome["errors"]} == {
        "MWS": "+120.0 to +121.0",
        "in batch": "+4.0 to +5.0",
        "MSS": names.minus("-1.5 to -0.5"),
        "density ratio": names.minus("-0.5 to +0.5"),
    }


def test_the_best_rank_comes_with_how_often_another_is_best(results):
    (ranking,) = findings.ranks(results, "grid")
    best = {row["method"]: float(row["best"].removesuffix(" %")) for row in ranking["rows"]}
    assert sum(best.values()) == pytest.approx(100, abs=3)
    lowest = min(float(row["cells"][-1]["value"]) for row in ranking["rows"])
    assert ranking["first"] == [row["method"] for row in ranking["rows"] if float(row["cells"][-1]["value"]) == lowest]
    assert float(ranking["another"].removesuffix(" %")) == pytest.approx(100 - best[ranking["first"][0]], abs=1)
    assert ranking["lost"] == []


def test_other_rules_move_the_table_no_further_than_its_settings_go(results):
    outcome, settings = findings.rules(results, "grid"), results.settings("grid")
    assert outcome["rules"][0]["rule"] == "mean rank of the scores"
    for row in outcome["rows"]:
        settings_of_method, usual = settings[settings["name"] == row["method"]], row["settings"][0]
        mine = settings_of_method[settings_of_method["shown"] == usual["shown"]].iloc[0]
        assert bool(mine["selected"])
        assert usual["same"]
        assert f"/{mine['setting']}/" in usual["run"]
        for (key, score), cell in zip(PAPER.items(), row["cells"], strict=True):
            assert cell["value"] == score.text(mine[f"{key}_mean"])
    best = {row["method"]: row for row in outcome["rows"]}
    reconstruction = settings.groupby("name")["log_reconstruction_mean"].min()
    for method, row in best.items():  # the rule "reconstruction" takes the lowest there is
        low = row["cells"][0]["interval"].split(" to ")[0].split(names.NO_BREAK)[0]
        assert low == PAPER["log_reconstruction"].text(reconstruction[method])


def test_one_setting_a_row_leaves_nothing_to_select(tmp_path):
    single = load(
        synthetic.write(tmp_path / "small", {"wae_mmd": {"lambda": [10.0]}, "beta_tcvae": {"beta": [2.0]}}, ())
    )
    assert findings.rules(single, "grid") is None


def test_shares_of_the_front_add_up_and_name_the_winner(results):
    outcome = findings.fronts(results, "grid")
    shares = np.array([[float(cell.removesuffix(" %")) for cell in row["cells"]] for row in outcome["rows"]])
    np.testing.assert_allclose(shares.sum(axis=0), 100, atol=3)
    methods = [row["method"] for row in outcome["rows"]]
    for won, column in zip(outcome["winners"], shares.T, strict=True):  # equal winners are all named
        assert won["methods"] == [methods[place] for place in np.flatnonzero(column == column.max())]
        assert won["share"] == f"{column.max():.0f} %"
    assert sum(row["runs"] for row in outcome["rows"]) == (results.metrics["status"] == "finished").sum()


def test_one_method_alone_wins_nothing(tmp_path):
    alone = load(synthetic.write(tmp_path / "small", {"wae_mmd": {"lambda": [10.0, 20.0]}}, ()))
    plot("grid", "pareto", alone.folder, alone.folder / "figures" / "grid-pareto.pdf")
    assert findings.fronts(alone, "grid") is None
