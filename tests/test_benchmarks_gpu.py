"""`make gpu` on a CPU with small sizes: the whole program, as it must run at the first try where there is a GPU."""

import csv
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from patience import HANG

from benchmarks import gpu

ROOT = Path(__file__).parents[1]


def test_the_whole_program(tmp_path):
    words = [sys.executable, "-m", "benchmarks.gpu", "--device", "cpu", "--small", "--output", str(tmp_path)]
    words += ["--seconds", "600"]  # for a busy machine
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=HANG)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    rows = json.loads((tmp_path / "gpu.json").read_text())
    assert {row["part"] for row in rows} == set(gpu.SECONDS)
    assert all(row["ok"] for row in rows if "ok" in row)
    with (tmp_path / "gpu.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    with tarfile.open(tmp_path / "runs.tar") as archive:
        names = archive.getnames()
    assert "runs/shared/beta_tcvae/seed=0/metrics.json" in names
    assert " checks hold" in done.stdout


def test_a_part_that_fails_does_not_stop_the_next(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu", "--device", "cpu", "--parts", "right,fast", "--output", str(tmp_path)])
    calls = []

    def run(words, **_):
        calls.append(words)
        if "benchmarks.gpu_right" in words:
            raise subprocess.TimeoutExpired(words, 1)
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(subprocess, "run", run)
    assert gpu.main() == 1
    assert "benchmarks.gpu_fast" in calls[-1]
    assert "FAILED  right (its time was up)" in capsys.readouterr().out


def test_wheels_give_what_is_missing_and_hide_nothing(tmp_path):
    for name, module in (("absent-1.whl", "absent_package"), ("numpy-9.whl", "numpy")):
        with zipfile.ZipFile(tmp_path / name, "w") as wheel:
            wheel.writestr(f"{module}/__init__.py", "value = 7")
    *_, folder = gpu._paths(tmp_path)
    program = "import absent_package, numpy; print(absent_package.value, numpy.pi)"
    environment = os.environ | {"PYTHONPATH": folder}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("7 3.14")
