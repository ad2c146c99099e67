"""Maps of the Gaussian lines that turbulent clouds emit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.datasets._turbulence import turbulence

PEAK = 5.0  # K, of the brightest spectrum
CLOUDS = 5

Maps = dict[str, NDArray[np.float64]]


def line_maps(shape: tuple[int, int], rng: np.random.Generator, velocity: float) -> Maps:
    """Maps of one Gaussian line around a velocity: clouds blended by brightness, stirred by turbulence.

    Amplitude in K; mean and standard deviation in m/s.
    """
    weights = np.stack([_cloud(shape, rng) for _ in range(CLOUDS)])
    total = weights.sum(axis=0)
    share = weights / total
    velocities = np.stack([_velocity(shape, rng) for _ in range(CLOUDS)])
    widths = rng.uniform(250.0, 450.0, CLOUDS)
    brightness = total * np.exp(0.35 * turbulence(shape, rng))
    maps: Maps = {
        "amplitude": PEAK * (brightness / brightness.max()),
        "mean": velocity + (share * velocities).sum(axis=0) + 60.0 * turbulence(shape, rng),
        "stddev": np.tensordot(widths, share, axes=1) * np.exp(0.1 * turbulence(shape, rng)),
    }
    return maps


def _sky(shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the pixels: -1 to 1 over each axis."""
    y, x = ((np.arange(n) + 0.5) / n * 2 - 1 for n in shape)
    return y[:, None], x[None, :]


def _cloud(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Brightness of one elliptical cloud of peak 0.4 to 1 at a random place."""
    y, x = _sky(shape)
    y0, x0 = rng.uniform(-0.7, 0.7, 2)
    major, minor = rng.uniform(0.4, 0.8), rng.uniform(0.25, 0.4)
    sin, cos = np.sin(angle := rng.uniform(0, np.pi)), np.cos(angle)
    along, across = (x - x0) * cos + (y - y0) * sin, (y - y0) * cos - (x - x0) * sin
    peak = rng.uniform(0.4, 1.0)
    return np.asarray(peak * np.exp(-0.5 * ((along / major) ** 2 + (across / minor) ** 2)))


def _velocity(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Velocity field of one cloud, m/s: its own motion and a gradient."""
    y, x = _sky(shape)
    motion, up, right = rng.uniform(-300.0, 300.0), rng.uniform(-150.0, 150.0), rng.uniform(-150.0, 150.0)
    return motion + up * y + right * x
