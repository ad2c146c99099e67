"""Where files of others come in: each function opens a path and looks at all that it gives."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from astropy.modeling.models import Gaussian1D
from click.testing import CliRunner

import manyfit
import manyfit.fitting._inputs
from manyfit.cannon import CannonModel, TrainingSet, read_annies_lasso
from manyfit.cannon._sources import open_stars, rows_of
from manyfit.tsmap import Counts, DetectorResponse, Orientation, PointSourceResponse, TSMap

Door = Callable[[Path], object]


def fit(path: Path) -> None:
    data = manyfit.fitting._inputs.read(path)
    points, elements = data.source.shape[0], math.prod(data.source.shape[1:])
    if points * elements > 1e7 and max(points, elements) < 1e11:  # pieces may be missing: a long fit of nothing
        return
    manyfit.fit(Gaussian1D(1, 5, 1.5), path, fitting_axes=0, scheduler="serial", max_iterations=3).compute()


def cube(path: Path) -> None:
    found = manyfit.cube.read(path)
    repr(found)
    if isinstance(found.data, np.ndarray):  # those of zarr are dask arrays: what a codec raises comes as it is
        found.data.sum()


def result(path: Path) -> None:
    manyfit.FitResult.read(path).summary()


def store(path: Path) -> None:
    manyfit.FitResult.open(path).compute().summary()


def info(path: Path) -> None:
    command(["info", str(path)])


def command(words: list[str]) -> None:
    """A command, whose errors end it with a message and not with a traceback."""
    from manyfit.cli import main

    ended = CliRunner().invoke(main, words)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception


def stars(path: Path) -> None:
    with open_stars(path) as opened:
        for _ in rows_of(opened, 10):
            pass


def response(path: Path) -> None:
    opened = DetectorResponse.open(path)
    repr(opened)
    opened.read(0)


def point_source(path: Path) -> None:
    PointSourceResponse.open(path).read(0)


def counts(path: Path) -> None:
    repr(Counts.read(path))


FITS: dict[str, Door] = {
    "fit": fit, "cube": cube, "result": result, "info": info, "map": TSMap.read, "spectra": manyfit.spectra.read,
    "training": TrainingSet.read, "model": CannonModel.load, "stars": stars, "orientation": Orientation.read,
}  # fmt: skip
HDF5: dict[str, Door] = {
    "fit": fit, "cube": cube, "counts": counts, "response": response, "point source": point_source, "stars": stars,
}  # fmt: skip
ZARR: dict[str, Door] = {"fit": fit, "cube": cube, "store": store, "info": info, "map": TSMap.open}
ARCHIVE: dict[str, Door] = {
    "spectra": manyfit.spectra.read, "training": TrainingSet.read, "model": CannonModel.load, "stars": stars,
    "map": TSMap.read, "orientation": Orientation.read, "annies": read_annies_lasso,
}  # fmt: skip
DOORS = {"fits": FITS, "hdf5": HDF5, "zarr": ZARR, "archive": ARCHIVE}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without numbers that are not numbers being told of: files of noise have many."""
    with np.errstate(all="ignore"):
        yield
