"""Ctrl-C as a terminal sends it: SIGINT to the whole foreground process group of a real script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

SCRIPT = """
import sys, threading, time
from pathlib import Path
import psutil
from manyfit.blocks import executor_for, plan, run

folder = Path(sys.argv[2])

def work(block):
    (folder / f"{block.index}.begun").touch()
    time.sleep(float(sys.argv[3]))
    (folder / f"{block.index}.ended").touch()

def fit(scheduler):
    run(
        plan((1000,), bytes_per_element=8, max_elements=1),
        work,
        collect=lambda block, result: None,
        executor=executor_for(scheduler, workers=2),
    )

def report():
    begun, ended = (len(list(folder.glob(f"*.{word}"))) for word in ("begun", "ended"))
    threads = [t.name for t in threading.enumerate() if t.name.startswith("manyfit")]
    print("begun", begun, "ended", ended, "threads", threads, "children", psutil.Process().children())

print("script")
try:
    if sys.argv[1] == "client":
        from distributed import Client
        with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0") as client:
            fit(client)
    else:
        fit(sys.argv[1])
except KeyboardInterrupt:
    print("interrupted")
report()
"""


def start(scheduler, folder, seconds):
    """The script, at a moment when it has begun to work."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script, scheduler, folder, str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 90
    while len(list(folder.glob("*.begun"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("scheduler", ["serial", "threads", "processes", "client"])
def test_one_interrupt_ends_the_run_after_the_running_blocks(scheduler, tmp_path):
    process = start(scheduler, tmp_path, 0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0
    assert "Traceback" not in err
    lines = out.splitlines()
    assert lines[:2] == ["script", "interrupted"]
    words = lines[2].split()
    begun, ended = int(words[1]), int(words[3])
    assert 2 <= begun < 20
    if scheduler in ("threads", "processes"):
        assert ended == begun
    assert lines[2].endswith("threads [] children []")


def test_second_interrupt_kills_the_processes(tmp_path):
    process = start("processes", tmp_path, 60)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=90)
    assert "interrupted" in out
    assert "children []" in out


def test_workers_end_when_the_caller_is_killed(tmp_path):
    psutil = pytest.importorskip("psutil")
    process = start("processes", tmp_path, 0.1)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    process.kill()
    process.communicate(timeout=90)
    _, alive = psutil.wait_procs(workers, timeout=90)
    assert not alive
