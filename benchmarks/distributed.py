"""Dask workers against threads: speed-up of a second worker, overhead of the cluster, fixed cost of a run.

Run with ``python -m benchmarks.distributed [GIGABYTES [REPEATS]]``. A cube of 300 channels in float32 in a FITS file
that the workers read themselves, one Gaussian line; 10 GB (unless said otherwise) are 20 s or more of kernel time.
Workers are processes of one thread. All runs of a kind are taken in turn, and the shortest times are compared.
Processor time is that of all processes: client, scheduler, workers.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from astropy.io import fits
from astropy.modeling.models import Gaussian1D

from benchmarks.timing import Row, show
from manyfit import fit

CHANNELS, CORES = 300, 2
SLAB = 16  # rows that are written at once
MODEL = Gaussian1D(1, 150, 12)


@dataclass(frozen=True)
class Cost:
    """Seconds of a run, and of the processors."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s, {self.cpu:.1f} s of processors"


def main(gigabytes: float = 10.0, repeats: float = 3) -> None:
    """All figures."""
    from distributed import Client, LocalCluster

    options: dict[str, Any] = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with (
        tempfile.TemporaryDirectory() as name,
        LocalCluster(n_workers=1, **options) as one,
        LocalCluster(n_workers=CORES, **options) as several,
        Client(one, set_as_default=False) as first,
        Client(several, set_as_default=False) as second,
    ):
        folder = Path(name)
        write_cube(folder / "cube.fits", int(gigabytes * 1e9))
        write_cube(folder / "small.fits", 2_000_000)
        ways = {"threads": {"workers": CORES}, "one": {"scheduler": first}, "several": {"scheduler": second}}
        started = {key: _cost(lambda way=way: _run(folder, "small.fits", None, way)) for key, way in ways.items()}
        rows = []
        for store in (None, folder / "fit.zarr"):
            fixed = _in_turn(folder, "small.fits", store, ways, 5)
            costs = _in_turn(folder, "cube.fits", store, ways, int(repeats))
            rows += _rows(costs, fixed, "with a store" if store else "in memory")
        rows.append(_fixed("first run of a small cube in new workers", started["several"].wall, 5.0))
        show(rows)


def write_cube(path: Path, size: int) -> None:
    """A cube of about so many bytes, in slabs."""
    side = max(SLAB, int((size / 4 / CHANNELS) ** 0.5) // SLAB * SLAB)
    header = fits.PrimaryHDU(np.zeros((1, 1, 1), np.float32)).header
    header["NAXIS1"], header["NAXIS2"], header["NAXIS3"] = side, side, CHANNELS
    rng = np.random.default_rng(0)
    line = np.exp(-0.5 * ((np.arange(CHANNELS) - 150) / 12) ** 2).astype(np.float32)
    noise = 0.1 * rng.standard_normal(side * SLAB * 2, dtype=np.float32)
    cube = fits.StreamingHDU(path, header)
    for value in line:
        for _ in range(side // SLAB):
            shift = int(rng.integers(side * SLAB))
            cube.write((value + noise[shift : shift + side * SLAB]).reshape(SLAB, side))
    cube.close()


def _run(folder: Path, cube: str, store: Path | None, way: dict[str, Any]) -> None:
    if store is not None:
        shutil.rmtree(store, ignore_errors=True)
    fit(MODEL, folder / cube, store=store, **way)


def _in_turn(
    folder: Path, cube: str, store: Path | None, ways: dict[str, dict[str, Any]], repeats: int
) -> dict[str, Cost]:
    """The least of each."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            costs[name].append(_cost(lambda way=way: _run(folder, cube, store, way)))
            if repeats < 5:
                print(f"{name}, {'store' if store else 'memory'}: {costs[name][-1]}", file=sys.stderr, flush=True)
    return {name: Cost(min(c.wall for c in some), min(c.cpu for c in some)) for name, some in costs.items()}


def _cost(call: Callable[[], object]) -> Cost:
    before, started = _cpu(), time.perf_counter()
    call()
    return Cost(time.perf_counter() - started, _cpu() - before)


def _cpu() -> float:
    """Processor time of this process and its children."""
    this = psutil.Process()
    return float(sum(sum(process.cpu_times()[:2]) for process in (this, *this.children(recursive=True))))


def _rows(costs: dict[str, Cost], fixed: dict[str, Cost], where: str) -> list[Row]:
    threads, one, several = costs["threads"], costs["one"], costs["several"]
    speed_up, overhead = one.wall / several.wall, several.wall / threads.wall - 1
    return [
        Row(
            f"two dask workers of one thread vs one, {where}",
            f"{speed_up:.2f} x ({one} / {several})",
            ">= 1.85 x",
            speed_up >= 1.85,
        ),
        Row(
            f"two dask workers of one thread over two threads, {where}",
            f"{overhead:+.1%}; processors {several.cpu / threads.cpu - 1:+.1%} ({several} / {threads})",
            "<= 10 %",
            overhead <= 0.1,
        ),
        _fixed(f"fixed cost of a run on dask, {where}", fixed["several"].wall - fixed["threads"].wall, 0.5),
    ]


def _fixed(what: str, seconds: float, most: float) -> Row:
    return Row(what, f"{seconds * 1e3:.0f} ms", f"<= {most * 1e3:.0f} ms", seconds <= most)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
