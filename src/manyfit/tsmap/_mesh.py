"""HEALPix pixels of several sizes that cover the whole sky, as fine as asked for at each place."""

from __future__ import annotations

import numpy as np

from ._grid import HIGHEST_LEVEL, Grid, Pixels, uniq_grid
from ._lookup import Lookup, pixel_around, turned


def mesh(level: Pixels, pixel: Pixels) -> Pixels:
    """Unique numbers of pixels that cover the sky, and of which each one wanted is a pixel or is divided.

    Parameters
    ----------
    level, pixel
        HEALPix level and nested number of the pixels wanted.

    Examples
    --------
    >>> mesh(np.array([1]), np.array([5])).tolist()
    [4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23]
    """
    leaves, cells = [], np.arange(12)
    for here in range(int(level.max(initial=0)) + 1):
        deeper = level > here
        divided = np.isin(cells, pixel[deeper] >> (2 * (level[deeper] - here)))
        leaves.append(4 * 4**here + cells[~divided])
        cells = (4 * cells[divided][:, None] + np.arange(4)).reshape(-1)
    return np.concatenate(leaves)


def icrs_mesh(grid: Grid, finer: Pixels) -> tuple[Grid, Pixels]:
    """ICRS pixels for a map, and for each the place in the map of the pixel around its centre, or -1.

    A grid in ICRS keeps its pixels; large ones fill the rest of the sky. A galactic one has other pixels: in ICRS they
    are divided `finer` times by two, so that the edges are followed.

    Parameters
    ----------
    grid
        Pixels in any frame.
    finer
        By how many levels the ICRS pixels are smaller, (pixel,); not used for a grid in ICRS.
    """
    if grid.frame == "icrs":
        sky = uniq_grid(mesh(grid.level, grid.nested), frame="icrs")
    else:
        sky = uniq_grid(mesh(*_turned_pixels(grid, finer)), frame="icrs")
    return sky, Lookup(grid).at_frame(sky.lon, sky.lat, "icrs")


def _turned_pixels(grid: Grid, finer: Pixels) -> tuple[Pixels, Pixels]:
    """Level and number of the ICRS pixels around points spread over each pixel of a grid."""
    level, pixel = grid.level, grid.nested
    wanted = np.minimum(level + finer, HIGHEST_LEVEL - 1)
    levels, parts = [], []
    for have, want in _pairs(level, wanted):
        found = _covering(grid.frame, have, want, pixel[(level == have) & (wanted == want)])
        levels.append(np.full(found.size, want))
        parts.append(found)
    return np.concatenate(levels), np.concatenate(parts)


def _pairs(level: Pixels, wanted: Pixels) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in np.unique(np.stack([level, wanted], axis=1), axis=0)]


def _covering(frame: str, level: int, wanted: int, pixel: Pixels) -> Pixels:
    """ICRS pixels of a level that cover some pixels of another frame and level."""
    deeper = wanted + 1  # four points for each ICRS pixel
    points = (pixel[:, None] << (2 * (deeper - level))) + np.arange(4 ** (deeper - level))
    spread = uniq_grid(4 * 4**deeper + points.reshape(-1), frame=frame)
    return np.unique(pixel_around(*turned(spread.lon, spread.lat, frame, "icrs"), wanted))
