"""TS maps made of numbers, for tests of what is done with them afterwards."""

from __future__ import annotations

import numpy as np

from manyfit.tsmap import PowerLaw, Solution, TSMap
from manyfit.tsmap._grid import healpix_grid, uniq_grid

CENTRE = (93.0, -53.0)
NAMES = ("ts", "norm", "norm_err", "norm_errn", "norm_errp", "norm_ul", "background_scale", "niter", "status")


def distance(grid, centre):
    """Degrees of each position from one in the frame of the grid."""
    a, b = np.radians([grid.lon, grid.lat]), np.radians(centre)
    cosine = np.sin(a[1]) * np.sin(b[1]) + np.cos(a[1]) * np.cos(b[1]) * np.cos(a[0] - b[0])
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def bump(grid, *, centre=CENTRE, height=60.0, width=8.0):
    """TS of a Gaussian likelihood around a position, and a little noise elsewhere."""
    wave = 0.1 * (1 + np.sin(np.radians(7 * grid.lon)) * np.cos(np.radians(5 * grid.lat)))
    return np.maximum(height - (distance(grid, centre) / width) ** 2, wave)


def a_map(grid=None, ts=None, **keywords):
    """A map with plausible numbers, different in each column."""
    grid = healpix_grid(8) if grid is None else grid
    ts = bump(grid) if ts is None else ts
    n = len(grid)
    norm = np.sqrt(ts) / 5
    solution = Solution(
        ts,
        norm,
        0.1 + 1e-4 * np.arange(n),
        0.09 + 1e-4 * np.arange(n),
        0.11 + 1e-4 * np.arange(n),
        np.maximum(norm, 0) + 0.2,
        np.ones(n),
        (np.arange(n) % 7).astype(np.int16),
        (np.arange(n) % 3 == 0).astype(np.int8),
    )
    given = {"spectrum": PowerLaw(-2.2, 100.0, 0.01), "energies": (100.0, 10000.0), "notes": ("3 counts were odd.",)}
    return TSMap(grid, solution, **given | keywords)


def mixed(frame="galactic"):
    """A grid of pixels of three sizes that cover the sky."""
    coarse = healpix_grid(4, frame=frame)
    near = distance(coarse, CENTRE) < 25
    fine = 4 * coarse.unique()[near][:, None] + np.arange(4)
    finer = 4 * fine[:, :1] + np.arange(4)
    return uniq_grid(np.concatenate([coarse.unique()[~near], fine[:, 1:].ravel(), finer.ravel()]), frame=frame)


def same(first, second):
    """Whether all columns of two maps are equal, bit by bit."""
    for name in NAMES:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
        assert getattr(first, name).dtype == getattr(second, name).dtype, name
    if first.spectral_index is None:
        assert second.spectral_index is None
    else:
        np.testing.assert_array_equal(first.spectral_index, second.spectral_index)
