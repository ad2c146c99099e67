"""A simulated cube of CO clouds in a nearby galaxy, as in a tutorial on masking and fitting cubes."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from astropy import units as u
from astropy.wcs import WCS
from numpy.typing import NDArray

from manyfit.datasets._cube import SimulatedCube
from manyfit.datasets._turbulence import turbulence
from manyfit.errors import InputError

SHAPE = (300, 64, 64)
CHANNEL = 0.7  # km/s
CENTRE = -200.0  # km/s, of the band
PIXEL = 1.0  # arcsec
REST_FREQUENCY = 230.538e9  # Hz, 12CO (2-1)
NOISE = 0.05  # K
BEAM = 1.1  # pixels, standard deviation of the beam, to which noise is correlated between pixels
# Place (y, x), size (pixels), peak (K), velocity and width (km/s). Two giant clouds, and two at the edge.
CLOUDS = (
    ((32.0, 28.0), 5.0, 1.1, -212.0, 4.0),
    ((24.0, 45.0), 4.5, 0.9, -206.0, 3.2),
    ((63.5, 55.0), 3.2, 0.55, -190.0, 2.8),
    ((8.0, -0.5), 3.0, 0.6, -222.0, 2.6),
)
BRIDGE = 0.24  # K, of the faint emission between the first two


def simulate_clouds_cube(*, rng: int | np.random.Generator = 0, noise: float | u.Quantity = NOISE) -> SimulatedCube:
    """Simulate a small cube of CO (2-1): two giant clouds joined by faint emission, and two cut off at the edge.

    It has 300 channels of 0.7 km/s and 64 x 64 pixels of 1 arcsec, in K. With the default noise, a mask of the voxels
    above 3 times the noise has some 900 regions, nearly all of them noise; three remain that have more than 40
    voxels and more than 5 above 6 times the noise. The geometry is that of the cube of the tutorial "Multispectrum
    parallel fitting" of Learn Astropy.

    Parameters
    ----------
    rng
        A seed or a generator; the same seed gives the same cube.
    noise
        Standard deviation of the noise per voxel, in K unless it has a unit. It is white along the spectral axis, and
        correlated between neighbouring pixels as by a beam of 2.6 pixels.

    Returns
    -------
    cube
        Data, WCS, noise and truth: maps of ``amplitude``, ``mean`` and ``stddev`` of the Gaussian line. Amplitudes
        are small but not zero away from the clouds.

    Raises
    ------
    InputError
        If the noise is negative or not finite.

    Examples
    --------
    >>> cube = simulate_clouds_cube()
    >>> cube.data.shape, cube.data.unit, cube.truth["mean"].unit
    ((300, 64, 64), Unit("K"), Unit("km / s"))
    """
    sigma = float(u.Quantity(noise, u.K).value)
    if not 0 <= sigma < np.inf:
        raise InputError(f"noise is {noise}. Give a finite standard deviation, zero or larger.")
    random = np.random.default_rng(rng)
    truth = _truth(random)
    velocity = CENTRE + CHANNEL * (np.arange(SHAPE[0]) - (SHAPE[0] - 1) / 2)
    phase = (velocity[:, None, None] - truth["mean"]) / truth["stddev"]
    data = (truth["amplitude"] * np.exp(-0.5 * phase**2)).astype(np.float32)
    data += np.float32(sigma) * _noise(random)
    units = {"amplitude": u.K, "mean": u.km / u.s, "stddev": u.km / u.s}
    maps = MappingProxyType({name: values << units[name] for name, values in truth.items()})
    return SimulatedCube(u.Quantity(data, u.K, copy=False), _wcs(), sigma * u.K, maps)


def _truth(rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Maps of one line: clouds blended by their brightness, with velocities stirred by turbulence."""
    clouds = [_cloud(place, size) for place, size, *_ in CLOUDS]
    parts = [peak * cloud for (_, _, peak, _, _), cloud in zip(CLOUDS, clouds, strict=True)]
    parts.append(BRIDGE * _bridge())
    velocities = [c[3] for c in CLOUDS] + [(CLOUDS[0][3] + CLOUDS[1][3]) / 2]
    widths = [c[4] for c in CLOUDS] + [4.0]
    weights = np.stack(parts) + 1e-12
    share = weights / weights.sum(axis=0)
    texture = np.exp(0.08 * turbulence(SHAPE[1:], rng))
    return {
        "amplitude": weights.sum(axis=0) * texture,
        "mean": np.tensordot(velocities, share, axes=1) + 0.5 * turbulence(SHAPE[1:], rng),
        "stddev": np.tensordot(widths, share, axes=1),
    }


def _cloud(place: tuple[float, float], size: float) -> NDArray[np.float64]:
    """Brightness of a round cloud of peak 1."""
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    return np.asarray(np.exp(-0.5 * ((y - place[0]) ** 2 + (x - place[1]) ** 2) / size**2))


def _bridge() -> NDArray[np.float64]:
    """A filament of peak 1 between the first two clouds."""
    (y0, x0), (y1, x1) = CLOUDS[0][0], CLOUDS[1][0]
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    along = np.clip(((y - y0) * (y1 - y0) + (x - x0) * (x1 - x0)) / ((y1 - y0) ** 2 + (x1 - x0) ** 2), 0, 1)
    distance = np.hypot(y - y0 - along * (y1 - y0), x - x0 - along * (x1 - x0))
    return np.asarray(np.exp(-0.5 * (distance / 2.5) ** 2))


def _noise(rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise of standard deviation 1, white along the spectral axis, and smoothed by the beam as a map is."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.standard_normal(SHAPE, dtype=np.float32), (0, BEAM, BEAM), mode="wrap")
    kernel = gaussian_filter(np.pad([[1.0]], 12), BEAM)
    return np.asarray(noise / np.float32(np.sqrt((kernel**2).sum())), np.float32)


def _wcs() -> WCS:
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = ["RA---SIN", "DEC--SIN", "VRAD"]
    wcs.wcs.cunit = ["deg", "deg", "km/s"]
    wcs.wcs.crval = [23.46, 30.66, CENTRE]
    wcs.wcs.cdelt = [-PIXEL / 3600, PIXEL / 3600, CHANNEL]
    wcs.wcs.crpix = [(n + 1) / 2 for n in reversed(SHAPE)]
    wcs.wcs.radesys, wcs.wcs.specsys, wcs.wcs.restfrq = "ICRS", "LSRK", REST_FREQUENCY
    wcs.wcs.set()
    wcs.array_shape = SHAPE
    return wcs
