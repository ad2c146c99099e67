"""Everything the kernels need for one block, as plain arrays, read from wherever the data is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ._aligned import Aligned
from ._axes import Axes
from ._grid import Grid
from ._source import Memory, Source
from ._start import PerParameter
from ._transpose import rows
from ._weights import Weighting

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tile:
    """The elements of one block: native, contiguous float64 arrays.

    Attributes
    ----------
    x
        Coordinates (inputs, points) shared by all elements, or (elements, inputs, points).
    y
        Data (elements, points), not finite where masked.
    weight
        Inverse variance (1 or elements, 1 or points), 1 where all have the same; None if there is none.
        A value that is not positive and finite leaves its point out.
    start, lower, upper
        Start values and bounds (1 or elements, parameters), in the order of ``model.param_names``.
    """

    x: Array
    y: Array
    weight: Array | None
    start: Array
    lower: Array
    upper: Array


@dataclass(frozen=True)
class Tiles:
    """Reads tiles. It holds no model, so it can be sent to other processes whatever the model is.

    Attributes
    ----------
    axes
        Axes of the data.
    source
        The data.
    grid
        Coordinates in the units of the fit.
    masks
        Anything that is not zero is bad.
    weighting
        Inverse variances, or None.
    start, lower, upper
        Start values and bounds.
    """

    axes: Axes
    source: Source
    grid: Grid
    masks: tuple[Aligned, ...]
    weighting: Weighting | None
    start: PerParameter
    lower: PerParameter
    upper: PerParameter

    def read(self, block: tuple[slice, ...]) -> Tile:
        """The tile of a block, given as one slice (start, stop) per iterating axis."""
        return Tile(
            x=self.grid.read(block),
            y=self._data(block),
            weight=None if self.weighting is None else self.weighting.read(block),
            start=self.start.read(block),
            lower=self.lower.read(block),
            upper=self.upper.read(block),
        )

    @property
    def waits(self) -> bool:
        """Whether reading a tile takes time in which others can be fitted."""
        beside = [] if self.weighting is None else [self.weighting.values]
        return any(source.waits for source in (self.source, *(array.source for array in (*self.masks, *beside))))

    @property
    def bytes_per_element(self) -> int:
        """Bytes that one element takes while its block is read and fitted.

        The tile, what it is made from where that is not a view, and as much again as the tile for the fit.
        """
        copies = (
            0 if isinstance(self.source, Memory) else 2 if self.source.waits else 1
        )  # as it comes, and put in order
        per_point = 8 + copies * self.source.dtype.itemsize
        if self.grid.shared is None:
            per_point += 8 * (len(self.axes.fitting) + 2 * len(self.axes.shape))
        if self.weighting is not None and self.weighting.values.differs_between_elements:
            per_point += 16
        per_point += sum(mask.differs_between_elements for mask in self.masks)
        return per_point * self.axes.n_points + 3 * 8 * len(self.start.arrays)

    def _data(self, block: tuple[slice, ...]) -> Array:
        values = self.source.read(self.axes.slices(block))
        if self.masks:
            values = _floats(values)
        for mask in self.masks:  # before the transposition, where data and mask lie in the same order
            _blank(values, mask.read(block).astype(bool, copy=False))
        arranged = self.axes.arrange(values)
        if arranged.dtype == np.float64 and arranged.dtype.isnative and arranged.flags.c_contiguous:
            return cast("Array", arranged.reshape(-1, self.axes.n_points))  # as it lies: nothing changes a tile
        return rows(arranged, len(self.axes.iterating))


def _floats(values: NDArray[Any]) -> NDArray[Any]:
    """A copy, in the same order in memory, that can hold NaN."""
    simple = values.dtype.kind == "f" and values.dtype.itemsize in (4, 8)
    return values.astype(values.dtype.newbyteorder("=") if simple else np.float64)


def _blank(values: NDArray[Any], mask: NDArray[np.bool]) -> None:
    """Set masked values to NaN in place, in the same time whatever the pattern of the mask."""
    bits = values.view(np.dtype(f"i{values.itemsize}"))
    np.bitwise_or(bits, np.negative(mask.view(np.int8)), out=bits)  # a number with all bits set is NaN
