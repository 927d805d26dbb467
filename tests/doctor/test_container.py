"""The image is looked at before jobs rely on it. The stand-in for `apptainer` is a program that says what it is told to."""

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
            "echo 'INFO: starting' >&2; echo 'FATAL: no user namespaces' >&2; exit 255",
            "FATAL: no user namespaces",
        ),
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
    assert "\n" not in str(error.value)


def test_one_that_hangs(apptainer, monkeypatch):
    apptainer("exec sleep 60")
    monkeypatch.setattr(container, "START_SECONDS", 0.2)
    with pytest.raises(InputError, match=r"found nothing after 0\.2 s"):
        container.check_image("image.sif")
