"""A simulated cube of ¹³CO emission with the truth beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from manyfit.datasets._clouds import Maps, line_maps
from manyfit.errors import InputError, OutputExists

if TYPE_CHECKING:
    import os

CENTRE = 4.5e3  # m/s
BAND = 3.5e3  # m/s, whatever the number of channels
PIXEL = 23.0  # arcsec
REST_FREQUENCY = 110.201354e9  # Hz, 13CO (1-0)


@dataclass(frozen=True)
class SimulatedCube:
    """Brightness, coordinates, noise and truth of a simulated cube.

    Attributes
    ----------
    data
        Brightness in K, float32, axes (velocity, y, x).
    wcs
        Celestial axes and radio velocity in m/s.
    noise
        Standard deviation of the noise of every voxel.
    truth
        Maps (y, x) of the true ``amplitude``, ``mean`` and ``stddev`` of the Gaussian line, with units. With
        several lines the names have the number of the line, as in a compound astropy model: ``amplitude_0``.
    """

    data: u.Quantity
    wcs: WCS
    noise: u.Quantity
    truth: Mapping[str, u.Quantity]

    def to_hdu(self) -> fits.PrimaryHDU:
        """The cube as a FITS image with unit and coordinates."""
        hdu = fits.PrimaryHDU(self.data.value, header=self.wcs.to_header())
        hdu.header["BUNIT"] = "K"
        hdu.header["OBJECT"] = "simulated 13CO"
        hdu.header["NOISE"] = (self.noise.to_value(u.K), "[K] standard deviation per voxel")
        return hdu

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the cube to a FITS file and return its path.

        Raises
        ------
        OutputExists
            If the file is there already and `overwrite` is false.
        """
        path = Path(path)
        if path.exists() and not overwrite:
            raise OutputExists(f"{path} exists. Give another path or overwrite=True.")
        self.to_hdu().writeto(path, overwrite=overwrite)
        return path


def simulate_cube(
    shape: tuple[int, int, int] = (53, 105, 105),
    *,
    rng: int | np.random.Generator = 0,
    noise: float | u.Quantity = 0.25,
    n_lines: int = 1,
) -> SimulatedCube:
    """Simulate a spectral cube of a few turbulent clouds, like ¹³CO in a nearby star-forming region.

    Every spectrum is a sum of Gaussian lines and white noise. Clouds have their own velocity, gradient of
    velocity and width; brightness varies by orders of magnitude, from far below the noise to 5 K. The
    band is 3.5 km/s wide around 4.5 km/s whatever the number of channels.

    Parameters
    ----------
    shape
        Channels, rows and columns.
    rng
        A seed or a generator; the same seed gives the same cube.
    noise
        Standard deviation of the noise per voxel, in K unless it has a unit.
    n_lines
        Gaussian lines per spectrum, in order of velocity.

    Returns
    -------
    cube
        Data, WCS, noise and truth.

    Raises
    ------
    InputError
        If the shape, the noise or the number of lines makes no cube.

    Examples
    --------
    >>> cube = simulate_cube((20, 8, 9))
    >>> cube.data.shape, cube.data.unit, sorted(cube.truth)
    ((20, 8, 9), Unit("K"), ['amplitude', 'mean', 'stddev'])
    """
    sigma = _checked(shape, noise, n_lines)
    random = np.random.default_rng(rng)
    lines = [line_maps(shape[1:], random, CENTRE + offset) for offset in _offsets(n_lines)]
    data = random.standard_normal(shape, dtype=np.float32)
    data *= np.float32(sigma)
    velocity = CENTRE + BAND * (np.arange(shape[0]) - (shape[0] - 1) / 2) / shape[0]
    for line in lines:
        _add_line(data, velocity, line)
    return SimulatedCube(u.Quantity(data, u.K, copy=False), _wcs(shape), sigma * u.K, _truth(lines))


def _checked(shape: tuple[int, ...], noise: float | u.Quantity, n_lines: int) -> float:
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(f"shape is {shape}. Give three positive numbers: channels, rows and columns.")
    if n_lines < 1:
        raise InputError(f"n_lines is {n_lines}. Give 1 or more.")
    sigma = float(u.Quantity(noise, u.K).value) if isinstance(noise, u.Quantity) else float(noise)
    if not 0 <= sigma < np.inf:
        raise InputError(f"noise is {noise}. Give a finite standard deviation, zero or larger.")
    return sigma


def _offsets(n_lines: int) -> NDArray[np.float64]:
    """Mean velocities of the lines about the centre of the band, 0.9 km/s apart or less."""
    step = min(900.0, 0.6 * BAND / n_lines)
    return step * np.asarray(np.arange(n_lines) - (n_lines - 1) / 2)


def _add_line(data: NDArray[np.float32], velocity: NDArray[np.float64], line: Maps) -> None:
    """Add one line to the data, channel by channel, so that memory stays that of the data."""
    for channel, v in enumerate(velocity):
        phase = ((v - line["mean"]) / line["stddev"]) ** 2
        data[channel] += (line["amplitude"] * np.exp(-0.5 * phase)).astype(np.float32)


def _truth(lines: list[Maps]) -> Mapping[str, u.Quantity]:
    units = {"amplitude": u.K, "mean": u.m / u.s, "stddev": u.m / u.s}
    return MappingProxyType(
        {
            name if len(lines) == 1 else f"{name}_{i}": u.Quantity(values, units[name])
            for i, line in enumerate(lines)
            for name, values in line.items()
        }
    )


def _wcs(shape: tuple[int, int, int]) -> WCS:
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN", "VRAD"]
    wcs.wcs.cunit = ["deg", "deg", "m/s"]
    wcs.wcs.crval = [51.4, 30.75, CENTRE]
    wcs.wcs.cdelt = [-PIXEL / 3600, PIXEL / 3600, BAND / shape[0]]
    wcs.wcs.crpix = [(n + 1) / 2 for n in reversed(shape)]
    wcs.wcs.radesys, wcs.wcs.specsys, wcs.wcs.restfrq = "ICRS", "LSRK", REST_FREQUENCY
    wcs.wcs.set()
    wcs.array_shape = shape
    return wcs
