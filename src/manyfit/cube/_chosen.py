"""Selected spectra of a cube as rows of plain arrays, without reading the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._robust import mad_std
from manyfit.fitting._aligned import align
from manyfit.fitting._problem import problem
from manyfit.fitting._run import Where, run_blocks
from manyfit.fitting._selection import numbers, only, selection_of
from manyfit.fitting._source import source_of

if TYPE_CHECKING:
    from manyfit.blocks import Block
    from manyfit.cube._cube import Cube
    from manyfit.fitting._tile import Tile

Array = NDArray[np.float64]

#: Channels without signal that are enough to estimate the noise from.
FEWEST = 10


def of_chosen(
    cube: Cube,
    select: NDArray[np.bool],
    work: Callable[[Tile], Array],
    n: int,
    *,
    without: Any = None,
    workers: int | None = None,
) -> Array:
    """Maps of `n` numbers for each selected spectrum, computed in threads; NaN for the others.

    Parameters
    ----------
    cube
        The cube.
    select
        Map of booleans.
    work
        Gives (spectra, n) numbers from a tile: ``y`` are the spectra (spectra, channels), NaN or infinite where bad,
        and ``x`` their coordinates, (1, channels) or (spectra, 1, channels).
    n
        How many numbers.
    without
        Voxels to leave out, not zero, of the shape of the cube; or None.
    workers
        Number of threads. Default: one for each core.

    Returns
    -------
    maps
        Of shape (n, *spatial).
    """
    from astropy.modeling.models import Const1D

    out = np.full((n, select.size), np.nan)
    if not select.any():
        return out.reshape(n, *select.shape)
    whole = problem(Const1D(), cube.data, world=(cube.spectral_axis,), mask=cube.mask, data_unit=cube.unit)
    if without is not None:
        masks = (*whole.tiles.masks, align("mask", source_of(without), whole.axes))
        whole = replace(whole, tiles=replace(whole.tiles, masks=masks))
    selection = selection_of(select, whole)
    chosen = whole if selection is None else only(whole, selection)
    places = np.arange(select.size).reshape(select.shape) if selection is None else numbers(selection)

    def collect(block: Block, found: Array) -> None:
        out[:, places[block.slices].reshape(-1)] = found.T

    run_blocks(chosen, lambda block: work(chosen.tile(block)), collect, Where(workers=workers))
    return out.reshape(n, *select.shape)


def noise_of_chosen(cube: Cube, select: NDArray[np.bool], *, without: Any = None, workers: int | None = None) -> Any:
    """The noise of selected spectra as `manyfit.cube.noise` gives it; NaN for the others.

    Parameters
    ----------
    cube, select, workers
        As in `of_chosen`.
    without
        Voxels with signal, which are left out where `FEWEST` channels remain: a line in a fifth of the channels
        makes the noise from all of them 1.3 times too large.
    """

    def work(tile: Tile) -> Array:
        values = np.where(np.isfinite(tile.y), tile.y, np.nan)
        enough = np.isfinite(values).sum(axis=1, keepdims=True) >= (0 if without is None else FEWEST)
        return np.where(enough, mad_std(values)[:, None], np.nan)

    sigma = of_chosen(cube, select, work, 1, without=without, workers=workers)[0]
    missing = select & np.isnan(sigma)
    if without is not None and missing.any():
        sigma = np.where(missing, noise_of_chosen(cube, missing, workers=workers).value, sigma)
    return sigma << cube.unit
