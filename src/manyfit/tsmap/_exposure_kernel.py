"""How long each pixel of a HEALPix grid looked at a position, shared among the four nearest pixels by interpolation.

The pixels are in RING order. Between two rings the weight is linear in colatitude, along a ring in longitude; beyond
the first and last ring the four pixels of the cap share what is missing (Gorski et al. 2005 describe the grid).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

Array = NDArray[np.float64]
Pixels = NDArray[np.int64]


@compiled
def ring_above(z: float, nside: int) -> int:
    """Number of the last ring north of a height z; 0 in the cap of the north pole."""
    distance = abs(z)
    if distance <= 2.0 / 3.0:
        return int(nside * (2.0 - 1.5 * z))
    ring = int(nside * np.sqrt(3.0 * (1.0 - distance)))
    return ring if z > 0.0 else 4 * nside - ring - 1


@compiled
def ring(number: int, nside: int) -> tuple[int, int, float]:
    """First pixel, number of pixels and shift of the first centre, in pixels, of a ring."""
    north = min(number, 4 * nside - number)
    if north >= nside:
        first = 2 * nside * (nside - 1) + (number - nside) * 4 * nside
        return first, 4 * nside, 0.5 if (number - nside) % 2 == 0 else 0.0
    before = 2 * north * (north - 1)
    first = before if north == number else 12 * nside * nside - before - 4 * north
    return first, 4 * north, 0.5


@compiled
def along_ring(phi: float, number: int, nside: int) -> tuple[int, int, float]:
    """The two pixels of a ring beside a longitude, and the weight of the second."""
    first, n, shift = ring(number, nside)
    place = phi * n / (2.0 * np.pi) - shift
    left = np.floor(place)
    i = int(left) % n
    return first + i, first + (i + 1) % n, place - left


@compiled
def interpolate(x: float, y: float, z: float, colatitudes: Array, nside: int, pixels: Pixels, weights: Array) -> None:
    """Fill in the four pixels around a direction and their weights; `colatitudes` are those of rings 1, 2, ..."""
    theta, phi = np.arctan2(np.sqrt(x * x + y * y), z), np.arctan2(y, x)
    above = ring_above(max(-1.0, min(1.0, z)), nside)
    last = 4 * nside - 1
    pixels[0], pixels[1], right = along_ring(phi, max(above, 1), nside)
    pixels[2], pixels[3], right_below = along_ring(phi, min(above + 1, last), nside)
    # the outermost rings have 4 pixels: those across the pole are 2 further on
    if above == 0:
        kept = theta / colatitudes[0]
        upper, lower, corner = 0.0, kept, 0.25 * (1.0 - kept)
        pixels[0], pixels[1] = (pixels[2] + 2) % 4, (pixels[3] + 2) % 4
    elif above == last:
        kept = (np.pi - theta) / (np.pi - colatitudes[last - 1])
        upper, lower, corner = kept, 0.0, 0.25 * (1.0 - kept)
        base = 12 * nside * nside - 4
        pixels[2], pixels[3] = base + (pixels[0] + 2) % 4, base + (pixels[1] + 2) % 4
    else:
        lower = (theta - colatitudes[above - 1]) / (colatitudes[above] - colatitudes[above - 1])
        upper, corner = 1.0 - lower, 0.0
    weights[0], weights[1] = upper * (1.0 - right) + corner, upper * right + corner
    weights[2], weights[3] = lower * (1.0 - right_below) + corner, lower * right_below + corner
    for k in range(4):  # on a ring or between two pixels rounding gives -1e-16: the source would take counts away
        weights[k] = max(weights[k], 0.0)


@compiled
def along(vector: Array, attitudes: Array, t: int, axis: int) -> float:
    """Component of a vector along an axis of the telescope."""
    total = 0.0
    for i in range(3):
        total += vector[i] * attitudes[t, i, axis]
    return total


@compiled
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
        x, y, z = along(vector, attitudes, t, 0), along(vector, attitudes, t, 1), along(vector, attitudes, t, 2)
        interpolate(x, y, z, colatitudes, nside, pixels, weights)
        for k in range(4):
            total[pixels[k]] += weights[k] * seconds[t]


@compiled
def move(total: Array, pixels: Pixels, values: Array) -> int:
    """Move what is not zero into lists; how many there are."""
    n = 0
    for p in range(total.size):
        if total[p] != 0.0:
            pixels[n], values[n] = p, total[p]
            total[p] = 0.0
            n += 1
    return n


@compiled
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
    room = 8 * vectors.shape[0] + total.size
    pixels, values = np.empty(room, np.int64), np.empty(room)
    for i in range(vectors.shape[0]):
        n = starts[i]
        if n + total.size > values.size:
            pixels, values = np.append(pixels, np.empty(2 * n, np.int64)), np.append(values, np.empty(2 * n))
        add_exposure(vectors[i], attitudes, seconds, zenith, horizon, colatitudes, nside, total)
        starts[i + 1] = n + move(total, pixels[n:], values[n:])
    return starts, pixels[: starts[-1]], values[: starts[-1]]
