"""Apptainer, the image that it builds from the recipe, and an ordinary user, once for all tests of this folder."""

import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from container import definition

from . import program, registry

ROOT = Path(__file__).parents[2]
USER = "tcwae-test"


@dataclass(frozen=True)
class Machine:
    """A folder that all users reach, the environment with Apptainer, and the words that make a command another user's."""

    folder: Path
    environment: dict[str, str]
    words: tuple[str, ...] = ()
    user: str = "root"

    def run(self, *command: object, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        words = [*self.words, *map(str, command)]
        environment = self.environment | variables
        return subprocess.run(words, cwd=cwd or self.folder, env=environment, capture_output=True, text=True)

    def output(self, *command: object, cwd: Path | None = None, **variables: str) -> str:
        """Run a command that must end well; its output."""
        done = self.run(*command, cwd=cwd, **variables)
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout


@pytest.fixture(scope="session")
def machine():
    """The superuser's."""
    reason = program.missing()
    if reason:
        pytest.skip(reason)
    folder = Path(
        tempfile.mkdtemp(prefix="tcwae-", dir="/var/tmp")
    )  # not /tmp, which is small while the image is built
    folder.chmod(0o755)
    try:
        yield Machine(folder, program.environment(program.install(folder)))
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def image(machine):
    """`make image` as the README has it, where /tmp has 64 MB and TMPDIR is a folder that only the host has."""
    recipe = definition.read(ROOT / "containers/tcwae.def")
    name, tag = recipe.header["from"].split(":")
    archive = program.mirror()
    layers = registry.base_image(machine.folder, tag.removesuffix("-slim"), archive)
    path, host = machine.folder / "tcwae.sif", machine.folder / "host"
    host.mkdir()
    small = ["sh", "-c", 'mount -t tmpfs -o size=64m,mode=1777 tmpfs /tmp; exec "$@"', "sh"]
    with registry.serve(machine.folder, f"library/{name}", tag, layers) as words:
        machine.output(*words, *small, "make", "image", f"IMAGE={path}", cwd=ROOT, TMPDIR=str(host))
    assert not list(host.iterdir())
    return path


@pytest.fixture(scope="session")
def ordinary(machine):
    """An ordinary user's: may use FUSE, as on every desktop and cluster, and has a home."""
    fuse = Path("/dev/fuse")
    mode = stat.S_IMODE(fuse.stat().st_mode)
    home = machine.folder / "home"
    subprocess.run(["userdel", USER], capture_output=True)  # left by tests that were killed
    subprocess.run(["useradd", "--create-home", "--home-dir", home, "--shell", "/bin/sh", USER], check=True)
    try:
        fuse.chmod(0o666)
        environment = machine.environment | {"HOME": str(home), "USER": USER, "LOGNAME": USER}
        environment.pop("APPTAINER_DROP_CAPS", None)
        words = ("setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--inh-caps=-all")
        yield replace(machine, environment=environment, words=words, user=USER)
    finally:
        fuse.chmod(mode)
        subprocess.run(["userdel", USER], check=True)


@pytest.fixture(params=["root", "ordinary"])
def who(request, machine):
    """Each test as the superuser and as an ordinary user."""
    return machine if request.param == "root" else request.getfixturevalue("ordinary")


@pytest.fixture
def place(who):
    """A new folder of the user."""
    folder = Path(tempfile.mkdtemp(dir=who.folder))
    shutil.chown(folder, who.user, who.user)
    return folder
