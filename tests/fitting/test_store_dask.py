"""Stores written by the workers of a dask cluster, also by those that are lost; and stores behind URLs."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
from astropy.modeling.models import Linear1D
from numpy.testing import assert_array_equal

from manyfit import FitResult, fit
from manyfit.blocks import BlockStore, _fill
from manyfit.datasets import simulate_cube
from manyfit.errors import InputError
from manyfit.fitting import _work
from manyfit.models import parse

distributed = pytest.importorskip("distributed")

MODEL = parse("Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)")


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    path = tmp_path_factory.mktemp("dask") / "cube.fits"
    simulate_cube((40, 12, 10), noise=0.1).write(path)
    return path


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def chunks(place):
    """The bytes of all chunks of a store at any place."""
    store = BlockStore.open(place)
    return {
        (name, block.index): store.objects.get(store.layout.chunk_name(name, block))
        for name in store.layout.stored()
        for block in store.plan.blocks
    }


def test_workers_write_the_bytes_of_threads(cube, client, tmp_path, monkeypatch):
    returned = []
    real = _fill.run

    def watched(plan, work, *, collect, executor, progress):
        real(plan, work, collect=lambda block, result: returned.append(result), executor=executor, progress=progress)

    monkeypatch.setattr(_fill, "run", watched)
    fit(MODEL, cube, store=tmp_path / "a", memory=20_000, scheduler=client)
    assert len(returned) > 4
    assert set(returned) == {None}  # results do not travel
    fit(MODEL, cube, store=tmp_path / "b", memory=20_000, workers=2)
    assert chunks(tmp_path / "a") == chunks(tmp_path / "b")


def test_store_behind_a_url(cube, client, tmp_path):
    url = f"memory://{tmp_path.name}/fit.zarr"
    result = fit(MODEL, cube, store=url, memory=20_000, scheduler=client)
    fit(MODEL, cube, store=tmp_path / "b", memory=20_000, workers=2)
    assert chunks(url) == chunks(tmp_path / "b")
    plain = fit(MODEL, cube)
    assert_array_equal(result.compute()["mean"], plain["mean"])
    assert_array_equal(FitResult.open(url).compute().error["mean"], plain.error["mean"])


def test_run_on_a_cluster_goes_on_with_threads(cube, client, tmp_path, monkeypatch):
    real, done = _work.KernelWork.__call__, []

    def mortal(self, block):
        if len(done) >= 3:
            raise OSError("the network is down")
        done.append(block.index)
        return real(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(_work.KernelWork, "__call__", mortal)
        with pytest.raises(OSError, match="network is down"):
            fit(MODEL, cube, store=tmp_path / "a", memory=20_000, scheduler=client)
    # A block that was on its way when another failed may come later, or not at all.
    assert BlockStore.open(tmp_path / "a").done() <= set(done)
    fit(MODEL, cube, store=tmp_path / "a")
    fit(MODEL, cube, store=tmp_path / "b", memory=20_000, workers=2)
    assert chunks(tmp_path / "a") == chunks(tmp_path / "b")


def test_workers_that_write_to_another_place_are_noticed():
    """Each process has a memory of its own."""
    with pytest.raises(InputError, match=r"0 of 1 blocks .* the same on every machine"):
        fit(Linear1D(), np.ones((5, 4)), store="memory://elsewhere/fit.zarr", scheduler="processes", workers=1)


@pytest.mark.slow
@pytest.mark.parametrize("n_workers", [1, 2])
def test_lost_workers(tmp_path, n_workers):
    """Workers are killed in the middle of the work; others take their place and nothing differs."""
    path, store = tmp_path / "cube.fits", tmp_path / "a"
    simulate_cube((60, 200, 200), noise=0.1).write(path)
    end, killed = threading.Event(), []
    with (
        distributed.LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill():
            for count in (10, 60, 120):
                while not (store / "done").exists() or len(list((store / "done").iterdir())) < count:
                    if end.wait(0.02):
                        return
                pids = [nanny.pid for nanny in cluster.workers.values() if nanny.pid and nanny.pid not in killed]
                if not pids:
                    continue  # the next worker is not there yet
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            fit(MODEL, path, store=store, memory=60_000 * n_workers, scheduler=client)
        finally:
            end.set()
            killer.join()
    assert killed
    fit(MODEL, path, store=tmp_path / "b", memory=60_000 * n_workers, workers=n_workers)
    assert chunks(store) == chunks(tmp_path / "b")
