from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from manyfit.blocks import Processes, plan, run
from manyfit.errors import InputTypeError

pytestmark = pytest.mark.usefixtures("no_leftovers")

FOUR = plan((4,), bytes_per_element=8, max_elements=1)

# No guard, everything defined in the script itself, and a module that lies beside it.
SCRIPT = """
import os, sys
import neighbour
from manyfit.blocks import Processes, plan, run

print("script runs")
OFFSET = 10

class Answer:
    def __init__(self, value):
        self.value = value

class Failure(Exception):
    pass

def work(block):
    print("work prints", flush=True)
    if block.index == int(sys.argv[1]):
        raise Failure("from the script")
    return Answer((neighbour.double(block.index) + OFFSET, os.getpid()))

answers = []
try:
    run(
        plan((4,), bytes_per_element=8, max_elements=1),
        work,
        collect=lambda block, answer: answers.append(answer),
        executor=Processes(2),
    )
except Failure as failure:
    print("caught", failure)
else:
    assert all(type(a) is Answer for a in answers)
    assert os.getpid() not in {a.value[1] for a in answers}
    print(sorted(a.value[0] for a in answers))
"""


def call(work, executor):
    results = {}
    run(FOUR, work, collect=lambda block, r: results.update({block.index: r}), executor=executor)
    return results


@pytest.mark.parametrize(("failing", "last"), [(-1, "[10, 12, 14, 16]"), (1, "caught from the script")])
def test_script_without_a_guard(tmp_path, failing, last):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "neighbour.py").write_text("def double(n):\n    return 2 * n\n")
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", str(failing)],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
        cwd="/",
    )
    assert done.stdout.splitlines() == ["script runs", last]
    assert "script runs" not in done.stderr
    assert "work prints" in done.stderr
    assert "Traceback" not in done.stderr


def test_work_is_done_elsewhere_by_no_more_workers_than_blocks():
    one = plan((1,), bytes_per_element=8)
    pids = []
    run(one, lambda block: os.getpid(), collect=lambda block, pid: pids.append(pid), executor=Processes(8))
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_work_may_use_standard_streams():
    def work(block):
        os.write(1, b"bytes on standard output\n")
        return sys.stdin.read()

    assert set(call(work, Processes(2)).values()) == {""}


def test_large_results_and_large_work():
    data = os.urandom(3_000_000)
    assert call(lambda block: data, Processes(2)) == dict.fromkeys(range(4), data)


def test_libraries_in_workers_use_one_thread(monkeypatch):
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    seen = call(lambda block: (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]), Processes(1))
    assert set(seen.values()) == {("1", "3")}
    assert "OMP_NUM_THREADS" not in os.environ


class Awkward(Exception):
    """Cannot be unpickled: its arguments are not those of its constructor."""

    def __init__(self, message, code):
        super().__init__(message)


def test_error_that_cannot_be_pickled_keeps_its_words():
    def work(block):
        raise Awkward("unreadable source", 3)

    with pytest.raises(RuntimeError, match="Awkward: unreadable source"):
        call(work, Processes(2))


def test_result_that_cannot_be_pickled_is_an_error():
    with pytest.raises(TypeError, match="pickle"):
        call(lambda block: threading.Lock(), Processes(2))


def test_work_that_cannot_be_pickled_is_refused():
    lock = threading.Lock()
    with pytest.raises(InputTypeError, match=r"cannot be sent to worker processes.*scheduler='threads'"):
        call(lambda block: lock, Processes(2))


def test_dying_worker_is_named():
    with pytest.raises(RuntimeError, match="worker process ended with exit status 7 while"):
        call(lambda block: os._exit(7), Processes(2))


class Unloadable:
    def __reduce__(self):
        return int, ("not a number",)

    def __call__(self, block):
        raise AssertionError


def test_work_that_cannot_be_loaded_is_an_error():
    with pytest.raises(ValueError, match="not a number"):
        call(Unloadable(), Processes(2))
