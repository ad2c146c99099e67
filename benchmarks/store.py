"""What a store costs: a fit with and without one, on threads and on a dask cluster, and the start of a resumed run.

Run with ``python -m benchmarks.store [GIGABYTES]``. A cube of 300 channels in float32 (1 GB unless said otherwise) in a
file, one Gaussian line. Each pair of figures is taken in turn, several times, and the shortest times are compared.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.modeling.models import Gaussian1D

from benchmarks.timing import Row, show
from manyfit import FitResult, fit
from manyfit.blocks import BlockStore

CHANNELS, WORKERS, REPEATS = 300, 2, 3
MODEL = Gaussian1D(1, 150, 12)


def main(gigabytes: float = 1.0) -> None:
    """All figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cube, store = folder / "cube.fits", folder / "fit.zarr"
        n = _write(cube, int(gigabytes * 1e9))

        def stored(scheduler: object = None) -> FitResult:
            shutil.rmtree(store, ignore_errors=True)
            return fit(MODEL, cube, store=store, scheduler=scheduler, workers=WORKERS)

        fit(MODEL, cube, workers=WORKERS)
        memory, disk = _in_turn(lambda: fit(MODEL, cube, workers=WORKERS), stored)
        again, _ = _in_turn(lambda: fit(MODEL, cube, store=store, workers=WORKERS), lambda: None)
        rows = [_overhead(n, memory, disk), _again(store, again, disk)]
        rows += [_cluster(stored)]
        show(rows)


def _write(path: Path, size: int) -> int:
    """A cube of about so many bytes; its number of spectra."""
    side = int((size / 4 / CHANNELS) ** 0.5)
    rng = np.random.default_rng(0)
    line = np.exp(-0.5 * ((np.arange(CHANNELS) - 150) / 12) ** 2).astype(np.float32)
    data = line[:, None, None] + 0.1 * rng.standard_normal((CHANNELS, side, side), dtype=np.float32)
    fits.writeto(path, data)
    return side * side


def _in_turn(*calls: Callable[[], object]) -> list[float]:
    """Shortest time of each, in seconds."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(REPEATS):
        for own, call in zip(times, calls, strict=True):
            started = time.perf_counter()
            call()
            own.append(time.perf_counter() - started)
    return [min(own) for own in times]


def _overhead(n: int, memory: float, disk: float) -> Row:
    return Row(
        f"{n} spectra x {CHANNELS}, {WORKERS} threads: rate with a store over that without",
        f"{memory / disk:.0%} ({n / disk / 1e3:.0f} and {n / memory / 1e3:.0f} k/s)",
        ">= 90 %",
        memory / disk >= 0.9,
    )


def _again(store: Path, again: float, disk: float) -> Row:
    opened = BlockStore.open(store)
    size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    return Row(
        f"to find a store of {len(opened.plan.blocks)} blocks and {size / 1e6:.0f} MB complete and whole, over its fit",
        f"{again / disk:.1%} ({again * 1e3:.0f} ms)",
        "<= 10 %",
        again / disk <= 0.1,
    )


def _cluster(stored: Callable[..., FitResult]) -> Row:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        stored(client)
        threads, dask = _in_turn(stored, lambda: stored(client))
    return Row(
        f"dask, {WORKERS} workers of one thread, over {WORKERS} threads, both with a store",
        f"{dask / threads:.2f} ({dask:.1f} / {threads:.1f} s)",
        "<= 1.10",
        dask / threads <= 1.1,
    )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
