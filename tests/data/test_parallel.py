"""Work on several processes: in order, the same, and ended with the one that asked."""

import signal
import subprocess
import sys

import pytest
from patience import HANG

from tcwae.data.parallel import in_order


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
