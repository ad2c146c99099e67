"""Model and residual of a whole cube as dask arrays: a block is computed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import plan
from manyfit.errors import InputError
from manyfit.fitting._evaluate import takes_all, values_of
from manyfit.fitting._template import known

if TYPE_CHECKING:
    from manyfit.cube._cube import Cube
    from manyfit.cube._cube_fit import CubeFit

Array = NDArray[np.float64]
Block = tuple[slice, ...]


def model_cube(fit: CubeFit) -> Cube:
    """The fitted model at every voxel; NaN where there is no fit."""
    return replace(fit.cube, data=lazy(fit.cube, _model_of(fit)), uncertainty=None, mask=None)


def residual_cube(fit: CubeFit) -> Cube:
    """Data minus model at every voxel; NaN where data are bad or there is no fit."""
    model, cube = _model_of(fit), fit.cube

    def residual(block: Block) -> Array:
        difference: Array = cube.values((slice(0, cube.n_channels), *block)) - model(block)
        return difference

    return replace(cube, data=lazy(cube, residual))


def _model_of(fit: CubeFit) -> Callable[[Block], Array]:
    """Gives the model of a block, channels first."""
    if fit.is_lazy and fit.store is None:
        raise InputError("The fit is not computed. Take the cube of the fit that its compute() gives.")
    fit = fit.compute()
    result, problem = fit.result, fit.result.needs_data("The model of a cube")
    together = takes_all(known(result.template))

    def model(block: Block) -> Array:
        lengths = tuple(part.stop - part.start for part in block)
        values = values_of(result, block, problem.tiles.grid.read(block), together=together)
        return np.ascontiguousarray(values.T).reshape(-1, *lengths)

    return model


def lazy(cube: Cube, of_block: Callable[[Block], Array]) -> Any:
    """A dask array of the shape of the cube, its channels in one chunk."""
    import dask.array as da

    n_channels, *spatial = cube.shape
    if not spatial:
        return da.from_array(of_block(()))
    first = plan(tuple(spatial), bytes_per_element=8 * n_channels).blocks[0].shape

    def chunk(block_info: Any = None) -> Array:
        place = block_info[None]["array-location"][1:]
        return of_block(tuple(slice(start, stop) for start, stop in place))

    chunks = da.core.normalize_chunks((n_channels, *first), cube.shape)
    return da.map_blocks(chunk, chunks=chunks, dtype=np.float64, meta=np.empty((0,) * len(cube.shape)))
