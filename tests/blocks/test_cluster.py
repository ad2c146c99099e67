"""Connections to clusters, and workers that cannot do the work."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.modeling.models import Linear1D
from numpy.testing import assert_array_equal

from manyfit import fit
from manyfit.blocks import DaskClient, _cluster, _dask_workers, plan, run
from manyfit.blocks._cluster import client_at, local_client
from manyfit.blocks._dask_tasks import Pace
from manyfit.errors import ClusterLost, InputError

distributed = pytest.importorskip("distributed")
TASKS = Path("/proc/self/task")
MANY = plan((40,), bytes_per_element=8, max_elements=1)


def nothing(*_):
    """What is collected."""


def test_no_scheduler_is_an_error_soon(monkeypatch):
    monkeypatch.setattr(_cluster, "CONNECT_SECONDS", 0.3)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    started = time.monotonic()
    with pytest.raises(ClusterLost, match="no dask scheduler at tcp://127"), client_at(address):
        pass
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("address", ["nonsense://host:1", "tcp://"])
def test_what_is_no_address(address, monkeypatch):
    monkeypatch.setattr(_cluster, "CONNECT_SECONDS", 0.3)
    with pytest.raises((InputError, ClusterLost), match=r"no address of|no dask scheduler at"), client_at(address):
        pass


def test_scheduler_without_workers(monkeypatch):
    monkeypatch.setattr(_cluster, "WORKER_SECONDS", 0.2)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, protocol="tcp", dashboard_address=":0") as cluster,
        pytest.raises(ClusterLost, match="has 0 of 1 workers"),
        client_at(cluster.scheduler_address),
    ):
        pass


@pytest.mark.parametrize(("found", "said"), [(None, "has no manyfit"), ("0.0.1", "has 0.0.1")])
def test_worker_with_another_version_is_named(client, monkeypatch, found, said):
    worker = next(iter(client.scheduler_info()["workers"]))
    monkeypatch.setattr(_dask_workers, "_versions", lambda _: {worker: found})
    with pytest.raises(InputError, match=f"{worker} {said}"):
        run(MANY, lambda block: None, collect=nothing, executor=DaskClient(client))


def test_versions_are_asked_for_without_manyfit(client):
    import cloudpickle

    code = (
        "import importlib.metadata, pickle, sys; sys.modules['manyfit'] = None\n"
        f"print(pickle.loads({cloudpickle.dumps(_dask_workers._version)!r})())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == _dask_workers._version()
    assert set(_dask_workers._versions(client).values()) == {said.strip()}


def test_worker_that_does_not_see_a_file_is_named(client, tmp_path):
    def work(block):
        (tmp_path / "cube.fits").read_bytes()

    with pytest.raises(FileNotFoundError, match=r"cube\.fits.* on the dask worker inproc://.*same on every worker"):
        run(MANY, work, collect=nothing, executor=DaskClient(client))


def test_pace():
    pace = Pace()
    assert pace.next(1000, 2) == 1
    pace.learn(1, 0.01)
    assert [pace.next(n, 2) for n in (1000, 64, 8, 1)] == [16, 8, 2, 1]
    pace.learn(16, 32.0)
    assert pace.next(1000, 2) == 1


def test_no_more_blocks_at_once_than_threads():
    """A worker of two threads runs two blocks at a time, and no library starts threads beside them."""
    lock, running, most = threading.Lock(), [], []

    def work(block):
        with lock:
            running.append(block.index)
            most.append(len(running))
        time.sleep(0.005)
        with lock:
            running.remove(block.index)

    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        run(MANY, Unpickled(work), collect=nothing, executor=DaskClient(client))
    assert max(most) == 2


class Unpickled:
    """Work that stays in this process."""

    kept: dict[int, object] = {}  # noqa: RUF012

    def __init__(self, work):
        self.key = id(work)
        self.kept[self.key] = work

    def __call__(self, block):
        return self.kept[self.key](block)


def threads_and_time(block):
    """Threads of this process before and after a fit, and how many cores it took."""
    x = np.random.default_rng(block.index).standard_normal((40, 40_000))
    before, wall, cpu = threading.active_count(), time.perf_counter(), time.process_time()
    system = len(list(TASKS.iterdir()))
    fit(Linear1D(), x, scheduler="serial")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return threading.active_count() - before, len(list(TASKS.iterdir())) - system, cpu / wall


@pytest.mark.skipif(not TASKS.exists(), reason="counts threads in /proc")
@pytest.mark.parametrize("kind", ["dask", "processes"])
def test_a_fit_in_a_worker_starts_no_threads(kind):
    from manyfit.blocks import Processes

    few = plan((4,), bytes_per_element=8, max_elements=1)
    found = []
    if kind == "processes":
        run(few, threads_and_time, collect=lambda _, r: found.append(r), executor=Processes(1))
    else:
        with local_client(1) as client:
            run(few, threads_and_time, collect=lambda _, r: found.append(r), executor=DaskClient(client))
    assert len(found) == 4
    assert max(r[0] for r in found[1:]) <= 0  # the first compiles or loads kernels
    assert max(r[1] for r in found[1:]) <= 0
    assert max(r[2] for r in found[1:]) < 1.5  # the loop of dask runs beside it


@pytest.mark.slow
def test_new_workers_share_an_empty_cache(tmp_path, monkeypatch):
    """Both need the kernel at the same moment: they may both compile it, and neither fails."""
    monkeypatch.setenv("MANYFIT_CACHE", str(tmp_path / "cache"))
    data = np.random.default_rng(0).standard_normal((40, 4000))
    with local_client(2) as client:
        found = fit(Linear1D(), data, scheduler=client, memory=200_000)
    assert_array_equal(found["slope"], fit(Linear1D(), data, scheduler="serial")["slope"])
    assert not list((tmp_path / "cache").rglob("*.tmp"))
    sources = [path.stem for path in (tmp_path / "cache").glob("kernels-*/*.py")]
    assert sources
    assert len(sources) == len(set(sources))
