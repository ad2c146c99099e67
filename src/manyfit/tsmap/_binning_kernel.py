"""The bin of each event: time, energy, Compton angle and pixel of the scattering direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

Values = NDArray[np.float64]
Index = NDArray[np.int64]
OUTSIDE = -1


@compiled
def interval_of(value: float, edges: Values) -> int:
    """The interval [low, high) that holds a value; `OUTSIDE` if none does, as for NaN."""
    if not edges[0] <= value < edges[-1]:
        return OUTSIDE
    low, high = 0, edges.size - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if value < edges[middle]:
            high = middle
        else:
            low = middle
    return low


@compiled
def ring_pixel(nside: int, lon: float, lat: float) -> int:
    """The HEALPix pixel, RING, of longitude and latitude in rad (Górski et al. 2005, ApJ 622, 759, sec. 4.1).

    Near the poles 1 - |sin(lat)| is taken from the cosine, which keeps its digits.
    """
    z = np.sin(lat)
    height = abs(z)
    turn = (lon / (0.5 * np.pi)) % 4.0
    if height <= 2.0 / 3.0:
        start, slope = nside * (0.5 + turn), nside * z * 0.75
        up, down = int(np.floor(start - slope)), int(np.floor(start + slope))
        ring = nside + 1 + up - down  # from 1, counted where |z| = 2/3
        along = (up + down - nside + 1 + (1 - (ring & 1))) >> 1
        return 2 * nside * (nside - 1) + (ring - 1) * 4 * nside + along % (4 * nside)
    part = turn - np.floor(turn)
    size = nside * np.cos(lat) * np.sqrt(3.0 / (1.0 + height))  # nside * sqrt(3 (1 - |z|))
    up, down = int(np.floor(part * size)), int(np.floor((1.0 - part) * size))
    ring = min(up + down + 1, nside)  # from the nearest pole
    along = int(np.floor(turn * ring)) % (4 * ring)
    if z > 0:
        return 2 * ring * (ring - 1) + along
    return 12 * nside * nside - 2 * ring * (ring + 1) + along


@compiled
def bins_of(
    time: Values,
    energy: Values,
    angle: Values,
    lon: Values,
    lat: Values,
    time_edges: Values,
    energy_edges: Values,
    angle_edges: Values,
    nside: int,
    out: Index,
) -> None:
    """Flat bins over (time, energy, angle, pixel) of events; `OUTSIDE` for those outside of the edges."""
    n_energy, n_angle, n_pixels = energy_edges.size - 1, angle_edges.size - 1, 12 * nside * nside
    for i in range(energy.size):
        a, b = interval_of(time[i], time_edges), interval_of(energy[i], energy_edges)
        c = interval_of(angle[i], angle_edges)
        if a < 0 or b < 0 or c < 0 or not (np.isfinite(lon[i]) and abs(lat[i]) <= 0.5 * np.pi + 1e-9):
            out[i] = OUTSIDE
        else:
            out[i] = ((a * n_energy + b) * n_angle + c) * n_pixels + ring_pixel(nside, lon[i], lat[i])


@compiled
def count(bins: Index, counts: Index) -> int:
    """Count events by bin; gives the number outside."""
    outside = 0
    for b in bins:
        if b < 0:
            outside += 1
        else:
            counts[b] += 1
    return outside
