"""`signal_mask`: connected regions of signal, found with two thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.cube._cube import Cube

if TYPE_CHECKING:
    from astropy.table import QTable
    from astropy.units import Quantity


@dataclass(frozen=True, eq=False)
class SignalMask:
    """Where a cube has signal.

    Attributes
    ----------
    labels
        Number of the region of each voxel, from 1; 0 outside of all. Of the shape of the cube and of the smallest
        unsigned integer type that holds the numbers.
    regions
        One row per region: number of voxels, of bright ones, peak signal-to-noise, position, spectral range.
    noise
        Standard deviations that the thresholds were multiples of.
    """

    labels: NDArray[np.unsignedinteger[Any]]
    regions: QTable
    noise: Quantity

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Whether a voxel has signal, of the shape of the cube."""
        return np.asarray(self.labels != 0)

    @cached_property
    def spatial(self) -> NDArray[np.bool_]:
        """Whether a spectrum has signal in any channel, of the shape of a map."""
        return np.asarray((self.labels != 0).any(axis=0))


def signal_mask(
    cube: Cube,
    *,
    low: float = 3,
    high: float = 6,
    noise: Any = None,
    structure: ArrayLike | None = None,
    min_voxels: int = 40,
    min_bright_voxels: int = 5,
    grow_channels: int = 1,
    grow_pixels: int = 0,
) -> SignalMask:
    """Find connected regions of signal in a cube (in work)."""
    raise NotImplementedError
