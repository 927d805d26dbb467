"""Records of runs: what is read is what was written."""

import json

import pytest

from tcwae import records
from tcwae.errors import InputError

RECORD = {
    "settings": {"beta": 1 / 3, "seed": 2**53 + 1, "code": {}},
    "status": "finished",
    "step": 4,
    "term": None,
    "finished": "2026-01-02T03:04:05+00:00",
    "seconds": 0.1,
    "images_per_second": 1e3,
    "device": "cpu",
    "threads": 1,
    "data": {"source": "rendered", "images_sha256": "0"},
    "versions": {},
}


def test_a_record_comes_back_to_the_last_bit(tmp_path):
    record = records.TrainingRecord(**RECORD)
    records.write(record, tmp_path / "training.json")
    assert records.read(records.TrainingRecord, tmp_path / "training.json") == record
    assert record.settings == RECORD["settings"]


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity"])
@pytest.mark.parametrize("where", ["beta", "nested"])
def test_a_setting_that_is_not_finite_is_refused(number, where, tmp_path):
    """JSON has no such number: it would come back as null."""
    setting = {"beta": number, "nested": f"[{number}]"}[where]
    text = json.dumps(RECORD | {"settings": {"beta": "?"}}).replace('"?"', setting)
    (tmp_path / "training.json").write_text(text)
    with pytest.raises(InputError, match=r"training.json: expected a record of tcwae, found a fault at settings"):
        records.read(records.TrainingRecord, tmp_path / "training.json")
