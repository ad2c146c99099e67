"""Fitted models and residuals that go to a store beside the parameters, in the shape of the data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block, Field
from manyfit.errors import InputError
from manyfit.kernels._expression import Node, evaluate

from ._fits_layout import unit_text
from ._fitter_work import FitterOutcome, FitterWork
from ._parameters import Parameters
from ._problem import Problem
from ._store_work import Kept, ParametersOf
from ._tile import Tile, Tiles
from ._work import KernelWork

Array = NDArray[np.float64]

KEEP = ("model", "residual")
#: Points that a formula is computed for at once, so that what lies between stays in the cache.
POINTS = 2**14


def checked_keep(keep: str | Iterable[str]) -> tuple[str, ...]:
    """What is to be kept, in one order.

    Raises
    ------
    InputError
        Something else.

    Examples
    --------
    >>> checked_keep(["residual", "model"]), checked_keep("model"), checked_keep(())
    (('model', 'residual'), ('model',), ())
    """
    given = (keep,) if isinstance(keep, str) else tuple(keep)
    if unknown := [name for name in given if name not in KEEP]:
        raise InputError(f"keep has {unknown[0]!r}. A store can keep 'model', 'residual' or both.")
    return tuple(name for name in KEEP if name in given)


def kept_fields(keep: tuple[str, ...], problem: Problem) -> dict[str, Field]:
    """Arrays in the shape and the order of axes of the data."""
    axes = problem.axes
    order = tuple(np.argsort(axes.iterating + axes.fitting).tolist())
    dims = tuple(f"fitting_{i}" for i in range(len(axes.fitting)))
    said = {} if problem.data_unit is None else {"units": unit_text(problem.data_unit)}
    field = Field("float64", axes.fitting_shape, dims=dims, attributes=said, order=order)
    return dict.fromkeys(keep, field)


@dataclass(frozen=True)
class KeepWork:
    """Fits blocks, and computes what is kept of them from the same reading of the data.

    Attributes
    ----------
    work
        Fits a block.
    keep
        ``"model"``, ``"residual"``.
    parameters
        Makes the parameters.
    """

    work: KernelWork | FitterWork
    keep: tuple[str, ...]
    parameters: ParametersOf

    @property
    def tiles(self) -> Tiles:
        """Where the data are read."""
        return self.work.tiles

    def on(self, tiles: Tiles) -> KeepWork:
        """The same work on other data."""
        return replace(self, work=replace(self.work, tiles=tiles))

    def __call__(self, block: Block) -> Kept:
        """Fit a block."""
        tile = self.tiles.read(block.slices)
        outcome = self.work.fit(tile) if isinstance(self.work, KernelWork) else self.work(block)
        model = self._model(outcome, tile)
        arrays = {"model": model}
        if "residual" in self.keep:
            arrays["residual"] = np.where(np.isfinite(tile.y), tile.y, np.nan) - model
        return Kept(outcome, {name: arrays[name] for name in self.keep})

    def _model(self, outcome: Any, tile: Tile) -> Array:
        with np.errstate(all="ignore"):  # NaN where there is no fit
            parameters = self.parameters(outcome, tile.start)
            if isinstance(self.work, KernelWork):
                return _by_formula(self.work.formula.value, parameters, tile.x)
            return _by_element(self.work, outcome, parameters, tile)


def _by_formula(formula: Node, parameters: Parameters, x: Array) -> Array:
    """Values (elements, points), some elements at a time."""
    columns = parameters.columns
    known = {name: np.asarray(parameters.value(name))[:, None] for name in (*columns.free, *columns.fixed)}
    n, points = parameters.shape[0], x.shape[-1]
    out, step = np.empty((n, points)), max(1, POINTS // points)
    for some in (slice(start, start + step) for start in range(0, n, step)):
        own = {name: values[some] for name, values in known.items()}
        at = x if x.ndim == 2 else x[some]
        out[some] = evaluate(formula, own | {f"x[{i}]": at[..., i, :] for i in range(at.shape[-2])})
    fitted = np.asarray(parameters.fitted)
    out[~fitted] = np.nan  # also where the formula does not depend on what is NaN
    return out


def _by_element(work: FitterWork, outcome: FitterOutcome, parameters: Parameters, tile: Tile) -> Array:
    """Values of a model that is no formula, one element after the other."""
    columns = [np.asarray(parameters.value(name)) for name in parameters.columns.names]
    shape, n = work.tiles.axes.fitting_shape, len(outcome.tied)
    out = np.full((n, tile.x.shape[-1]), np.nan)
    for i in np.flatnonzero(np.asarray(parameters.fitted)):
        x = tile.x if tile.x.ndim == 2 else tile.x[i]
        values = work.model.evaluate(*(row.reshape(shape) for row in x), *(column[i : i + 1] for column in columns))
        out[i] = np.reshape(values, -1)  # of length 1 if it is the same everywhere
    return out
