"""Downloads against a server that cuts, lies and refuses."""

import hashlib
import http.server
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from patience import HANG

from tcwae.config.datasets import PUBLISHED
from tcwae.data import archives
from tcwae.data.archives import ARCHIVES, Archive
from tcwae.data.download import download, fetch
from tcwae.errors import InputError

ROOT = Path(__file__).parents[2]
WHOLE = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(WHOLE).hexdigest()
WRONG = WHOLE[:-1] + b"\0"


class Server(http.server.ThreadingHTTPServer):
    """Answers each request with the next of `script`: (status, body, how many bytes of it are sent, ranges or not)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.asked = [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/toys.zip"


class Handler(http.server.BaseHTTPRequestHandler):
    """Plays the server's script."""

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        status, body, sent, ranges = self.server.script.pop(0)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and ranges else 0
        if status == 200 and asked and ranges:
            status = 206 if start < len(body) else 416
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(body[start:][:sent])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def good(sent=None, ranges=True):
    return 200, WHOLE, sent, ranges


def toys(server, **changes):
    return Archive(**({"name": "toys.zip", "url": server.url, "size": len(WHOLE), "sha256": SHA256} | changes))


def get(archive, folder, **options):
    return fetch(archive, folder, **({"pause": 0.001, "timeout": 10.0} | options))


def refusal(archive, folder):
    with pytest.raises(InputError) as caught:
        get(archive, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_fetched_once(server, tmp_path):
    server.script = [good()]
    path = get(toys(server), tmp_path / "folder")
    assert path.read_bytes() == WHOLE
    assert get(toys(server), tmp_path / "folder") == path
    assert [file.name for file in path.parent.iterdir()] == ["toys.zip"]
    assert server.asked == [None]


def test_cut_connections_are_resumed(server, tmp_path):
    server.script = [good(1000), good(500_000), good()]
    assert get(toys(server), tmp_path).read_bytes() == WHOLE
    assert server.asked == [None, "bytes=1000-", "bytes=501000-"]


def test_a_server_without_ranges_begins_again(server, tmp_path):
    server.script = [good(1000, False), good(1000, False), good(None, False)]
    assert get(toys(server), tmp_path).read_bytes() == WHOLE


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(server, tmp_path):
    server.script = [good(1000)] + [(503, b"", None, False)] * 5
    assert "6 attempts failed, the last with: Service Unavailable" in refusal(toys(server), tmp_path)
    assert (tmp_path / ".toys.zip.part").stat().st_size == 1000
    server.script = [good()]
    assert get(toys(server), tmp_path).read_bytes() == WHOLE
    assert server.asked[-1] == "bytes=1000-"
    assert [file.name for file in tmp_path.iterdir()] == ["toys.zip"]


def test_a_whole_part_needs_nothing_more(server, tmp_path):
    (tmp_path / ".toys.zip.part").write_bytes(WHOLE)
    server.script = [good()]
    assert get(toys(server), tmp_path).read_bytes() == WHOLE


def test_a_part_of_something_else_is_fetched_anew(server, tmp_path):
    (tmp_path / ".toys.zip.part").write_bytes(b"something else")
    server.script = [good(), good()]
    assert get(toys(server), tmp_path).read_bytes() == WHOLE
    assert server.asked == ["bytes=14-", None]


def test_wrong_bytes_are_refused(server, tmp_path):
    server.script = [(200, WRONG, None, True)]
    message = refusal(toys(server), tmp_path)
    assert f"expected toys.zip of {len(WHOLE)} bytes, sha256 {SHA256}, found {len(WHOLE)} bytes, sha256" in message
    assert list(tmp_path.iterdir()) == []
    server.script = [(200, b"<html>sign in</html>", None, True)]
    assert "found 20 bytes" in refusal(toys(server), tmp_path)


@pytest.mark.parametrize(("status", "reason"), [(403, "Forbidden"), (404, "Not Found"), (410, "Gone")])
def test_dead_links_say_what_to_do(server, tmp_path, status, reason):
    server.script = [(status, b"", None, False)]
    assert refusal(toys(server), tmp_path) == (
        f"{tmp_path}/toys.zip: expected to fetch toys.zip, found: the server answers {status} {reason}. "
        f"Fetch it from {server.url} and put it there"
    )
    assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_no_server_says_what_to_do(server, tmp_path):
    nowhere = toys(server, url="http://127.0.0.1:9/toys.zip")
    assert "Connection refused. Fetch it from http://127.0.0.1:9/toys.zip and put it there" in refusal(
        nowhere, tmp_path
    )


def test_a_file_that_is_there_is_checked(server, tmp_path):
    (tmp_path / "toys.zip").write_bytes(WRONG)
    assert "toys.zip: expected toys.zip" in refusal(toys(server), tmp_path)
    assert (tmp_path / "toys.zip").read_bytes() == WRONG
    assert server.asked == []


def test_an_md5_will_do_and_an_advisory_one_is_told(server, tmp_path):
    server.script = [good(), good()]
    md5 = hashlib.md5(WHOLE).hexdigest()
    assert get(toys(server, sha256=None, md5=md5), tmp_path).exists()
    (tmp_path / "toys.zip").unlink()
    with pytest.warns(UserWarning, match="md5 00, found"):
        get(toys(server, sha256=None, md5="00", advisory=True), tmp_path)


def test_what_needs_a_browser_is_asked_for(tmp_path):
    with pytest.raises(InputError) as caught:
        download("celeba", tmp_path)
    message = str(caught.value)
    assert f"{tmp_path}/img_align_celeba.zip" in message
    assert "browser" in message
    assert "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and put it there" in message


def test_a_full_disk_is_the_systems_word(server, tmp_path):
    server.script = [good()]
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            get(toys(server), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not (tmp_path / "toys.zip").exists()


def test_every_archive_of_a_set_is_fetched(server, tmp_path, monkeypatch):
    two = (toys(server), toys(server, name="labels.txt"))
    monkeypatch.setitem(ARCHIVES, "toys", two)
    server.script = [good(), good()]
    assert download("toys", tmp_path) == [tmp_path / "toys.zip", tmp_path / "labels.txt"]
    with pytest.raises(InputError, match="found birds"):
        download("birds", tmp_path)


def test_the_table_is_complete():
    for published in (archives.DSPRITES_NPZ, *(one for of_set in ARCHIVES.values() for one in of_set)):
        assert published.url.startswith("https://") or published.md5  # Cars3D's publisher is reached by http
        assert published.sha256 or published.md5
        assert published.sha256 is None or re.fullmatch("[0-9a-f]{64}", published.sha256)
        assert published.md5 is None or re.fullmatch("[0-9a-f]{32}", published.md5)
    assert {name: len(of_set) for name, of_set in ARCHIVES.items()} == dict.fromkeys(PUBLISHED, 1) | {
        "smallnorb": 6,
        "mini_smallnorb": 6,
        "celeba": 2,
    }


CUSTOMISED = """
from tcwae.data import archives, download

archives.ARCHIVES["dsprites"] = (archives.Archive({name!r}, {url!r}, {size}, {sha256!r}, {md5!r}),)
download.fetch.__kwdefaults__["pause"] = 0.001
"""


@pytest.fixture(params=["sha256", "md5"])
def rule(server, tmp_path, monkeypatch, request):
    """A function that has Snakemake download an archive from the test's server; only one of its checksums is known."""
    known = {"sha256": None, "md5": None} | {request.param: hashlib.new(request.param, WHOLE).hexdigest()}
    study = {
        "study": "real",
        "seeds": [0],
        "datasets": {"dsprites": {"source": "real"}},
        "experiments": {"only": {"dataset": "dsprites", "methods": {"wae_mmd": {"lambda": 1}}}},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(study))
    customised = CUSTOMISED.format(name="toys.zip", url=server.url, size=len(WHOLE), **known)
    (tmp_path / "sitecustomize.py").write_text(customised)
    shutil.copy(ROOT / "Snakefile", tmp_path)
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # Python imports sitecustomize from there as it starts
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")

    def rule():
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--show-failed-logs"]
        done = subprocess.run(
            [*command, "resources/raw/dsprites/toys.zip"], cwd=tmp_path, capture_output=True, text=True, timeout=HANG
        )
        return done.returncode, done.stdout + done.stderr, tmp_path / "resources" / "raw" / "dsprites"

    return rule


def test_the_rule_survives_wrong_bytes_and_cut_connections(server, rule):
    """The first try of the job gets wrong bytes, the second gets the right ones in three parts."""
    server.script = [(200, WRONG, None, True), good(1000), good(500_000), good()]
    status, output, folder = rule()
    assert status == 0, output
    assert re.search(rf"found {len(WHOLE)} bytes, (sha256|md5)", output)
    assert (folder / "toys.zip").read_bytes() == WHOLE
    assert server.asked == [None, None, "bytes=1000-", "bytes=501000-"]


def test_the_rule_says_what_to_fetch_by_hand(server, rule):
    server.script = [(403, b"", None, False)] * 3
    status, output, folder = rule()
    assert status == 1
    assert (
        "tcwae download: resources/raw/dsprites/toys.zip: expected to fetch toys.zip, found: the server answers 403 Forbidden."
        f" Fetch it from {server.url} and put it there" in output
    )
    assert "Traceback" not in output
    assert [file.name for file in folder.iterdir()] == ["toys.zip.log"]
