"""Numbers that are stored with a scale, a zero and a mark for missing values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._source import Slices, Source


@dataclass(frozen=True)
class Scaled:
    """A source times a scale plus a zero, as float64; NaN where it has the value `blank`."""

    raw: Source
    scale: float
    zero: float
    blank: float | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self.raw.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the scaled values."""
        return np.dtype(np.float64)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Chunks of the values as they are stored."""
        return self.raw.chunks

    @property
    def waits(self) -> bool:
        """As for the values as they are stored."""
        return self.raw.waits

    def read(self, slices: Slices) -> NDArray[Any]:
        """The scaled values of a slice."""
        raw = self.raw.read(slices)
        values = raw.astype(np.float64)
        values *= self.scale
        values += self.zero
        if self.blank is not None:
            values[raw == self.blank] = np.nan
        return values
