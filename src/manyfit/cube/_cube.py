"""A spectral cube: values with the spectral axis first, its coordinates, and what is known of its noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._slices import cut_broadcast, cut_wcs, slices_of
from manyfit.cube._spectral import converted_axis, widths
from manyfit.fitting._source import source_of

if TYPE_CHECKING:
    from astropy.units import Quantity, UnitBase


@dataclass(frozen=True, eq=False)
class Cube:
    """A spectral cube, or a single spectrum, with the spectral axis first.

    Made by `manyfit.cube.read`; values stay where they are (a file, dask, zarr) until they are needed.

    Attributes
    ----------
    data
        Values of shape (n_channels, *spatial), where spatial is (ny, nx), or () for one spectrum: anything that
        gives NumPy values when it is sliced.
    spectral_axis
        Coordinates of the channels with unit, in any order: of shape (n_channels,), or of the shape of the data
        where they differ between spectra.
    unit
        Unit of the data.
    wcs
        Low-level WCS of the spatial axes, or None.
    uncertainty
        Standard deviations in the unit of the data, broadcastable to it, or None.
    mask
        True for bad values, broadcastable to the data, or None. Values that are not finite are bad in any case.
    header
        Header of the file it came from, or None.
    rest
        Rest frequency or wavelength, or None.
    convention
        ``"radio"``, ``"optical"`` or ``"relativistic"`` where the spectral axis is a velocity and that is known.
    medium
        ``"air"`` or ``"vacuum"`` where the spectral axis is a wavelength and that is known.
    notes
        What was done while reading and the user should know.

    Examples
    --------
    >>> import manyfit, astropy.units as u
    >>> co = manyfit.cube.read(np.ones((5, 3, 4)) * u.K, spectral_axis=np.arange(5) * u.km / u.s)
    >>> co
    <Cube: 5 channels, 0 to 4 km / s; 3 x 4 spectra in K>
    >>> co[:, 1, 2].is_spectrum, co[1:3].shape, co[:, 1:, :2].shape
    (True, (2, 3, 4), (5, 2, 2))
    """

    data: Any
    spectral_axis: Quantity
    unit: UnitBase
    wcs: Any = None
    uncertainty: Any = None
    mask: Any = None
    header: Mapping[str, Any] | None = None
    rest: Quantity | None = None
    convention: str | None = None
    medium: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels and spatial shape."""
        return tuple(self.data.shape)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.shape[0]

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Shape of a map: (ny, nx), or () for one spectrum."""
        return self.shape[1:]

    @property
    def is_spectrum(self) -> bool:
        """Whether this is one spectrum."""
        return not self.spatial_shape

    @property
    def channel_width(self) -> Quantity:
        """Widths of the channels, positive, of the shape of ``spectral_axis``.

        Half the distance between the two neighbours; at the ends the distance to the only one. The mean distance
        where all are equal but for rounding.
        """
        return widths(self.spectral_axis)

    def __getitem__(self, key: Any) -> Cube:
        """A part of the cube: channels first; an integer for each spatial axis gives one spectrum.

        Raises
        ------
        InputError
            Too many indices, a step, a single channel, or an integer for one of two spatial axes.
        """
        cut = slices_of(key, self.shape)
        spectral = cut if self.spectral_axis.ndim > 1 else cut[:1]
        return replace(
            self,
            data=self.data[cut],
            spectral_axis=self.spectral_axis[spectral],
            wcs=cut_wcs(self.wcs, cut[1:]),
            uncertainty=cut_broadcast(self.uncertainty, cut, self.shape),
            mask=cut_broadcast(self.mask, cut, self.shape),
        )

    def values(self, slices: tuple[slice, ...] | None = None) -> NDArray[np.floating[Any]]:
        """Values in memory: floating-point numbers of native byte order, NaN where the mask is True.

        Parameters
        ----------
        slices
            One slice with start and stop for each axis. Default: everything.
        """
        cut = tuple(slice(0, n) for n in self.shape) if slices is None else slices
        part = source_of(self.data).read(cut)
        dtype = np.float32 if part.dtype.kind == "f" and part.dtype.itemsize <= 4 else np.float64
        values: NDArray[np.floating[Any]] = np.array(part, dtype, order="C")
        if self.mask is not None:
            values[np.broadcast_to(np.asarray(cut_broadcast(self.mask, cut, self.shape)), values.shape)] = np.nan
        return values

    def with_spectral_unit(self, unit: Any, convention: str | None = None, rest: Any = None) -> Cube:
        """The same cube with another spectral coordinate: frequency, wavelength, energy, wavenumber or velocity.

        Parameters
        ----------
        unit
            Unit of the new coordinate.
        convention
            ``"radio"``, ``"optical"`` or ``"relativistic"``: how velocities are defined. Default: that of the
            cube.
        rest
            Rest frequency or wavelength that new velocities refer to; velocities of a cube with another one are
            moved. Default: that of the cube. For wavelengths in air it is one in air.

        Raises
        ------
        InputError
            The unit is not spectral, a rest frequency or convention is needed and not known, or frequencies were
            asked for of wavelengths in air.

        Examples
        --------
        >>> import manyfit, astropy.units as u
        >>> co = manyfit.cube.read(
        ...     np.ones(3) * u.K, spectral_axis=[115.26, 115.27, 115.28] * u.GHz, rest=115.2712018 * u.GHz
        ... )
        >>> co.with_spectral_unit("km/s", convention="radio").spectral_axis.round(2)
        <Quantity [ 29.13,   3.13, -22.88] km / s>
        """
        axis = converted_axis(self, unit, convention, rest)
        return replace(self, spectral_axis=axis.values, convention=axis.convention, rest=axis.rest)

    def __repr__(self) -> str:
        axis = self.spectral_axis
        spectra = " x ".join(map(str, self.spatial_shape)) + " spectra" if self.spatial_shape else "one spectrum"
        span = f"{np.nanmin(axis.value):g} to {np.nanmax(axis.value):g} {axis.unit}"
        return f"<Cube: {self.n_channels} channels, {span}; {spectra} in {self.unit or 'no unit'}>"
