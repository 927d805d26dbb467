"""What is left to do, on studies small enough to count by hand."""

import json

import pytest
from recorded import record

from tcwae.config import planned
from tcwae.config.run import check
from tcwae.config.runs import runs, without_selects
from tcwae.config.study import Study
from tcwae.study.plan import format_plan, plan, write_runs

VALUES = {
    "study": "example",
    "seeds": [0, 1],
    "training": {"iterations": 1000, "batch_size": 36},
    "experiments": {
        "grid": {
            "dataset": "dsprites",
            "seeds": [0],
            "methods": {"tcwae_mws": {"beta": [1, 4], "gamma": [2, 3]}},
            "shows": ["heatmap"],
        },
        "table": {
            "dataset": "dsprites",
            "methods": {
                "wae_mmd": {"lambda": 3},
                "tcwae_mws": {"beta": [1, 4], "gamma": "select", "grid": "grid"},
            },
            "shows": ["scores_table", "samples"],
        },
    },
}
STUDY = check(Study, VALUES, "test")


def finish(results, identifier, run, images_per_second=10.0):
    folder = results / "runs" / identifier
    folder.mkdir(parents=True, exist_ok=True)
    written = record(run)
    written["training"]["images_per_second"] = images_per_second
    (folder / "metrics.json").write_text(json.dumps(written))


def decide(results, gamma):
    (results / "selection").mkdir(parents=True, exist_ok=True)
    (results / "selection" / "grid.csv").write_text(
        f"row,method,selected,log_reconstruction_mean,beta,gamma\ntcwae_mws,tcwae_mws,True,3.0,1,{gamma}\n"
    )


def test_nothing_is_done_yet(tmp_path):
    grid, table = plan(STUDY, tmp_path, images_per_second=100.0)
    assert (grid.runs, grid.new, grid.done, grid.again, grid.steps) == (4, 4, 0, 0, 4000)
    assert grid.jobs == 3 * 4 + 1 + 1
    assert grid.hours == pytest.approx(4 * 1000 * 36 / 100 / 3600)
    assert table.runs == 2 + 4
    assert table.new == 2 + 2  # seed 0 of both values is in the grid, whatever it selects
    assert table.undecided == ["tcwae_mws"]
    assert "1,000" not in format_plan([grid])


def test_hours_are_unknown_until_a_run_tells_its_speed(tmp_path):
    assert [share.hours for share in plan(STUDY, tmp_path)] == [None, None]
    identifier, run = next(
        iter(runs(check(Study, VALUES | {"experiments": {"grid": VALUES["experiments"]["grid"]}}, "t")).items())
    )
    finish(tmp_path, identifier, run, images_per_second=50.0)
    grid, table = plan(STUDY, tmp_path)
    assert (grid.done, grid.hours) == (1, pytest.approx(3 * 1000 * 36 / 50 / 3600))
    assert table.hours is None  # no run of wae_mmd


def test_what_a_grid_selected_decides(tmp_path):
    decide(tmp_path, 3)
    made = check(Study, json.loads(json.dumps(VALUES)), "t")
    grid, table = plan(made, tmp_path)
    assert table.undecided == []
    pinned = json.loads(json.dumps(VALUES))
    pinned["experiments"]["table"]["methods"]["tcwae_mws"] = {"beta": [1, 4], "gamma": 3}
    for identifier, run in runs(check(Study, pinned, "t")).items():
        finish(tmp_path, identifier, run)
    assert [(share.done, share.jobs, share.steps, share.hours) for share in plan(made, tmp_path)] == [
        (4, 0, 0, 0),
        (4, 0, 0, 0),
    ]
    decide(tmp_path, 2)
    grid, table = plan(made, tmp_path)
    assert (grid.done, table.done, table.steps) == (4, 2, 2 * 1000)


def test_a_change_says_what_it_would_train_again(tmp_path):
    only_grid = VALUES | {"experiments": {"grid": VALUES["experiments"]["grid"]}}
    for identifier, run in runs(check(Study, only_grid, "t")).items():
        finish(tmp_path, identifier, run)
    changed = check(Study, only_grid | {"training": {"iterations": 2000, "batch_size": 36}}, "t")
    (grid,) = plan(changed, tmp_path)
    assert (grid.done, grid.again, grid.steps) == (0, 4, 4 * 2000)
    longer = json.loads(json.dumps(only_grid))
    longer["experiments"]["grid"]["methods"]["tcwae_mws"]["beta"] = [0.5, 1, 4]
    (grid,) = plan(check(Study, longer, "t"), tmp_path)
    assert (grid.done, grid.again, grid.steps) == (4, 0, 2 * 1000)


def test_damaged_scores_are_to_be_made_again(tmp_path):
    only_grid = check(Study, VALUES | {"experiments": {"grid": VALUES["experiments"]["grid"]}}, "t")
    for identifier, run in runs(only_grid).items():
        finish(tmp_path, identifier, run)
    next(tmp_path.rglob("metrics.json")).write_text("{")
    (grid,) = plan(only_grid, tmp_path)
    assert (grid.done, grid.again) == (3, 1)


def test_the_table_adds_up(tmp_path):
    plans = plan(STUDY, tmp_path, images_per_second=100.0)
    total = format_plan(plans).splitlines()[3].split()
    assert total[0] == "total"
    assert total[2] == "8"
    assert int(total[5].replace(",", "")) == sum(share.jobs for share in plans) + 2
    assert int(total[6].replace(",", "")) == 8 * 1000


def test_a_grid_that_selects_itself(tmp_path):
    """The first cells stand in: the grid has two of the three runs of `narrow`, and the one of `best`."""
    narrow = {"beta": [1, 4, 5], "gamma": "select", "grid": "grid"}
    best = {"beta": "select", "gamma": 2, "grid": "narrow"}
    rows = {"grid": VALUES["experiments"]["grid"]["methods"]["tcwae_mws"], "narrow": narrow, "best": best}
    experiments = {
        name: {"dataset": "dsprites", "seeds": [0], "methods": {"tcwae_mws": row}} for name, row in rows.items()
    }
    plans = plan(check(Study, {**VALUES, "experiments": experiments}, "test"), tmp_path)
    assert [(share.experiment, share.runs, share.new) for share in plans] == [
        ("grid", 4, 4),
        ("narrow", 3, 1),
        ("best", 1, 0),
    ]


def test_the_files_for_train_many_hold_the_runs_that_are_known(tmp_path):
    """Four cells of the grid and two seeds of the row without `select`; each of two shares has half of them."""
    (path,) = write_runs(STUDY, tmp_path / "results", tmp_path / "plan")
    assert path == tmp_path / "plan" / "dsprites-rendered.json"
    found = {entry.output: entry.run for entry in planned.read(path)}
    known = runs(without_selects(STUDY))
    assert found == {tmp_path / "results" / "runs" / identifier: run for identifier, run in known.items()}
    assert len(found) == 6
    halves = [planned.read(path, f"{share}/2") for share in range(2)]
    assert [len(half) for half in halves] == [3, 3]
    assert {entry.output for half in halves for entry in half} == found.keys()
