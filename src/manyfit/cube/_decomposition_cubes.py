"""Model and residual of a decomposed cube as dask arrays: a block is computed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._baseline import middle_of
from manyfit.cube._lazy_cubes import Block, lazy
from manyfit.cube._spectra import summed

if TYPE_CHECKING:
    from manyfit.cube._cube import Cube
    from manyfit.cube._decomposition import Decomposition

Array = NDArray[np.float64]


def model_cube(found: Decomposition) -> Cube:
    """Components and baseline at every voxel; NaN where nothing was fitted."""
    return replace(found.cube, data=lazy(found.cube, _model_of(found)), uncertainty=None, mask=None)


def residual_cube(found: Decomposition) -> Cube:
    """Data minus model at every voxel; NaN where data are bad or nothing was fitted."""
    model, cube = _model_of(found), found.cube

    def residual(block: Block) -> Array:
        difference: Array = cube.values((slice(0, cube.n_channels), *block)) - model(block)
        return difference

    return replace(cube, data=lazy(cube, residual))


def curve_of(found: Decomposition) -> Callable[[tuple[int, ...], Array], Array]:
    """Gives the model of the spectrum at a place for coordinates."""
    values, middle = found.result.parameters.solution.values, float(middle_of(found.cube).value)

    def curve(place: tuple[int, ...], x: Array) -> Array:
        return np.asarray(summed(x[None], values[place][None], found.n_baseline, middle)[0])

    return curve


def _model_of(found: Decomposition) -> Callable[[Block], Array]:
    """Gives the model of a block, channels first."""
    values, middle = found.result.parameters.solution.values, float(middle_of(found.cube).value)
    axis = np.asarray(found.cube.spectral_axis.value, np.float64)

    def model(block: Block) -> Array:
        some = values[block]
        here = axis if axis.ndim == 1 else axis[(slice(None), *block)]
        rows = summed(here.reshape(len(axis), -1).T, some.reshape(-1, some.shape[-1]), found.n_baseline, middle)
        rows[found.n_components[block].reshape(-1) < 0] = np.nan
        return np.ascontiguousarray(rows.T).reshape(-1, *some.shape[:-1])

    return model
