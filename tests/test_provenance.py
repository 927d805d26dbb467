"""What a result was made with."""

import re

from tcwae import provenance


def test_the_commit_is_the_repositorys(tmp_path, monkeypatch):
    assert re.fullmatch(r"[0-9a-f]{10}\+?|unknown", provenance.commit())
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    assert provenance.commit.__wrapped__() == "unknown"


def test_in_an_image_it_is_what_the_build_wrote(tmp_path, monkeypatch):
    (tmp_path / "COMMIT").write_text("0123456789\n")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    assert provenance.commit.__wrapped__() == "0123456789"
