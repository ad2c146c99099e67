"""A cube cut into bands of rows, and its spectra there as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._baseline import middle_of
from manyfit.cube._spectra import Spectra

if TYPE_CHECKING:
    from manyfit.cube._cube import Cube

Array = NDArray[np.float64]

SPECTRA_AT_ONCE = 32768


@dataclass(frozen=True, eq=False)
class Bands:
    """Spectra of a cube, to be read band by band.

    Attributes
    ----------
    cube
        The cube.
    sigma
        Standard deviations (channels or 1, *spatial).
    narrow, wide
        Limits of the standard deviation of a line in channels.
    n_baseline
        Number of coefficients of the polynomial below the lines.
    """

    cube: Cube
    sigma: Array
    narrow: float
    wide: float
    n_baseline: int

    def __iter__(self) -> Iterator[tuple[slice, ...]]:
        """Slices of whole rows of the map, with not many more spectra than `SPECTRA_AT_ONCE`."""
        shape = self.cube.spatial_shape
        if not shape:
            yield ()
            return
        rows = max(1, SPECTRA_AT_ONCE // max(1, int(np.prod(shape[1:]))))
        for first in range(0, shape[0], rows):
            yield (slice(first, min(first + rows, shape[0])), *(slice(0, n) for n in shape[1:]))

    def places(self, band: tuple[slice, ...], select: NDArray[np.bool]) -> NDArray[np.intp]:
        """Flat indices into the map of the selected spectra of a band, given a map of booleans."""
        whole = np.arange(select.size).reshape(select.shape)
        return np.asarray(whole[band].reshape(-1)[select[band].reshape(-1)])

    def spectra(self, band: tuple[slice, ...], select: NDArray[np.bool]) -> Spectra:
        """The selected spectra of a band, one after the other."""
        chosen = np.flatnonzero(select[band])

        def rows(values: NDArray[Any]) -> Array:
            return np.ascontiguousarray(values.reshape(len(values), -1)[:, chosen].T, np.float64)

        cube = self.cube
        values = rows(cube.values((slice(0, cube.n_channels), *band)))
        axis = np.asarray(cube.spectral_axis.value, np.float64)
        x = axis[None] if axis.ndim == 1 else rows(axis[(slice(None), *band)])
        sigma = rows(self.sigma[(slice(None), *band)])
        middle = float(middle_of(cube).value)
        return Spectra(values, sigma, x, self.narrow, self.wide, self.n_baseline, middle)
