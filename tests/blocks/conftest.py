from __future__ import annotations

import threading

import psutil
import pytest

from manyfit.blocks import DaskClient, Processes, Serial, Threads


@pytest.fixture(scope="session")
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(params=["serial", "thread", "threads", "processes", "dask"])
def executor(request):
    if request.param == "dask":
        return DaskClient(request.getfixturevalue("client"))
    return {"serial": Serial(), "thread": Threads(1), "threads": Threads(3), "processes": Processes(2)}[request.param]


@pytest.fixture
def no_leftovers():
    """Fail a test that leaves a thread of ours or a child process behind."""
    children = set(psutil.Process().children(recursive=True))
    yield
    assert not [t.name for t in threading.enumerate() if t.name.startswith("manyfit")]
    assert set(psutil.Process().children(recursive=True)) <= children
