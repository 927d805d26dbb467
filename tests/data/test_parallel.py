"""Work on several processes: in order, the same, and ended with the one that asked."""

import os
import signal
import subprocess
import sys

import pytest
from patience import HANG

from tcwae.data.parallel import in_order
from tcwae.errors import InputError


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_tasks(processes):
    tasks = [str(n) for n in range(40)]
    assert list(in_order(int, tasks, "numbers", processes)) == list(range(40))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_fault_comes_at_its_place(processes):
    results = in_order(int, ["1", "2", "x", "4"], "numbers", processes)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="'x'"):
        next(results)


def test_one_need_not_take_all():
    results = in_order(int, ["1"] * 100, "numbers", 2)
    assert next(results) == 1
    results.close()


def test_workers_end_when_their_parent_is_killed(ended):
    script = (
        "import time\n"
        "from tcwae.data.parallel import in_order\n"
        "if __name__ == '__main__':\n"
        "    for n in in_order(float, ['1'] * 50, 'numbers', 2):\n"
        "        print(n, flush=True)\n"
        "        time.sleep(10**6)\n"
    )
    run = [sys.executable, "-c", script]
    running = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    assert running.stdout.readline() == b"1.0\n"
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=HANG)
    assert ended(running.pid)


def test_a_script_without_a_guard_is_run_once(tmp_path):
    (tmp_path / "script.py").write_text(
        "print('begun', flush=True)\n"
        "from tcwae.data.parallel import in_order\n"
        "print(list(in_order(int, ['1', '2', '3'], 'numbers', 2)))\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, encoding="utf-8", timeout=HANG, check=False
    )
    assert (done.returncode, done.stdout) == (0, "begun\n[1, 2, 3]\n"), done.stderr


def test_a_process_that_is_killed_is_named():
    with pytest.raises(InputError, match=r"numbers: one of 2 processes was killed, .*--processes"):
        list(in_order(os._exit, [1, 1, 1], "numbers", 2))
