"""`make gpu`: check the code on this machine's GPU, measure its speed, and train models. At most nine minutes.

Parts, each in a process with its own time limit; one that fails does not stop the next:

1. right: the GPU against the CPU in double and in single precision, graph against eager, together against alone, resumed;
2. fast: images per second by method, batch, precision, layout, graph and concurrent runs; memory; the device's bounds;
3. true: render dSprites and train for the full number of steps, as many runs as the time allows; states are kept;
4. scores: score the finished runs on all images, and pack all folders.

Files in the folder of --output (or the variable OUT): <part>.jsonl, written during the part, gpu.csv, gpu.json, runs.tar. With
--resume FOLDER, where FOLDER has an earlier runs.tar, the trainings of part 3 resume from there.

If this machine lacks a package, run `make gpu-wheels` on another one, and copy its build/gpu-wheels here.
"""

import argparse
import csv
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = ("torch", "numpy", "pandas", "h5py", "safetensors", "tqdm", "jaxtyping", "sklearn", "pydantic", "yaml", "PIL")
SECONDS = {"right": 110.0, "fast": 170.0, "true": 160.0, "scores": 70.0}
"""Limits of the parts: 510 s, so that the whole takes at most nine minutes."""
COLUMNS = ("part", "what", "method", "batch", "precision", "layout", "graph", "together", "value", "unit", "ok")


def main() -> int:
    """Run the parts one after the other, then print what they wrote. Status 1 if a part failed or a check did not hold."""
    options = _options()
    options.output.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(_paths(options.wheels))}
    missing = [name for name in NEEDED if not _importable(name, environment)]
    if missing:
        print(f"expected the packages {', '.join(NEEDED)}; missing here: {', '.join(missing)}; see `make gpu-wheels`")
        return 1
    failed = []
    for part in options.parts.split(","):
        limit = options.seconds or SECONDS[part]
        start = time.monotonic()
        words = [sys.executable, "-m", f"benchmarks.gpu_{'true' if part == 'scores' else part}", part]
        words += ["--output", str(options.output), "--device", options.device, "--seconds", str(limit)]
        words += ["--small"] * options.small
        if options.resume:
            words += ["--resume", str(options.resume)]
        print(f"\n== {part}, at most {limit:.0f} s", flush=True)
        try:
            status = subprocess.run(words, cwd=ROOT, env=environment, timeout=limit + 15, check=False).returncode
        except subprocess.TimeoutExpired:
            status = "its time was up"
        if status:
            failed.append(f"{part} ({status})")
        print(f"== {part}: {time.monotonic() - start:.0f} s", flush=True)
    rows = [
        json.loads(line)
        for part in SECONDS
        if (file := options.output / f"{part}.jsonl").exists()
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    _write(rows, options.output)
    _show(rows, failed)
    return 1 if failed or any(row.get("ok") is False for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(os.environ.get("OUT", ROOT / "results" / "gpu"))
    parser.add_argument("--output", type=lambda text: Path(text).resolve(), default=default.resolve())
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--parts", default=",".join(SECONDS), help="default %(default)s")
    parser.add_argument("--seconds", type=float, help="limit of each part (default: 110, 170, 160 and 70)")
    parser.add_argument("--small", action="store_true", help="small sizes, for tests")
    parser.add_argument("--resume", type=Path, help="a folder with an earlier runs.tar")
    parser.add_argument("--wheels", type=Path, default=ROOT / "build" / "gpu-wheels", help="default %(default)s")
    return parser.parse_args()


def _paths(wheels: Path) -> list[str]:
    """Where the parts import from: this repository, then what was brought along, then what is installed.

    A wheel is a zip of what belongs on the path. One is unpacked only if a package in it is missing, or if pydantic is missing
    and the wheel is of what pydantic needs in versions that fit.
    """
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    files = sorted(wheels.glob("*.whl")) if wheels.exists() else []
    if not files:
        return paths
    folder = Path(tempfile.mkdtemp(prefix="tcwae-wheels-"))
    pydantic = importlib.util.find_spec("pydantic") is None
    for file in files:
        with zipfile.ZipFile(file) as wheel:
            tops = {name.split("/")[0].removesuffix(".py") for name in wheel.namelist()}
            there = all(importlib.util.find_spec(top) for top in tops if top.isidentifier())
            if not there or (pydantic and file.name.startswith(("pydantic", "typing", "annotated"))):
                wheel.extractall(folder)
    return [*paths, str(folder)]


def _importable(name: str, environment: dict[str, str]) -> bool:
    program = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
    return subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


def _write(rows: list[dict], output: Path) -> None:
    (output / "gpu.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    with (output / "gpu.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def _show(rows: list[dict], failed: list[str]) -> None:
    """The short table: failed checks, the device, the fastest of each kind, the trained runs."""
    checks = [row for row in rows if "ok" in row]
    print(f"\n== result: {sum(bool(row['ok']) for row in checks)} of {len(checks)} checks hold")
    for row in (row for row in checks if not row["ok"]):
        print(f"NOT MET {_line(row)}")
    for part in failed:
        print(f"FAILED  {part}")
    fastest = {}
    for row in (row for row in rows if row.get("unit") == "images/s"):
        key = row["what"], row.get("method"), row.get("batch"), row.get("graph"), row.get("together")
        if row["value"] > fastest.get(key, {"value": 0})["value"]:
            fastest[key] = row
    for row in [row for row in rows if row.get("show")] + list(fastest.values()):
        print(_line(row))


def _line(row: dict) -> str:
    words = [str(row[name]) for name in ("method", "batch", "precision", "layout") if row.get(name)]
    words += ["graph"] * bool(row.get("graph")) + [f"{row.get('together')} together"] * bool(row.get("together"))
    return f"{row['what']:34} {row['value']:>12,.5g} {row.get('unit', ''):9} {', '.join(words)}"


if __name__ == "__main__":
    sys.exit(main())
