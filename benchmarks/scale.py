"""How far a run scales: costs measured on this machine, what they predict, a simulation, and small real runs.

- ``python -m benchmarks.scale measure`` writes the costs to ``benchmarks/data/costs.json``;
- ``python -m benchmarks.scale predict`` prints times, memory, tasks and files for 10⁶ to 10⁹ spectra and 10⁷ stars;
- ``python -m benchmarks.scale simulate [FIGURE]`` compares model and simulation and draws the speed-up;
- ``python -m benchmarks.scale check`` compares both with runs on one and two threads and dask workers.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.modeling.models import Gaussian1D

from benchmarks.scale_model import OBJECTS, Costs, Site, batches, blocks_of, times
from benchmarks.scale_simulation import simulate

CHANNELS, SIDE = 200, 900
MODEL = Gaussian1D(1, 100, 8)
#: Bytes a second of a shared file system, for all workers together.
SHARED = 5e9
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)


def cube_in(folder: Path) -> Path:
    """A cube of 0.65 GB."""
    line = np.exp(-0.5 * ((np.arange(CHANNELS) - 100) / 8) ** 2).astype(np.float32)[:, None, None]
    noise = np.random.default_rng(0).standard_normal((CHANNELS, SIDE, SIDE), np.float32)
    path = folder / "cube.fits"
    fits.writeto(path, line + np.float32(0.1) * noise, overwrite=True)
    return path


# -- measure -----------------------------------------------------------------------------------------------------------


def measure() -> None:
    """Measure all costs of a cube, and of stars that are labelled by The Cannon."""
    with tempfile.TemporaryDirectory() as name:
        costs = _cube_costs(Path(name))
    costs.save(name="cube")
    print("cube:", costs)
    stars = _star_costs(costs)
    stars.save(name="stars")
    print("stars:", stars)


def _cube_costs(folder: Path) -> Costs:
    from manyfit import fit
    from manyfit.blocks import BlockStore
    from manyfit.fitting._work import KernelWork

    path, store = cube_in(folder), folder / "fit.zarr"
    seconds: dict[int, float] = {}
    real = KernelWork.__call__

    def timed(self: KernelWork, block: Any) -> Any:
        started = time.thread_time()
        try:
            return real(self, block)
        finally:
            own = time.thread_time() - started
            seconds[block.index] = min(own, seconds.get(block.index, np.inf))

    def stored() -> None:
        shutil.rmtree(store, ignore_errors=True)
        fit(MODEL, path, store=store, scheduler="serial", world="pixel")

    fit(MODEL, path, store=store, scheduler="serial", world="pixel")
    KernelWork.__call__ = timed  # type: ignore[method-assign]
    try:
        for _ in range(3):
            stored()
    finally:
        KernelWork.__call__ = real  # type: ignore[method-assign]
    made = BlockStore.open(store)
    full = made.plan.blocks[0]
    per_block = np.array([seconds[b.index] * full.n_elements / b.n_elements for b in made.plan.blocks])
    read = _read_seconds(path)
    arrays = {name: made.read(name, full) for name in made.layout.stored()}
    many = replace(made.layout, shape=(10**4 * full.shape[0], SIDE))
    return Costs(
        fit=float(per_block.mean()) / full.n_elements - read * 4 * CHANNELS,
        read=read,
        element_in=4 * CHANNELS,
        element_out=sum(a.nbytes for a in arrays.values()) // full.n_elements,
        block=full.n_elements,
        write=_least(lambda: made.put(full, arrays), 20),
        task=_task_seconds(),
        start=_start_seconds(),
        plan=_least(many.plan, 3) / len(many.plan().blocks),
        list_block=_list_seconds(folder),
        check_block=_least(lambda: made.is_whole(full), 20),
        spread=tuple(np.round(np.quantile(per_block / per_block.mean(), np.linspace(0, 1, 21)), 4).tolist()),
    )


def _least(work: Callable[[], object], repeats: int) -> float:
    """Shortest time of the thread: others may use the machine."""
    found = []
    for _ in range(repeats):
        started = time.thread_time()
        work()
        found.append(time.thread_time() - started)
    return min(found)


def _read_seconds(path: Path) -> float:
    """Of one byte: read from the cache of the system and turned."""
    from manyfit.fitting._inputs import read
    from manyfit.fitting._transpose import rows

    source = read(path, "data").source
    part = (slice(0, CHANNELS), slice(100, 120), slice(0, SIDE))
    seconds = _least(lambda: rows(source.read(part).transpose(1, 2, 0), 2), 5)
    return seconds / (4 * CHANNELS * 20 * SIDE)


def _list_seconds(folder: Path) -> float:
    from manyfit.blocks._objects import Folder

    done = folder / "done"
    done.mkdir()
    for i in range(10_000):
        (done / f"{i:08d}").touch()
    return _least(lambda: {int(name) for name in Folder(folder).names("done") if name.isdigit()}, 5) / 10_000


def _start_seconds() -> float:
    code = "import numpy, manyfit; from benchmarks.scale import MODEL; manyfit.fit(MODEL, numpy.ones((10, 200)), "
    command = [sys.executable, "-c", code + "fitting_axes=1)"]
    found = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def _task_seconds() -> float:
    """Of the scheduler, and of the client beside it, for a task that does nothing."""
    from distributed import Client, LocalCluster

    from manyfit.blocks import plan

    blocks = plan((2000,), bytes_per_element=1, max_elements=1).blocks
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        tasks = client.get_executor(pure=False)

        def hand_over() -> None:
            for future in [tasks.submit(_nothing, block) for block in blocks]:
                future.result()

        hand_over()
        started = time.process_time()
        hand_over()
        return (time.process_time() - started) / len(blocks)


def _nothing(block: object) -> None:
    """A task that takes no time."""


def _star_costs(cube: Costs) -> Costs:
    """Spectra of 8575 pixels with their inverse variances in float32; three labels and their errors."""
    from manyfit.cannon import TrainingSet, train

    rng, pixels, stars = np.random.default_rng(0), 8575, 400
    labels = rng.uniform([4000, 0, -1], [5000, 3, 0.5], (stars, 3))
    x = (labels - [4500, 1.5, -0.25]) / [1000, 3, 1.5]
    design = np.concatenate([np.ones((stars, 1)), x, x**2], axis=1)
    theta = rng.normal(0, 0.05, (pixels, design.shape[1]))
    flux = 0.9 + design[:, 1:] @ theta.T[1:] + 0.01 * rng.standard_normal((stars, pixels))
    ivar = np.full(flux.shape, 1e4)
    model = train(TrainingSet(np.linspace(15000, 17000, pixels), flux, ivar, labels, ("TEFF", "LOGG", "FE_H")))
    model.infer(flux[:10], ivar[:10])
    started = time.process_time()
    model.infer(flux, ivar)
    each = (time.process_time() - started) / stars
    return replace(cube, fit=each, element_in=8 * pixels, element_out=8 * 12 + 4, block=2048)


# -- predict -----------------------------------------------------------------------------------------------------------


def predict() -> None:
    """Tables for cubes and stars."""
    print(f"shared file system {SHARED / 1e9:g} GB/s; one scheduler; workers of one thread\n")
    print("| what | workers | time | limited by | objects | tasks, per second | memory of each worker |")
    print("|---|---|---|---|---|---|---|")
    for name, what, numbers in (("cube", "spectra", (1e6, 1e7, 1e8, 1e9)), ("stars", "stars", (1e7,))):
        costs = Costs.load(name)
        for n in numbers:
            for workers in (1, 10, 100, 1000):
                print(_line(costs, f"{n:.0e} {what}".replace("e+0", "e"), n, workers))


def _line(costs: Costs, what: str, n: float, workers: int) -> str:
    site = Site(workers, bandwidth=SHARED)
    found, blocks = times(costs, site, n), blocks_of(costs, n)
    tasks = sum(1 for _ in batches(costs, site, blocks))
    memory = 0.15e9 + costs.block * (costs.element_in + costs.element_out)
    return (
        f"| {what} | {workers} | {_duration(found.total)} | {found.limit} | {blocks * OBJECTS:,} | "
        f"{tasks:,}, {tasks / found.total:.0f} | {memory / 1e6:.0f} MB |"
    )


def _duration(seconds: float) -> str:
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


# -- simulate ----------------------------------------------------------------------------------------------------------

SITES: dict[str, dict[str, float]] = {
    "cores only": {},
    "cores that fail once an hour": {"failures": 3600.0},
    "file system of 50 GB/s": {"bandwidth": 10 * SHARED},
    "file system of 5 GB/s": {"bandwidth": SHARED},
}


def compare(figure: str | None = None, elements: float = 1e9) -> None:
    """Model against simulation for 10⁹ spectra; the speed-up over the number of workers."""
    costs = Costs.load()
    curves: dict[str, list[float]] = {}
    print("| site | workers | model | simulated | difference | busy | failures, work lost |\n" + "|---" * 7 + "|")
    for name, given in SITES.items():
        for workers in WORKERS:
            site = Site(workers, **given)
            model, run = times(costs, site, elements).total, simulate(costs, site, elements, stragglers=1e-4)
            curves.setdefault(name, []).append(run.seconds)
            both = f"{_duration(model)} | {_duration(run.seconds)} | {run.seconds / model - 1:+.0%}"
            print(f"| {name} | {workers} | {both} | {run.busy:.0%} | {run.failures}, {run.lost_seconds:.1f} s |")
    if figure:
        _draw(curves, figure)


def _draw(curves: dict[str, list[float]], path: str) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(layout="constrained", figsize=(6.4, 4.4))
    first = curves["cores only"][0]
    axes.plot(WORKERS, WORKERS, color="0.75", lw=1, label="as many times faster as workers")
    for (name, seconds), style in zip(curves.items(), ("-", ":", "--", "-."), strict=True):
        axes.plot(WORKERS, [first / s for s in seconds], style, marker=".", label=name)
    axes.set(xscale="log", yscale="log", xlabel="workers of one thread", ylabel="times faster than one")
    axes.set_title("10⁹ spectra of 200 channels (800 GB), simulated", fontsize="medium")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)


# -- check -------------------------------------------------------------------------------------------------------------


def check() -> None:
    """Real runs against model and simulation."""
    from distributed import Client, LocalCluster

    from manyfit import fit

    costs, n = Costs.load(), SIDE * SIDE
    print("| run | wall | processor time of a worker | model | simulated |\n" + "|---" * 5 + "|")
    with tempfile.TemporaryDirectory() as name:
        path, store = cube_in(Path(name)), Path(name) / "fit.zarr"
        fit(MODEL, path, scheduler="serial", world="pixel")

        def seconds(scheduler: object, workers: int) -> tuple[float, float]:
            wall, processor = [], []
            for _ in range(3):
                shutil.rmtree(store, ignore_errors=True)
                started = time.perf_counter(), time.process_time()
                fit(MODEL, path, store=store, scheduler=scheduler, workers=workers, world="pixel")
                wall.append(time.perf_counter() - started[0])
                processor.append((time.process_time() - started[1]) / workers)
            return min(wall), min(processor)

        for workers in (1, 2):
            _row(f"{workers} threads", *seconds("threads", workers), costs, Site(workers, distributed=False), n)
        for workers in (1, 2):
            with (
                LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
                Client(cluster) as client,
            ):
                seconds(client, workers)  # workers import and load the kernel
                _row(f"{workers} dask workers", seconds(client, workers)[0], None, costs, Site(workers), n)


def _row(what: str, wall: float, processor: float | None, costs: Costs, site: Site, n: int) -> None:
    """Against wall time, or that of the processor if others had it too (dask workers are other processes)."""
    warm = replace(costs, start=0.0)  # the process is there and has its kernel
    model, run, own = times(warm, site, n).total, simulate(warm, site, n).seconds, processor or wall
    used = "" if processor is None else f"{processor:.2f} s"
    both = f"{model:.2f} s ({model / own - 1:+.0%}) | {run:.2f} s ({run / own - 1:+.0%})"
    print(f"| {what} | {wall:.2f} s | {used} | {both} |", flush=True)


if __name__ == "__main__":
    commands = {"measure": measure, "predict": predict, "simulate": compare, "check": check}
    commands[sys.argv[1]](*sys.argv[2:])
