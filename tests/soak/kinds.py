"""Everything that a long-lived process does again and again, small: one function for each kind of fit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.modeling.models import Gaussian1D

from manyfit import FitResult, cube, fit, tsmap
from manyfit.cannon import train
from manyfit.datasets import simulate_cube
from manyfit.pipeline import Integer, Task, Workspace
from tests.cannon.stars import simulate
from tests.tsmap.telescope import orientation, telescope

Kind = Callable[[], object]
MODEL = Gaussian1D(1.0, 4.5, 0.4)


class Square(Task):
    """A task of a pipeline."""

    number = Integer()

    def compute(self, inputs: Any) -> float:
        return float(self.number**2)


@cache
def _data() -> np.ndarray:
    return np.asarray(simulate_cube((40, 48, 48)).data, np.float32)


@cache
def _axis() -> np.ndarray:
    return np.linspace(2.75, 6.25, 40)


def in_memory(folder: Path) -> None:
    """Maps, a summary and the files of a result."""
    result = fit(MODEL, _data(), world=_axis(), workers=2, memory=4_000_000)
    str(result.summary())
    result.to_fits(folder / "result.fits", overwrite=True)


def lazily(folder: Path) -> None:
    """Maps that are dask arrays."""
    np.asarray(fit(MODEL, _data(), world=_axis(), compute=False)["mean"])


def stored(folder: Path, client: Any = None) -> None:
    """A store that is written, continued, opened, computed, and removed."""
    place = folder / "fit.zarr"
    for _ in range(2):
        fit(MODEL, folder / "cube.fits", world=_axis(), store=place, memory=2_000_000, workers=2, scheduler=client)
    FitResult.open(place).compute()
    shutil.rmtree(place)


def failing(folder: Path) -> None:
    """An error in the middle of a run."""

    def stop(done: int, total: int) -> None:
        if done:
            raise InterruptedError

    try:
        fit(MODEL, _data(), world=_axis(), workers=2, memory=1_000_000, progress=stop)
    except InterruptedError:
        return
    raise AssertionError


def by_scipy(folder: Path) -> None:
    """A model that does not compile."""
    import warnings

    from astropy.modeling import custom_model

    @custom_model
    def odd(x: Any, height: float = 1.0) -> Any:
        return height * np.array([float(v) for v in x])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit(odd(), _data()[:, :2, :4], world=_axis(), scheduler="serial")


def lines(folder: Path) -> None:
    """Noise, mask, moments and lines of a cube."""
    one = cube.read(folder / "lines.fits")
    cube.moments(one)
    cube.fit_lines(one)


def sky(folder: Path) -> None:
    """A TS map."""
    tsmap.fit(
        *_counts(),
        telescope(),
        orientation=orientation(),
        spectrum=tsmap.PowerLaw(index=-2.0, pivot=100.0, norm=1e-2),
        nside=4,
    )


@cache
def _counts() -> tuple[np.ndarray, np.ndarray]:
    background = np.full((3, 9, 48), 0.5)
    return np.random.default_rng(1).poisson(background).astype(float), background


def labels(folder: Path) -> None:
    """The Cannon, trained and used."""
    stars = _stars()
    model = train(stars)
    model.infer(stars.flux[:50], stars.ivar[:50])


@cache
def _stars() -> Any:
    return simulate(100, 60)


def rows(folder: Path) -> None:
    """A pipeline of a table, and its index, in a new workspace."""
    import luigi
    from astropy.table import Table

    table = folder / "numbers.csv"
    Table({"number": np.arange(20)}).write(table, overwrite=True)
    task = Square.for_rows(table, batch=5)
    assert luigi.build([task], local_scheduler=True, log_level="ERROR")
    task.value()
    shutil.rmtree(Workspace.current().folder)


@contextmanager
def kinds(folder: Path) -> Iterator[dict[str, Kind]]:
    """All kinds by name. One cluster is there for the whole time, as in a notebook."""
    from distributed import Client, LocalCluster

    fits.writeto(folder / "cube.fits", _data())
    simulate_cube((40, 48, 48)).write(folder / "lines.fits")
    os.environ["MANYFIT_FOLDER"] = str(folder / "products")
    with ExitStack() as stack:
        options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
        client = stack.enter_context(Client(stack.enter_context(LocalCluster(**options))))
        each = {one.__name__: one for one in (in_memory, lazily, stored, failing, by_scipy, lines, sky, labels, rows)}
        found: dict[str, Kind] = {name: (lambda one=one: one(folder)) for name, one in each.items()}
        found["dask"] = lambda: stored(folder, client)
        found["processes"] = lambda: stored(folder, "processes")
        yield found
