"""`moments`: peak, moments 0, 1 and 2, line width and equivalent width of each spectrum, with errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube import _moments_kernel as kernel
from manyfit.cube._blocks import Part, each_part
from manyfit.cube._cube import Cube
from manyfit.cube._moments_input import along, coordinates_of, sigma_of, taken, voxels_of
from manyfit.cube._noise import check_some

if TYPE_CHECKING:
    import os

    from astropy.io.fits import HDUList
    from astropy.units import Quantity, UnitBase
    from matplotlib.figure import Figure

NAMES = ("peak", "moment0", "moment1", "moment2", "linewidth", "equivalent_width")


@dataclass(frozen=True, eq=False)
class Moments(Mapping[str, "Quantity"]):
    """Maps of the moments of spectra, by name, with units.

    Attributes
    ----------
    maps
        Maps by name: ``peak``, ``moment0``, ``moment1``, ``moment2``, ``linewidth``, ``equivalent_width``.
    error
        Standard deviations by the same names.
    wcs
        Low-level WCS of the maps, or None.
    """

    maps: Mapping[str, Quantity]
    error: Mapping[str, Quantity]
    wcs: Any = None

    def __getitem__(self, name: str) -> Quantity:
        return self.maps[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.maps)

    def __len__(self) -> int:
        return len(self.maps)

    def __repr__(self) -> str:
        return f"<Moments of {' x '.join(map(str, self['peak'].shape)) or 'one'} spectra: {', '.join(self)}>"

    def plot(self, *, errors: bool = False, percentile: tuple[float, float] = (1.0, 99.0)) -> Figure:
        """Draw the maps on one page, the mean coordinate on a scale centred on its median.

        Parameters
        ----------
        errors
            Whether to draw the errors below.
        percentile
            Percentiles of the values at the ends of each colour scale.
        """
        from manyfit.plot import plot_maps

        return plot_maps(
            _plain(self.maps),
            errors=_plain(self.error) if errors else None,
            wcs=self.wcs,
            percentile=percentile,
            centred=("moment1",),
            where=np.isfinite(self["peak"].value) if self["peak"].ndim == 2 else None,
        )

    def to_hdulist(self) -> HDUList:
        """FITS images ``PEAK``, ``PEAK_ERR``, ``MOMENT0`` ... with unit and the WCS of the sky."""
        from manyfit.cube._moments_file import hdulist

        return hdulist(self)

    def to_fits(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a FITS file with one image per map and per error; it appears whole or not at all.

        Raises
        ------
        OutputExists
            There is a file and `overwrite` is not set.
        """
        from pathlib import Path

        from manyfit.fitting._atomic import replacing

        with replacing(Path(path), overwrite=overwrite) as file:
            self.to_hdulist().writeto(file, checksum=True)


def _plain(maps: Mapping[str, Quantity]) -> dict[str, tuple[NDArray[Any], UnitBase]]:
    return {name: (values.value, values.unit) for name, values in maps.items()}


def moments(cube: Cube, signal: Any = None, *, noise: Any = None, workers: int | None = None) -> Moments:
    r"""Peak, moments 0, 1 and 2, line width and equivalent width of each spectrum, with errors.

    With I the values, v the coordinates and w the widths of the channels, summed over the voxels of the signal:

    ================== ======================================== =============================================
    name               definition                               variance
    ================== ======================================== =============================================
    peak               max I                                    s² of that channel
    moment0            M0 = sum I w                             sum s² w²
    moment1            M1 = sum I v w / M0                      sum s² w² (v - M1)² / M0²
    moment2            M2 = sum I (v - M1)² w / M0              sum s² w² ((v - M1)² - M2)² / M0²
    linewidth          sqrt M2                                  var M2 / (4 M2)
    equivalent_width   W = M0 / (sqrt(2 pi) peak)               W² (var M0 / M0² + s²/peak² - 2 s² w / (M0 peak))
    ================== ======================================== =============================================

    s is the noise of each voxel, independent between channels (where it is not, give ``noise=effective_noise(...)``).
    The variances are of first order in s and hold for a given mask: that the mask follows the noise is not in them. Nor
    is in the error of the peak that the largest of several channels is above the truth: for a line of S/N 10 by 0.0,
    0.5 and 1.0 s for a standard deviation of 1, 3 and 6 channels, with a scatter of 1.0, 0.7 and 0.65 s (the amplitude
    of a fit has neither). Moments are those of ``spectral_cube``; the equivalent width is that of Heyer, Carpenter and
    Snell (2001, ApJ 551, 852).

    Parameters
    ----------
    cube
        The cube.
    signal
        `SignalMask`, or booleans that broadcast to the cube (a map, channels): which voxels are taken. Default: all.
    noise
        Standard deviations for the errors. Default: those of the signal mask, else of the cube, else ``noise(cube)``.
    workers
        Number of threads. Default: the CPUs that this process may use.

    Returns
    -------
    Moments
        NaN for spectra without a voxel of the signal. The line width is NaN where moment 2 is negative.

    Raises
    ------
    InputError
        A mask or noise of another shape or unit; a blank cube.

    Examples
    --------
    >>> import manyfit, astropy.units as u
    >>> v = np.linspace(-20, 20, 81) * u.km / u.s
    >>> line = 3 * np.exp(-0.5 * ((v.value - 1) / 2) ** 2) * u.K
    >>> m = manyfit.cube.moments(manyfit.cube.read(line, spectral_axis=v), noise=0.1 * u.K)
    >>> print(f"{m['moment1']:.3f} {m['linewidth']:.3f} {m['equivalent_width']:.3f} {m.error['moment0']:.3f}")
    1.000 km / s 2.000 km / s 2.000 km / s 0.450 K km / s
    """
    chosen = voxels_of(cube, signal)
    sigma = sigma_of(cube, signal, noise, workers)
    out, error = (np.full((len(NAMES), *cube.spatial_shape), np.nan) for _ in range(2))
    axis, width = (coordinates_of(q.value, cube) for q in (cube.spectral_axis, cube.channel_width))

    def work(part: Part) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        values = part.values(cube)
        found = tuple(np.full((len(NAMES), values.shape[1]), np.nan) for _ in range(2))
        kernel.moments(values, taken(part, chosen), along(part, axis), along(part, width), part.of(sigma), *found)
        return found[0], found[1]

    def collect(part: Part, result: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
        for whole, piece in zip((out, error), result, strict=True):
            whole[(slice(None), *part.block.slices)] = piece.reshape(len(NAMES), *part.block.shape)

    wanted = None if chosen is None else np.broadcast_to(np.asarray(chosen.any(axis=0)), cube.spatial_shape)
    each_part(cube, work, collect, workers=workers, wanted=wanted)
    if chosen is None:
        check_some(out)
    units = _units(cube)
    maps, errors = ({n: a << units[n] for n, a in zip(NAMES, all_, strict=True)} for all_ in (out, error))
    return Moments(maps, errors, cube.wcs)


def _units(cube: Cube) -> dict[str, UnitBase]:
    x = cube.spectral_axis.unit
    return dict(zip(NAMES, (cube.unit, cube.unit * x, x, x**2, x, x), strict=True))
