"""The image is checked before jobs rely on it. Scripts stand for `apptainer`; tests/apptainer has the real one."""

import pytest

import tcwae
from tcwae.doctor import container
from tcwae.errors import InputError


@pytest.fixture
def apptainer(tmp_path, monkeypatch):
    """Put a script on PATH as `apptainer`, and be in a folder with an image."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "image.sif").touch()

    def install(script, name="apptainer"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return install


def test_the_same_version_is_accepted(apptainer):
    apptainer(f'echo "tcwae {tcwae.__version__} (0123456789)"')
    assert container.check_image("image.sif") == f"tcwae {tcwae.__version__} (0123456789)"


def test_singularity_does_as_well(apptainer):
    apptainer(f'echo "tcwae {tcwae.__version__}"', "singularity")
    assert container.check_image("image.sif")


def test_it_is_started_as_a_job_is(apptainer, tmp_path):
    apptainer('echo "$@"')
    printed = container.execute("image.sif", ["tcwae", "--version"], ["--nv", "--bind", "/data"])
    assert printed == f"exec --home {tmp_path} --nv --bind /data image.sif tcwae --version"


@pytest.mark.parametrize(
    ("image", "script", "fault"),
    [
        ("none.sif", "exit 1", "expected the image none.sif, found no such file"),
        ("image.sif", "echo tcwae 9.0.0", f"expected tcwae {tcwae.__version__} as here, found tcwae 9.0.0"),
        ("image.sif", "true", "found nothing"),
        (
            "image.sif",
            r"printf '\033[31mERROR  : no user namespace\n\033[0m\033[31mFATAL:   it failed\n\033[0m\n' >&2; exit 255",
            "found: apptainer: it failed",
        ),
        ("image.sif", r"printf '\033[33mWARNING: one\033[0m\n\033[0m\n' >&2; exit 1", "found: apptainer: WARNING: one"),
        ("image.sif", "exit 7", "status 7"),
        ("image.sif", None, "expected the command apptainer on PATH, found none"),
    ],
)
def test_what_will_not_do_is_one_line(apptainer, image, script, fault):
    if script:
        apptainer(script)
    with pytest.raises(InputError) as error:
        container.check_image(image)
    assert fault in str(error.value)
    assert str(error.value).isprintable()


def test_a_file_that_was_copied_halfway(tmp_path, monkeypatch):
    """The header of a SIF file says where its data begin and how long they are."""
    monkeypatch.chdir(tmp_path)
    header = bytearray(128)
    header[32:41] = b"SIF_MAGIC"
    header[112:128] = (32_768).to_bytes(8, "little") + (10_000).to_bytes(8, "little")
    (tmp_path / "image.sif").write_bytes(bytes(header) + bytes(42_768 - 129))
    with pytest.raises(InputError, match="expected 42,768 bytes, found 42,767: the copy is incomplete"):
        container.check_image("image.sif")


def test_a_working_directory_that_apptainer_cannot_take(apptainer, tmp_path, monkeypatch):
    apptainer("true")
    (tmp_path / "a:b").mkdir()
    monkeypatch.chdir(tmp_path / "a:b")
    with pytest.raises(InputError, match="a:b: expected a working directory without a colon"):
        container.execute("image.sif", ["true"])


def test_one_that_hangs(apptainer, monkeypatch):
    apptainer("exec sleep 60")
    monkeypatch.setattr(container, "START_SECONDS", 0.2)
    with pytest.raises(InputError, match=r"expected an answer, found none after 0\.2 s"):
        container.check_image("image.sif")
