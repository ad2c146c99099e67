"""How long each pixel of a HEALPix grid looked at a position, shared among the four nearest pixels by interpolation.

The pixels are in RING order. Between two rings the weight is linear in colatitude, along a ring in longitude; beyond
the first and last ring the four pixels of the cap share what is missing (Gorski et al. 2005 describe the grid).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pixels = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def ring_above(z: float, nside: int) -> int:
    """Number of the last ring north of a height z; 0 in the cap of the north pole."""
    distance = abs(z)
    if distance <= 2.0 / 3.0:
        return int(nside * (2.0 - 1.5 * z))
    ring = int(nside * np.sqrt(3.0 * (1.0 - distance)))
    return ring if z > 0.0 else 4 * nside - ring - 1


@njit(cache=True, nogil=True, error_model="numpy")
def ring(number: int, nside: int) -> tuple[int, int, float]:
    """First pixel, number of pixels and shift of the first centre, in pixels, of a ring."""
    north = min(number, 4 * nside - number)
    if north >= nside:
        first = 2 * nside * (nside - 1) + (number - nside) * 4 * nside
        return first, 4 * nside, 0.5 if (number - nside) % 2 == 0 else 0.0
    before = 2 * north * (north - 1)
    first = before if north == number else 12 * nside * nside - before - 4 * north
    return first, 4 * north, 0.5


@njit(cache=True, nogil=True, error_model="numpy")
def along_ring(phi: float, number: int, nside: int) -> tuple[int, int, float]:
    """The two pixels of a ring beside a longitude, and the weight of the second."""
    first, n, shift = ring(number, nside)
    place = phi * n / (2.0 * np.pi) - shift
    left = np.floor(place)
    i = int(left) % n
    return first + i, first + (i + 1) % n, place - left


@njit(cache=True, nogil=True, error_model="numpy")
def interpolate(x: float, y: float, z: float, colatitudes: Array, nside: int, pixels: Pixels, weights: Array) -> None:
    """Fill in the four pixels around a direction and their weights; `colatitudes` are those of rings 1, 2, ..."""
    theta, phi = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
    above = ring_above(max(-1.0, min(1.0, z)), nside)
    last = 4 * nside - 1
    north, south = max(above, 1), min(above + 1, last)
    for side, number in ((0, north), (2, south)):
        pixels[side], pixels[side + 1], right = along_ring(phi, number, nside)
        weights[side], weights[side + 1] = 1.0 - right, right
    if above == 0:
        _share_cap(theta / colatitudes[0], 0, (pixels[2] + 2) % 4, (pixels[3] + 2) % 4, pixels, weights)
    elif above == last:
        base = 12 * nside * nside - 4
        rest = (np.pi - theta) / (np.pi - colatitudes[last - 1])
        # the first pixel of the last ring has a number that 4 divides, as all whole grids have
        _share_cap(rest, 2, base + (pixels[0] + 2) % 4, base + (pixels[1] + 2) % 4, pixels, weights)
    else:
        share = (theta - colatitudes[above - 1]) / (colatitudes[above] - colatitudes[above - 1])
        weights[:2] *= 1.0 - share
        weights[2:] *= share


@njit(cache=True, nogil=True, error_model="numpy")
def _share_cap(kept: float, side: int, first: int, second: int, pixels: Pixels, weights: Array) -> None:
    """Beyond the outermost ring: its two nearest pixels keep a part, and all four of the cap share the rest."""
    pixels[side], pixels[side + 1] = first, second
    weights[side] = weights[side + 1] = 0.0
    weights[2 - side : 4 - side] *= kept
    weights += 0.25 * (1.0 - kept)


@njit(cache=True, nogil=True, error_model="numpy")
def add_exposure(
    vector: Array,
    attitudes: Array,
    seconds: Array,
    zenith: Array,
    horizon: Array,
    colatitudes: Array,
    nside: int,
    total: Array,
) -> None:
    """Add to each pixel the seconds for which it looked at a position.

    Parameters
    ----------
    vector
        Unit vector of the position, (3,).
    attitudes
        Axes of the telescope as columns, (time, 3, 3).
    seconds
        Livetime at each attitude, (time,).
    zenith
        Unit vectors away from the Earth, (time, 3); of length 0 if the Earth hides nothing.
    horizon
        Cosine of the angle from the zenith at which the Earth begins, (time,).
    colatitudes, nside
        Of the rings of the grid.
    total
        Seconds of each pixel.
    """
    pixels, weights = np.empty(4, np.int64), np.empty(4)
    for t in range(seconds.size):
        if zenith.size and vector[0] * zenith[t, 0] + vector[1] * zenith[t, 1] + vector[2] * zenith[t, 2] <= horizon[t]:
            continue
        m = attitudes[t]
        x = vector[0] * m[0, 0] + vector[1] * m[1, 0] + vector[2] * m[2, 0]
        y = vector[0] * m[0, 1] + vector[1] * m[1, 1] + vector[2] * m[2, 1]
        z = vector[0] * m[0, 2] + vector[1] * m[1, 2] + vector[2] * m[2, 2]
        interpolate(x, y, z, colatitudes, nside, pixels, weights)
        for k in range(4):
            total[pixels[k]] += weights[k] * seconds[t]


@njit(cache=True, nogil=True, error_model="numpy")
def exposures(
    vectors: Array,
    attitudes: Array,
    seconds: Array,
    zenith: Array,
    horizon: Array,
    colatitudes: Array,
    nside: int,
) -> tuple[Pixels, Pixels, Array]:
    """Exposure of many positions in CSR form: where rows begin, pixels, seconds."""
    total = np.zeros(12 * nside * nside)
    starts = np.zeros(vectors.shape[0] + 1, np.int64)
    pixels, values = np.empty(8 * vectors.shape[0], np.int64), np.empty(8 * vectors.shape[0])
    n = 0
    for i in range(vectors.shape[0]):
        add_exposure(vectors[i], attitudes, seconds, zenith, horizon, colatitudes, nside, total)
        for p in range(total.size):
            if total[p] == 0.0:
                continue
            if n == values.size:
                pixels, values = np.append(pixels, np.empty(n, np.int64)), np.append(values, np.empty(n))
            pixels[n], values[n] = p, total[p]
            total[p] = 0.0
            n += 1
        starts[i + 1] = n
    return starts, pixels[:n], values[:n]
