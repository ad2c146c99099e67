"""A SpectralCube as labelled data: masked values are NaN, WCS and unit are its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._labelled import Labelled
from ._source import Lock, Slices


@dataclass(frozen=True)
class Cube:
    """The values of a SpectralCube, with its mask applied to each slice as it is read."""

    cube: Any
    chunks: tuple[int, ...] | None
    _lock: Lock = field(default_factory=Lock, compare=False, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the cube."""
        return tuple(self.cube.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values, once masked ones are NaN."""
        return np.dtype(np.float64)

    @property
    def waits(self) -> bool:
        """It may be in a file, and one thread reads at a time."""
        return True

    def read(self, slices: Slices) -> NDArray[Any]:
        """The values of a slice."""
        with self._lock:  # a mask may be a function of the coordinates, and a WCS is not safe in threads
            part = self.cube.unitless_filled_data[slices]
            return np.asarray(part.compute(scheduler="synchronous") if hasattr(part, "compute") else part)


def read_spectral_cube(cube: Any, what: str = "data") -> Labelled:
    """Labelled data from a SpectralCube, lazy or not."""
    del what
    filled = cube.with_fill_value(np.nan)
    stored = getattr(cube, "_data", None)
    return Labelled(Cube(filled, getattr(stored, "chunksize", None)), unit=cube.unit, wcs=cube.wcs)
