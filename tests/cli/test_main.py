"""The command line: help that names every field, and one line and a status for every error that a user can correct."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
from patience import HANG

import tcwae
from tcwae.cli.main import main
from tcwae.config.base import exact
from tcwae.config.methods import METHODS
from tcwae.config.run import Run, Training
from tcwae.data.prepared import read
from tcwae.provenance import commit

TRAIN = "train --dataset dsprites --method beta_tcvae --beta 4 --iterations 2 --batch-size 4".split()


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "tcwae", *map(str, arguments)], capture_output=True, text=True, timeout=HANG, **options
    )


def help_of(verb, capsys):
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0
    return " ".join(capsys.readouterr().out.split())


def test_help_of_train_shows_every_field_with_default_and_source(capsys):
    text = help_of("train", capsys).replace("- ", "-")
    for model in (Run, Training, *METHODS.values()):
        for name, field in model.model_fields.items():
            if name in ("name", "training", "method", "code"):
                continue
            assert f"--{(field.alias or name).replace('_', '-')}" in text
            assert " ".join(field.description.split()).replace("- ", "-") in text
            if not field.is_required():
                assert f"default {exact(field.default)}" in text
    for source in ("Table 1a", "Table 4", "Table 5", "section B.1", "eq. (8)", "eq. (9)", "eq. (7)"):
        assert source in text


@pytest.mark.parametrize(
    "verb",
    [
        "init",
        "prepare",
        "download",
        "data",
        "score",
        "train",
        "evaluate",
        "measure",
        "fid",
        "curves",
        "explore",
        "doctor",
        "gather",
        "plan",
        "select",
        "compare",
        "status",
        "plot",
        "report",
    ],
)
def test_every_verb_has_help(verb, capsys):
    assert f"usage: tcwae {verb}" in help_of(verb, capsys)


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == (
        f"tcwae {tcwae.__version__} (commit {commit()})\n"
        f"python {platform.python_version()}, torch {version('torch')}, numpy {version('numpy')}\n"
    )


@pytest.mark.parametrize(
    ("line", "completions"),
    [
        ("tcwae ev", {"evaluate"}),
        ("tcwae train --method tcwae_", {"tcwae_mws", "tcwae_gan"}),
        ("tcwae train --discriminator-l", {"--discriminator-learning-rate"}),
        ("tcwae curves ru", {"runs"}),
    ],
)
def test_bash_completes_verbs_flags_choices_and_paths(line, completions, tmp_path, capsys):
    (tmp_path / "runs").mkdir()
    with pytest.raises(SystemExit):
        main(["--print-completion", "bash"])
    words = line.split()
    script = (
        f"{capsys.readouterr().out}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; "
        f"COMP_POINT={len(line)}; compopt() {{ :; }}; _shtab_tcwae tcwae {words[-1]} {words[-2]}; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert set(done.stdout.split()) == completions, done.stderr


def test_a_reader_that_has_read_enough_is_no_error(small_data):
    done = subprocess.run(
        f"{sys.executable} -m tcwae data {small_data} | true; exit ${{PIPESTATUS[0]}}",
        shell=True, executable="bash", capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_nor_is_one_that_has_read_nothing_of_the_help(option):
    done = subprocess.run(
        f"{sys.executable} -m tcwae {option} | true; exit ${{PIPESTATUS[0]}}",
        shell=True, executable="bash", capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_terminal_cannot_show_is_replaced(tmp_path):
    """Whatever the locale; a file's text stays as it is."""
    images = np.zeros((20, 64, 64), np.uint8)
    images[:, ::2] = 9
    factors = np.stack([np.arange(20) % 2, np.arange(20) // 10], axis=1)
    np.savez(tmp_path / "mine.npz", images=images, factors=factors, factor_names=np.array(["größe", "新"]))
    plain = os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = command("prepare", "npz", "--archive", tmp_path / "mine.npz", "--output", tmp_path / "mine.h5", env=plain)
    assert (done.returncode, done.stderr) == (0, "")
    assert "factors:          gr??e (2), ? (2)\n" in done.stdout
    assert "pixels:           from 0 to 9 of 255," in done.stdout
    assert read(tmp_path / "mine.h5").factor_names == ("größe", "新")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*TRAIN, "--data", "none.h5", "--output", "run"], "none.h5: No such file"),
        ([*TRAIN, "--data", "text", "--output", "run"], "text: expected a data set"),
        ([*TRAIN, "--lambda", "3", "--data", "text", "--output", "run"], "--method: unknown key 'lambda'"),
        (
            [*TRAIN, "--learning-rate", "fast", "--data", "text", "--output", "run"],
            "--learning-rate: expected a number, found 'fast'",
        ),
        (
            [*TRAIN, "--batch-size", "1", "--data", "text", "--output", "run"],
            "--batch-size: expected at least 2, found '1'",
        ),
        (
            ["train", "--dataset", "dsprites", "--method", "tcwae_mws", "--beta", "1", "--data", "x", "--output", "y"],
            "--gamma: expected a value, found none",
        ),
        (
            ["evaluate", "--run", "none", "--data", "text"],
            "none: expected a run's folder, results/<study>/runs/<run>, found nothing of that name",
        ),
        (["evaluate", "--run", "none", "--data", "text", "--codes", "3"], "codes"),
        (["gather", "--results", "."], "config.json: found no such file, expected the study"),
        ([*TRAIN, "--code", "own.py", "--data", "text", "--output", "run"], "own.py: found no such file"),
        (["data", "text"], "text: expected a data set"),
        (["curves", "none"], "none: expected a run's folder"),
        (["curves", "text"], "found a file"),
        (["explore", "none", "--output", "page.html"], "none: expected a run's folder"),
        (["score", "text"], "text"),
        (["prepare", "npz", "--source", "real", "--archive", "text", "--output", "x.h5"], "text"),
        (["prepare", "celeba", "--source", "rendered", "--crop", "140", "--output", "x.h5"], "crop"),
        (["download", "celeba", "--output", "raw"], "img_align_celeba.zip"),
        (["download", "celeba", "--file", "x", "--output", "raw"], "expected a file among img_align_celeba.zip"),
        (["prepare", "images", "--output", "x.h5"], "images: expected an archive to read (--archive), found none"),
        (["prepare", "dsprites", "--source", "rendered", "--archive", "text"], "drawn here, found text"),
        (["prepare", "dsprites", "--count", "5"], "dsprites rendered: expected no such option, found --count"),
        (["plan"], "config.yaml: expected a study, found no such file; `tcwae init FOLDER` writes"),
        (["plan", "--configfile", "text"], "text: expected keys with values, found 'not a data set'"),
        (["init", "text"], "text: expected a new or empty folder, found a file"),
        (["init", "."], ".: expected a new or empty folder, found one with files in it"),
        (["plot", "grid", "heatmap", "--results", "none", "--output", "x.pdf"], "none/study.json"),
        (["plot", "grid", "heatmap", "--results", "none", "--output", "x.png"], "a name that ends in .pdf, found .png"),
        (["prepare", "dsprites", "--source", "real", "--archive", "none.npz", "--output", "x.h5"], "none.npz"),
        (["prepare", "dsprites", "--source", "real", "--archive", "text", "--output", "x.h5"], "text"),
    ],
)
def test_what_can_be_mended_is_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("not a data set")
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith(f"tcwae {arguments[0]}: ")
    assert error.count("\n") == 1
    assert {file.name for file in tmp_path.iterdir() if file.is_file()} <= {"text"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "train --method gan",
            "tcwae train: --method: expected wae_mmd, tcwae_mws, tcwae_gan, beta_tcvae, factor_vae or",
        ),
        ("trian", "found 'trian', did you mean 'train'?; `tcwae --help` says more"),
        ("", "tcwae: expected a verb, found none"),
        ("--verison", "tcwae: expected another flag, found '--verison', did you mean '--version'?"),
        ("train", "tcwae train: expected also --output, --data, --method; `tcwae train --help` says more"),
        (
            " ".join([*TRAIN, "--data x --output y --itrations=3"]),
            "found '--itrations=3', did you mean '--iterations'?",
        ),
        ("data a b", "tcwae data: expected no further argument, found 'b'"),
        ("score a --seeds few", "tcwae score: --seeds: expected a whole number, at least 1, found 'few'"),
        ("plan --images-per-second nan", "--images-per-second: expected a number, at least 1, found 'nan'"),
        ("evaluate --run a --data b --threads 0", "--threads: expected a whole number, at least 1, found '0'"),
    ],
)
def test_what_the_command_line_cannot_be_is_one_line_too(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments.split())
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_no_space_left(small_data, tmp_path):
    """A file-size limit stands for a full disk: no file under its final name, and the error names it."""
    limited = f"ulimit -f 100; exec {sys.executable} -m tcwae {' '.join(TRAIN)} --data {small_data} --output {tmp_path / 'run'}"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert {file.name for file in (tmp_path / "run").iterdir()} <= {".lock", "curves.csv", "training.json"}


@pytest.mark.parametrize(
    ("verb", "status"), [(["data", "none.h5"], 2), ([*TRAIN, "--time-budget", "0"], 75), (TRAIN, 0)]
)
def test_a_log_on_a_full_disk_changes_no_status(verb, status, small_data, tmp_path):
    """/dev/full answers every write with the error of a full disk."""
    where = [] if verb[0] == "data" else ["--data", small_data, "--output", tmp_path]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tcwae", *map(str, [*verb, *where])], stdout=full, stderr=full, timeout=HANG
        )
    assert done.returncode == status


def test_interrupted_by_the_keyboard(small_data, tmp_path):
    """Status 2 and one line; the same command then resumes."""
    arguments = [
        sys.executable,
        "-m",
        "tcwae",
        *TRAIN,
        "--iterations",
        "100000",
        "--data",
        small_data,
        "--output",
        tmp_path,
    ]
    process = subprocess.Popen(
        [str(word) for word in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "step 0 of 100000" in process.stdout.readline()
    process.send_signal(2)
    _, error = process.communicate(timeout=HANG)
    assert process.returncode == 2
    assert "SIGINT: saved at step" in error
    assert (tmp_path / "state.safetensors").exists()


def test_help_needs_no_torch():
    code = "import sys; from tcwae.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n" \
           "sys.exit(bool({'torch', 'numpy', 'pandas'} & set(sys.modules)))"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
