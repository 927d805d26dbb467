"""The doctor's lines: what is well, what is not, and the remedy. Commands are small programs on PATH that play them."""

import resource
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import tcwae
from tcwae.cli.main import main
from tcwae.config.run import check
from tcwae.config.study import Study
from tcwae.doctor import cluster, files
from tcwae.doctor import examine as doctor
from tcwae.doctor.gpu import OLDEST_DRIVER, Device, Seen, findings
from tcwae.errors import InputError
from tcwae.provenance import commit

COMMIT = commit()  # which is looked for once, and needs a PATH with git
A100 = Device("A100", (8, 0), 39 * 2**30, 40 * 2**30)
KERNELS = ("sm_75", "sm_80", "sm_86", "sm_90")
GOOD = Seen(cuda="13.0", driver="580.65.06", devices=(A100,), kernels=KERNELS)
NONE = replace(GOOD, devices=())
STUDY = {
    "study": "small",
    "seeds": [0, 1],
    "container": "image.sif",
    "datasets": {"celeba": {"source": "real"}, "mine": {"source": "real", "format": "npz", "archive": "mine.npz"}},
    "experiments": {"one": {"dataset": "dsprites", "methods": {"wae_mmd": {"lambda": [1, 10]}}}},
}
PROFILE = {
    "software-deployment-method": "apptainer",
    "apptainer-args": "--nv",
    "default-resources": {"slurm_partition": "cpu", "slurm_account": "lab"},
    "set-resources": {"train": {"slurm_partition": "gpu", "gpu": 1}},
}


@pytest.mark.parametrize(
    ("seen", "level", "text"),
    [
        (GOOD, "ok", "A100, compute capability 8.0, 39 of 40 GB free, driver 580.65.06, CUDA 13.0; it computes"),
        (replace(NONE, driver=None), "warning", "no NVIDIA driver on this machine; to ask a node: srun"),
        (replace(NONE, driver=None, cuda=None), "warning", "no NVIDIA driver on this machine"),
        (replace(NONE, driver=None, asked=True), "problem", "its node has no NVIDIA driver"),
        (
            replace(NONE, driver="550.54.15"),
            "problem",
            "expected driver 580 or later for CUDA 13.0, found 550.54.15: build",
        ),
        (replace(NONE, driver="550.54.15", cuda="12.6", contained=True), "problem", "start it with --nv"),
        (replace(NONE, cuda=None), "problem", "a torch for CPUs"),
        (replace(NONE, asked=False), "warning", "this job asked for none"),
        (replace(NONE, fault="CUDA unknown error"), "problem", "torch sees no device: CUDA unknown error"),
        (
            replace(GOOD, devices=(replace(A100, fault="out of memory"),)),
            "problem",
            "expected it to compute, found: out of",
        ),
    ],
)
def test_gpu(seen, level, text):
    (finding,) = findings(seen)
    assert (finding.level, finding.topic) == (level, "GPU")
    assert text in finding.text


@pytest.mark.parametrize(
    ("capability", "kernels", "runs"),
    [
        ((7, 0), KERNELS, False),  # V100, which CUDA 13 has dropped
        ((7, 5), KERNELS, True),
        ((8, 9), KERNELS, True),  # as of 8.6
        ((9, 0), ("sm_90a",), True),
        ((12, 0), KERNELS, False),
        ((12, 0), ("sm_90", "compute_90"), True),  # compiled anew by the driver
        ((8, 0), ("sm_86",), False),
    ],
)
def test_kernels_run_on_their_architecture_and_its_later_minor_versions(capability, kernels, runs):
    (finding,) = findings(replace(GOOD, devices=(replace(A100, capability=capability),), kernels=kernels))
    assert (finding.level == "ok") == runs


def test_the_driver_table_knows_this_torch():
    import torch

    assert torch.version.cuda is None or int(torch.version.cuda.split(".")[0]) in OLDEST_DRIVER


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to be in, whose bin/ is all that is on PATH besides the system's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    return tmp_path


def program(here, name, script):
    (here / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (here / "bin" / name).chmod(0o755)


def study(**changes):
    return check(Study, STUDY | changes, "test")


def lines(found):
    return [str(finding) for finding in found]


def on_cluster(
    here,
    nodes="cpu|up|infinite|12|(null)\ngpu|up|2-00:00:00|2|gpu:a100:4\ngpu|up|2-00:00:00|1|gpu:v100:2",
    accounts="lab",
    accounting="",
):
    program(here, "sbatch", "")
    program(here, "sinfo", f"echo '{nodes}'")
    program(here, "sacctmgr", f"echo '{accounts}'")
    program(here, "sacct", accounting)


def test_slurm_that_is_ready(here):
    on_cluster(here)
    assert lines(cluster.slurm(PROFILE)) == [
        "ok       SLURM: jobs: partition cpu, nodes: 12, time limit: infinite",
        "ok       SLURM: train: partition gpu, nodes: 3, time limit: 2-00:00:00, gpu:a100:4, gpu:v100:2",
    ]


@pytest.mark.parametrize(
    ("cluster_is", "problem"),
    [
        ({"nodes": "short|up|1:00|2|gpu:1\nlong|up|1:00|2|(null)"}, "the partition cpu of slurm/profile.v9+.yaml, found short"),
        ({"nodes": "cpu|up|1:00|2|(null)\ngpu|up|1:00|2|(null)"}, "train: partition gpu has no GPUs"),
        ({"accounting": "echo Slurm accounting storage is disabled >&2; exit 1"}, "disabled: where there is no accounting, "),
        ({"accounts": "physics"}, "expected the account lab of slurm/profile.v9+.yaml, found physics"),
    ],
)  # fmt: skip
def test_slurm_that_the_profile_does_not_fit(here, cluster_is, problem):
    on_cluster(here, **cluster_is)
    assert any(finding.level == "problem" and problem in finding.text for finding in cluster.slurm(PROFILE))


@pytest.mark.parametrize(
    ("train", "problem"),
    [
        ({"slurm_partition": "moon", "gpu": 1}, "train: expected the partition moon of .*, found cpu, gpu"),
        ({"slurm_partition": "gpu,moon", "gpu": 1}, "train: expected the partition moon of "),
        ({"slurm_partition": "cpu", "gres": "gpu:1"}, "train: partition cpu has no GPUs"),
        ({"slurm_partition": "cpu,gpu", "gpu": 1}, None),
        ({}, None),
    ],
)
def test_partitions_are_checked_before_a_study(train, problem, here):
    asked = {"prepare": {"slurm_partition": "cpu"}, "train": train}
    with pytest.raises(InputError, match="expected the command sbatch on PATH, found none"):
        cluster.check_partitions(asked)
    on_cluster(here)
    with pytest.raises(InputError, match=problem) if problem else nullcontext():
        cluster.check_partitions(asked)


def test_slurm_that_is_not_there_or_does_not_answer(here, monkeypatch):
    assert lines(cluster.slurm(PROFILE)) == [
        "warning  SLURM: no sbatch on this machine: `snakemake --profile slurm` needs a login node"
    ]
    on_cluster(here, nodes="cpu|drain|1:00|2|(null)\ngpu|up|1:00|1|gpu:1")
    assert "partition cpu is drain: jobs wait" in lines(cluster.slurm(PROFILE))[0]
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.2)
    program(here, "sinfo", "exec /bin/sleep 9")
    assert "sinfo: expected an answer, found none after 0.2 s" in lines(cluster.slurm(PROFILE))[0]


def test_the_image(here):
    found = list(cluster.image(study(), PROFILE))
    assert [finding.level for finding in found] == ["warning"]  # no cluster here: nothing needs it
    on_cluster(here)
    found = list(cluster.image(study(), PROFILE))
    assert [finding.level for finding in found] == ["problem"]
    assert "found no such file" in found[0].text

    (here / "image.sif").touch()
    program(here, "apptainer", f'echo "tcwae {tcwae.__version__} (commit {COMMIT})"')
    found = lines(cluster.image(study(), PROFILE))
    assert found[0].startswith(f"ok       image: image.sif: tcwae {tcwae.__version__} (commit {COMMIT}), by ")
    program(here, "apptainer", f'case "$*" in *version) echo "tcwae {tcwae.__version__} (commit abc)";; esac')
    (finding,) = cluster.image(study(), PROFILE)
    assert (finding.level, f"the code here {COMMIT}" in finding.text) == ("warning", True)
    assert not list(cluster.image(study(container=None), PROFILE))
    (finding,) = cluster.image(study(container="docker://example/tcwae:0.1.0"), PROFILE)
    assert (finding.level, "is fetched when the study starts" in finding.text) == ("warning", True)


def test_folders_that_the_image_does_not_see(here):
    """`results` is a link to elsewhere, which no --bind names."""
    on_cluster(here)
    (here / "image.sif").touch()
    (here / "results").symlink_to("/usr")
    program(
        here,
        "apptainer",
        f'case "$*" in *version) echo "tcwae {tcwae.__version__} (commit {COMMIT})";; *) echo results;; esac',
    )
    problem = list(cluster.image(study(), PROFILE))[1]
    assert (problem.level, "results is at /usr, which jobs do not see: add --bind /usr" in problem.text) == (
        "problem",
        True,
    )


def test_what_a_study_needs_is_what_is_not_there_yet(here):
    """Four runs and dSprites' images at first, then less."""
    runs = 4 * (10e6 + 737_280 * (8 * 10 + 14))
    assert files.needed(here, study()) == runs + 737_280 * 512
    (here / "resources").mkdir()
    (here / "resources" / "dsprites-rendered.h5").touch()
    assert files.needed(here, study()) == runs
    done = here / "results/small/runs/dsprites/wae_mmd/cross_entropy/lambda=1/seed=0/metrics.json"
    done.parent.mkdir(parents=True)
    done.touch()
    assert files.needed(here, study()) == runs * 3 / 4


def test_space(here, monkeypatch):
    (finding,) = files.space(here, study())
    assert (finding.level, "about 0.7 GB still needed" in finding.text) == ("ok", True)
    monkeypatch.setattr(files, "needed", lambda *_: 1e18)
    (finding,) = files.space(here, study())
    assert (finding.level, "expected 1000000000.0 GB free" in finding.text) == ("problem", True)
    assert not list(here.glob("tmp*"))


def test_space_for_temporary_files(here, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(here / "missing"))
    (finding,) = files.space(here, study())
    assert finding.level == "problem"
    assert finding.text.endswith("missing: expected to write 1 MB to try, found: No such file or directory; "
                                 "set TMPDIR to a folder that has space")  # fmt: skip


def test_space_is_looked_for_where_results_are(here, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("scratch")
    (here / "results").symlink_to(elsewhere)
    (finding,) = files.space(here, study())
    assert finding.text.startswith(f"{elsewhere} can be written")


def test_data(here, small_data):
    dsprites = {"dsprites": {"source": "rendered"}}
    assert lines(files.data(Path(), study()))[0] == "ok       data: resources/dsprites-rendered.h5: will be drawn"
    (here / "resources").mkdir()
    path = here / "resources" / "dsprites-rendered.h5"
    path.write_bytes(small_data.read_bytes())
    (finding,) = files.data(Path(), study(datasets=dsprites))
    assert (finding.level, "checksum right" in finding.text) == ("ok", True)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    (finding,) = files.data(Path(), study(datasets=dsprites))
    assert (finding.level, "prepare it again" in finding.text) == ("problem", True)


@pytest.mark.parametrize(
    ("name", "dataset", "level", "text"),
    [
        ("dsprites", {"source": "real"}, "warning", ".hdf5 will be downloaded"),
        ("celeba", {"source": "real"}, "problem", "with a browser"),
        (
            "mine",
            {"source": "real", "format": "npz", "archive": "mine.npz"},
            "problem",
            "mine.npz: expected the archive of mine",
        ),
        ("mine", {"source": "real", "format": "npz", "archive": "/"}, "ok", "will be prepared from /"),
    ],
)
def test_archives(here, name, dataset, level, text):
    experiments = {"one": {"dataset": name, "methods": {"wae_mmd": {"lambda": 1}}}}
    (finding,) = files.data(Path(), study(datasets={name: dataset}, experiments=experiments))
    assert (finding.level, text in finding.text) == (level, True), finding


def test_packages_against_the_lock(here):
    from importlib.metadata import version

    lock = here / "requirements.lock"
    numpy, torch = version("numpy"), version("torch").partition("+")[0]
    lock.write_text(
        f"numpy=={numpy} ; python_full_version < '4' \\\nnumpy==99.0 ; python_full_version >= '4'\ntorch=={torch}\n"
    )
    assert doctor.packages(lock).level == "ok"
    lock.write_text("numpy==0.1 \\\n    --hash=sha256:0\nnot-installed==1.0\n")
    assert f"numpy {numpy} instead of 0.1: `make env`" in str(doctor.packages(lock))
    assert doctor.packages(here / "none").level == "ok"


def test_the_verb(here, capsys):
    """A line for each finding, and status 2 where there is a problem: a quota, for which a limit of file size stands."""
    (here / "config.yaml").write_text(yaml.safe_dump(STUDY))
    done = subprocess.run(
        [sys.executable, "-m", "tcwae", "doctor"], capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6)),
    )  # fmt: skip
    assert done.returncode == 2
    assert all(line.split()[0] in ("ok", "warning", "problem") for line in done.stdout.splitlines())
    topics = [line.split()[1] for line in done.stdout.splitlines()]
    assert topics == ["Python:", "packages:", "GPU:", "space:", "data:", "SLURM:", "image:"]
    assert f"problem  space: {here}: expected to write 64 MB to try, found: File too large" in done.stdout
    (here / "config.yaml").write_text("seeds: [")
    assert main(["doctor"]) == 2
    assert "config.yaml: expected YAML" in capsys.readouterr().err
