"""Schedulers, workers, writers and readers of a dask cluster are killed; stores are completed to the same bytes.

MANYFIT_KILLS=100 and MANYFIT_LOSS_SECONDS=120 are the full runs.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from numpy.testing import assert_array_equal

from manyfit import FitResult, fit
from manyfit.blocks import BlockStore, _dask_tasks
from manyfit.datasets import simulate_cube
from manyfit.errors import ClusterLost
from manyfit.models import parse
from tests.cluster import disturb

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and forks"),
]

KILLS = int(os.environ.get("MANYFIT_KILLS", "8"))
LOSS_SECONDS = float(os.environ.get("MANYFIT_LOSS_SECONDS", "12"))
MODEL = parse("Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)")


@pytest.fixture
def folder(tmp_path):
    simulate_cube((60, 48, 40), noise=0.1).write(tmp_path / "cube.fits")
    return tmp_path


def test_anyone_is_killed(folder):
    counts = disturb(folder, victims=["writer", "reader", "worker", "scheduler"], kills=KILLS, limit=60 + 10 * KILLS)
    assert sum(counts["kills"].values()) == KILLS
    assert counts["complete"] > 0
    assert counts["in_the_middle"] > KILLS / 10
    # at most the block of each thread for each kill; nothing else is done twice
    assert 0 <= counts["repeated"] <= counts["workers"] * KILLS


def test_worker_lost_again_and_again(folder):
    """One every two seconds, or every ten in the long run."""
    every = 10.0 if LOSS_SECONDS > 60 else 2.0
    counts = disturb(folder, victims=["worker"], seconds=LOSS_SECONDS, wait=(every, every), pause=0.1, limit=600)
    assert counts["kills"]["worker"] >= LOSS_SECONDS / every / 2
    assert counts["lost"] == 0  # no run failed
    assert counts["complete"] > 0
    assert 0 <= counts["repeated"] <= counts["kills"]["worker"]


def test_scheduler_that_is_gone_is_an_error_soon_and_the_store_goes_on(folder, monkeypatch):
    monkeypatch.setattr(_dask_tasks, "RETURN_SECONDS", 4.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    store, address = folder / "a", f"tcp://127.0.0.1:{port}"
    with (
        process("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard") as scheduler,
        process("worker", address, "--nthreads", "1", "--no-dashboard", "--preload", slow(folder)),
        distributed.Client(address, timeout=30, set_as_default=False) as client,
    ):
        client.wait_for_workers(1, timeout=30)
        killed = []
        threading.Thread(target=kill_after, args=(scheduler, store, 3, killed)).start()
        with pytest.raises(ClusterLost, match="repeat the call"):
            fit(MODEL, folder / "cube.fits", store=store, memory=60_000, scheduler=client)
        assert time.monotonic() - killed[0] < 20
    assert 0 < BlockStore.open(store).progress().blocks < len(BlockStore.open(store).plan.blocks)
    result = fit(MODEL, folder / "cube.fits", store=store)
    plain = fit(MODEL, folder / "cube.fits")
    assert_array_equal(result.compute()["mean"], plain["mean"])
    assert_array_equal(FitResult.open(store).compute().status, plain.status)


def kill_after(scheduler, store, blocks, killed):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(store.glob("done/*"))) < blocks:
        time.sleep(0.02)
    scheduler.kill()
    killed.append(time.monotonic())


def slow(folder):
    """A file that makes the blocks of a worker slow."""
    path = folder / "slow.py"
    path.write_text(
        "import time\n"
        "from manyfit.fitting import _work\n"
        "def slow(self, block, real=_work.KernelWork.__call__):\n"  # dask may read this file twice
        "    time.sleep(1.0)\n"
        "    return real(self, block)\n"
        "_work.KernelWork.__call__ = slow\n"
    )
    return str(path)


class process:
    """A process of a cluster that is killed at the end."""

    def __init__(self, kind, *options):
        self.call = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options]

    def __enter__(self):
        self.process = subprocess.Popen(self.call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self.process

    def __exit__(self, *error):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
