"""The image: what it is, what of the host reaches into it, and what is refused in words before a study queues jobs."""

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

import tcwae
from tcwae.config.run import check
from tcwae.config.study import Study
from tcwae.doctor import container
from tcwae.errors import InputError
from tcwae.programs import reason
from tcwae.provenance import commit

from .conftest import ROOT

pytestmark = pytest.mark.apptainer

HOSTILE = {
    "TMPDIR": "/of/the/host",
    "SSL_CERT_FILE": "/etc/pki/tls/cert.pem",
    "REQUESTS_CA_BUNDLE": "/etc/pki/tls/cert.pem",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MATPLOTLIBRC": "/of/the/host/matplotlibrc",
    "PYTHONPATH": "/of/the/host",
    "PYTHONHOME": "/of/the/host",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "PYTHONHASHSEED": "no number",
    "PYTHONMALLOC": "unknown",
    "LD_LIBRARY_PATH": "/of/the/host",
    "LD_PRELOAD": "/of/the/host/library.so",
    "BASH_ENV": "/of/the/host/init",
}
"""What a site's modules, a notebook or another distribution set."""

RUN = """
tcwae prepare celeba --source rendered --count 60 --output "$1/faces.h5" --processes 1
tcwae train --dataset celeba --method tcwae_mws --beta 1 --gamma 1 --iterations 4 --batch-size 8 --log-every 2 \
    --data "$1/faces.h5" --output "$1/run"
"""
STUDY = {
    "study": "small",
    "seeds": [0],
    "experiments": {"one": {"dataset": "dsprites", "methods": {"wae_mmd": {"lambda": 10}}}},
}


@pytest.fixture
def here(place, machine, monkeypatch):
    """Be in a new folder, with Apptainer on PATH, as the code that checks images is."""
    monkeypatch.chdir(place)
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    return place


def test_its_own_test_passes(who, image):
    """Started in the repository, it imports the image's package and not the working copy."""
    done = who.run("apptainer", "test", image, cwd=ROOT, TMPDIR="/of/the/host")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "step 0 of 10" in done.stdout
    assert "MPLCONFIGDIR" not in done.stderr.replace("+ export MPLCONFIGDIR=", "")
    where = who.output("apptainer", "exec", image, "python", "-c", "import tcwae; print(tcwae.__file__)", cwd=ROOT)
    assert where.startswith("/opt/tcwae/")


def test_it_says_what_it_is(who, image):
    labels = who.output("apptainer", "inspect", image)
    assert f"org.opencontainers.image.version: {tcwae.__version__}" in labels
    assert f"org.opencontainers.image.revision: {commit()}" in labels
    printed = who.output("apptainer", "run", image, "--version")
    assert printed.splitlines()[0] == f"tcwae {tcwae.__version__} (commit {commit()})"


def test_the_doctor_runs_in_it(who, image, place):
    (place / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    done = who.run("apptainer", "run", "--home", place, image, "doctor", cwd=place)
    topics = [re.split(r"\s+", line)[1] for line in done.stdout.splitlines()]
    assert topics[:4] == ["Python:", "packages:", "GPU:", "space:"], done.stdout + done.stderr


def test_versions_are_those_of_the_lock(machine, image):
    locked = set(re.findall(r"^([\w.-]+)==([^ ;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    code = (
        "from importlib.metadata import distributions\nfor d in distributions(): print(d.metadata['Name'], d.version)"
    )
    lines = machine.output("apptainer", "exec", image, "python", "-c", code).splitlines()
    installed = {(name.lower().replace("_", "-"), version) for name, version in map(str.split, lines)}
    assert len(installed) > 40
    assert installed - locked == {("tcwae", tcwae.__version__)}


def test_neither_compiler_nor_source_nor_cache_is_left(machine, image):
    tools = "cc gcc g++ clang ld make git uv pip"
    files = "/opt/build /opt/source /opt/uv /root/.cache /var/lib/apt/lists/*_Packages"
    script = f'command -v {tools}; for path in {files}; do [ ! -e "$path" ] || echo "$path"; done'
    assert machine.output("apptainer", "exec", "--no-home", image, "sh", "-c", script) == ""


def test_the_host_s_environment_changes_no_result(who, image, place):
    """Neither the weights nor the images, to the last byte."""
    digests = []
    for name, variables in (("clean", {}), ("hostile", HOSTILE)):
        (place / name).mkdir(mode=0o777)
        (place / name).chmod(0o777)
        inside = ("apptainer", "exec", "--home", place, image, "bash", "-euc", RUN, "bash", place / name)
        who.output(*inside, cwd=place, **variables)
        files = [place / name / "faces.h5", place / name / "run/model.safetensors"]
        digests.append([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])
    assert digests[0] == digests[1]


def test_it_knows_whom_to_trust_and_draws_without_a_screen(who, image):
    code = (
        "import ssl, matplotlib.pyplot as p; print(len(ssl.create_default_context().get_ca_certs()), p.get_backend())"
    )
    count, backend = who.output("apptainer", "exec", image, "python", "-c", code, **HOSTILE).split()
    assert int(count) > 50
    assert backend == "agg"


def test_a_copy_that_is_incomplete(image, here):
    whole = image.stat().st_size
    part = here / "part.sif"
    with image.open("rb") as source:
        part.write_bytes(source.read(10**6))
    os.truncate(part, whole - 1)  # a hole, as of a copy that was interrupted
    with pytest.raises(InputError, match=f"expected {whole:,} bytes, found {whole - 1:,}: the copy is incomplete"):
        container.check_image(str(part))
    os.truncate(part, whole)
    with pytest.raises(InputError) as error:
        container.check_image(str(part))
    assert str(error.value).isprintable()


def test_no_user_namespaces(image, ordinary, tmp_path):
    """A kernel that forbids them is played by a namespace of root's that allows no more of them."""
    (tmp_path / "identities").write_text("root:0:65536\n")
    allow = 'mount --bind "$0" /etc/subuid; mount --bind "$0" /etc/subgid; exec "$@"'
    private = ("unshare", "--mount", "--propagation", "private", "sh", "-c", allow, tmp_path / "identities")
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --reuid "$0" --regid "$0" --clear-groups "$@"'
    whole = ("--map-users=0,0,65536", "--map-groups=0,0,65536", "--setuid=0", "--setgid=0")
    identity = str((ordinary.folder / "home").stat().st_uid)
    command = (*private, "unshare", "--user", *whole, "sh", "-c", forbid, identity, "apptainer", "exec", image, "true")
    done = replace(ordinary, words=()).run(*command)
    assert done.returncode != 0
    why = reason("apptainer", done.stderr)
    assert why.isprintable(), done.stderr
    assert "namespace" in why, done.stderr


def test_a_colon_in_the_working_directory(image, here, monkeypatch):
    (here / "a:b").mkdir()
    monkeypatch.chdir(here / "a:b")
    with pytest.raises(InputError, match="expected a working directory without a colon"):
        container.check_image(str(image))


@pytest.mark.parametrize("name", ["a b", "a,b", "a'b", 'a"b'])
def test_other_names_are_no_trouble(name, image, here, monkeypatch):
    (here / name).mkdir()
    monkeypatch.chdir(here / name)
    assert container.check_image(str(image)).startswith("tcwae ")


def test_what_jobs_do_not_see_or_cannot_write(image, here):
    """`results` is a link to a folder that is not bound, or bound for reading alone."""
    elsewhere = Path("/srv/tcwae-elsewhere")
    elsewhere.mkdir()
    try:
        (here / "results").symlink_to(elsewhere)
        study = check(Study, STUDY, "test")
        with pytest.raises(
            InputError, match=f"results is at {elsewhere}, which jobs do not see: add --bind {elsewhere}"
        ):
            container.check_folders(study, str(image))
        with pytest.raises(InputError, match="which jobs cannot write"):
            container.check_folders(study, str(image), ["--bind", f"{elsewhere}:{elsewhere}:ro"])
        container.check_folders(study, str(image), ["--bind", str(elsewhere)])
    finally:
        elsewhere.rmdir()
