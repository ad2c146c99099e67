"""Smaller pixels where the source may be, larger ones elsewhere: a multi-order map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._confidence import containment_level
from ._fit import fit_grid
from ._grid import HIGHEST_LEVEL, Grid, uniq_grid
from ._problem import Rows
from ._ts_map import TSMap
from ._where import Where

Mask = NDArray[np.bool_]


def refine(tsmap: TSMap, nside: int, containment: float, where: Where) -> TSMap:
    """Divide pixels until the smallest have a size; see `TSMap.refine`."""
    if tsmap.problem is None:
        raise InputError("refine() needs the data, and this map was read from a file. Fit again.")
    lowest, target = int(tsmap.grid.level.max(initial=0)), nside.bit_length() - 1
    if not lowest < target <= HIGHEST_LEVEL or nside != 1 << target:
        raise InputError(f"nside is {nside}. Give a power of two above {2**lowest}, that of the smallest pixels.")
    fall = containment_level(containment)
    rows = list(tsmap.problem.rows())  # read once
    for level in range(lowest, target):
        tsmap = _divided(tsmap, (tsmap.grid.level == level) & _near_peak(tsmap, level, fall), rows, where)
    return tsmap


def _near_peak(tsmap: TSMap, level: int, fall: float) -> Mask:
    """Pixels with a TS near the highest, and those of a level that touch one of these."""
    from astropy_healpix import neighbours

    high = np.nan_to_num(tsmap.ts, nan=-np.inf) >= tsmap.peak.ts - fall
    here = tsmap.grid.level == level
    with np.errstate(invalid="ignore"):  # a pixel may have 7 neighbours
        around = neighbours(tsmap.grid.nested[high & here], 2**level, order="nested")
    return np.asarray(high | (here & np.isin(tsmap.grid.nested, around)))


def _divided(tsmap: TSMap, divided: Mask, rows: list[Rows], where: Where) -> TSMap:
    """The map with each of some pixels in four, fitted, in the order of the sky."""
    assert tsmap.problem is not None
    grid, kept = tsmap.grid, ~divided
    children = _children(grid, divided)
    fitted, indices = fit_grid(tsmap.problem, rows, children, where)
    uniq = np.concatenate([grid.unique()[kept], children.unique()])
    order = _sky_order(uniq)
    index = None
    if tsmap.spectral_index is not None and indices is not None:
        index = np.concatenate([tsmap.spectral_index[kept], indices])[order]
    solution = tsmap.solution.at(kept).followed_by(fitted).at(order)
    return replace(tsmap, grid=uniq_grid(uniq[order], frame=grid.frame), solution=solution, spectral_index=index)


def _children(grid: Grid, divided: Mask) -> Grid:
    """Four pixels for each that is divided."""
    level, pixel = grid.level[divided], grid.nested[divided]
    uniq = (np.int64(4) << (2 * (level + 1)))[:, None] + 4 * pixel[:, None] + np.arange(4)
    return uniq_grid(uniq.reshape(-1), frame=grid.frame)


def _sky_order(uniq: NDArray[np.int64]) -> NDArray[np.intp]:
    """Order by place on the sky, as pixels of one level in nested order have it."""
    grid = uniq_grid(uniq)
    return np.argsort(grid.nested << (2 * (HIGHEST_LEVEL - grid.level)), kind="stable")
