"""A finished study as one zip: what is in it, and what `verify` finds."""

import hashlib
import json
import shutil
import zipfile

import pandas as pd
import pytest
from figures import synthetic
from hypothesis import given
from hypothesis import strategies as st

from tcwae.config.runs import runs
from tcwae.errors import InputError
from tcwae.study.crate import METADATA, RECORDS, export, verify
from tcwae.study.results import load

METHODS = {"wae_mmd": {"lambda": [10.0, 100.0]}, "beta_tcvae": {"beta": [2.0]}}
EXTRA = {"report.pdf": "%PDF", "index.html": "<html>", "page/a.js": "1", "figures/x.pdf": "%PDF", "figures/x.log": ""}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished study, with files that are no part of it."""
    folder = synthetic.write(tmp_path_factory.mktemp("crate") / "small", METHODS, ())
    for name, text in EXTRA.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    for run in runs(load(folder).study):
        for name in ("model.safetensors", *RECORDS):
            path = folder / "runs" / run / name
            path.touch()
    (folder / "runs/dsprites/other").mkdir()
    (folder / "runs/dsprites/other/training.json").write_text("of another study")
    return folder


@pytest.fixture(scope="module")
def crate(folder):
    path = folder.parent / "study.zip"
    export(folder, path, authors=["A", "B"])
    return path


def graph(crate):
    with zipfile.ZipFile(crate) as archive:
        return {entity["@id"]: entity for entity in json.loads(archive.read(METADATA))["@graph"]}


def rewritten(crate, output, change):
    """The crate with the contents that `change` makes of its files by name; what becomes None is left out."""
    with zipfile.ZipFile(crate) as old, zipfile.ZipFile(output, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return output


def faults(crate):
    return [fault for part in verify(crate) for fault in part.faults]


def test_what_was_exported_is_whole(crate, folder):
    assert [str(part) for part in verify(crate)] == [
        "environment: 3 files, whole",  # those of the repository, where tests run, and the packages
        "figures: 1 file, whole",
        "page: 2 files, whole",
        "metrics: 2 files, whole",
        "report: 1 file, whole",
        "runs: 30 files, whole",
        "configuration: 1 file, whole",
    ]
    with zipfile.ZipFile(crate) as archive:
        assert archive.read("metrics.csv") == (folder / "metrics.csv").read_bytes()


def test_the_same_results_give_the_same_bytes(crate, folder, tmp_path):
    export(folder, tmp_path / "again.zip", authors=["A", "B"])
    assert (tmp_path / "again.zip").read_bytes() == crate.read_bytes()


def test_the_description_is_of_all_files_and_refers_to_nothing_else(crate):
    entities = graph(crate)
    with zipfile.ZipFile(crate) as archive:
        names = set(archive.namelist()) - {METADATA}
        for name in names:
            assert entities[name]["sha256"] == hashlib.sha256(archive.read(name)).hexdigest()
    assert {part["@id"] for part in entities["./"]["hasPart"]} == names
    # https://www.researchobject.org/ro-crate/specification/1.1/root-data-entity.html#direct-properties-of-the-root-data-entity
    assert {"name", "description", "datePublished", "license"} <= entities["./"].keys()

    def references(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if value.keys() == {"@id"} else (r for v in value.values() for r in references(v))
        elif isinstance(value, list):
            yield from (r for v in value for r in references(v))

    assert {*references(list(entities.values()))} <= {*entities, "https://w3id.org/ro/crate/1.1"}


def test_weights_are_packed_where_they_are_asked_for(folder, tmp_path):
    export(folder, tmp_path / "all.zip", weights=True, license_name="CC-BY-4.0")
    assert "weights: 6 files, whole" in map(str, verify(tmp_path / "all.zip"))
    assert graph(tmp_path / "all.zip")["./"]["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda name, content: content.replace(b"0.1", b"0.2"), "metrics.csv was changed"),
        (lambda name, content: content + b"\n", "metrics.csv was changed"),
        (lambda name, content: None, "metrics.csv is missing"),
    ],
    ids=["a number", "a line", "the file"],
)
def test_a_change_is_named(crate, tmp_path, change, fault):
    changed = rewritten(crate, tmp_path / "c.zip", lambda *file: change(*file) if file[0] == "metrics.csv" else file[1])
    assert faults(changed) == [fault]


def test_weights_that_are_not_there_are_no_weights(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "small")
    next(copy.rglob("model.safetensors")).unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        export(copy, tmp_path / "c.zip", weights=True)
    assert not (tmp_path / "c.zip").exists()


def test_a_file_that_was_added_is_named(crate, tmp_path):
    changed = rewritten(crate, tmp_path / "c.zip", lambda name, content: content)
    with zipfile.ZipFile(changed, "a") as archive:
        archive.writestr("page/b.js", "2")
        archive.writestr("extra/c", "2")
    assert set(faults(changed)) == {"page/b.js is not listed", "extra/c is not listed"}


def test_an_unfinished_study_is_refused_by_what_is_missing(folder, tmp_path):
    copy = synthetic.write(tmp_path / "small", METHODS, ())
    with pytest.raises(InputError, match=r"expected a finished study, found no report\.pdf"):
        export(copy, tmp_path / "c.zip")
    metrics = pd.read_csv(copy / "metrics.csv")
    needed = set(pd.read_csv(copy / "selection/grid.csv")["best_run"])
    missing = next(run for run in metrics["run"] if run not in needed)
    metrics[metrics["run"] != missing].to_csv(copy / "metrics.csv", index=False)
    with pytest.raises(InputError, match=f"found 1 of 6 runs without metrics, such as {missing}"):
        export(copy, tmp_path / "c.zip")
    assert not (tmp_path / "c.zip").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a study that `tcwae export` wrote, found: "),
        (b"%PDF", "expected a study that `tcwae export` wrote, found: "),
        ({"a": "b"}, "found: a zip without ro-crate-metadata.json"),
        ({METADATA: "{"}, "expected a study that `tcwae export` wrote, found: "),
        ({METADATA: "[]"}, "lists no files"),
        ({METADATA: '{"@graph": [1]}'}, "lists no files"),
    ],
    ids=["empty", "a PDF", "another zip", "half a description", "a list", "numbers"],
)
def test_another_file_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "c.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
    with pytest.raises(InputError) as caught:
        verify(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.data())
def test_damage_never_passes_as_another_content(crate, tmp_path_factory, data):
    """Whatever byte changes, what `verify` calls whole has the bytes that were exported."""
    content = bytearray(crate.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damage") / "c.zip"
    path.write_bytes(content)
    try:
        said = faults(path)
    except InputError as error:
        said = [str(error)]
    assert "\n" not in "".join(said)
    if said:
        return
    with zipfile.ZipFile(path) as damaged, zipfile.ZipFile(crate) as whole:
        assert {name: damaged.read(name) for name in damaged.namelist() if name != METADATA} == {
            name: whole.read(name) for name in whole.namelist() if name != METADATA
        }
