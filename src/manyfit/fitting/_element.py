"""One element of a block as an astropy fitter takes it: arrays of the fitting shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._tile import Tiles

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Element:
    """Data, start values and bounds of one element.

    Attributes
    ----------
    x
        One array for each input of the model, of the fitting shape.
    y
        Data of the fitting shape.
    weights
        Factors on the residuals (1 / standard deviation) of the fitting shape, or None.
    valid
        Which points take part in the fit.
    start, lower, upper
        Start values, moved into the bounds, and bounds, in the order of the model's parameters.
    """

    x: tuple[Array, ...]
    y: Array
    weights: Array | None
    valid: Flags
    start: Array
    lower: Array
    upper: Array

    @property
    def n_points(self) -> int:
        """Number of points with a value that take part in the fit."""
        return int(np.count_nonzero(self.valid & np.isfinite(self.y)))

    @property
    def startable(self) -> bool:
        """Whether start values are finite and bounds in order."""
        return bool(np.all(np.isfinite(self.start)) and np.all(self.lower <= self.upper))

    def weighted(self, values: Array) -> Array:
        """Values of the fitting shape at the valid points, times their weights."""
        return values[self.valid] if self.weights is None else (values * self.weights)[self.valid]

    def for_fitter(self, at_start: Array | None) -> tuple[tuple[Array, ...], Array, Array | None]:
        """Coordinates, data and weights to be fitted.

        Points left out stay in the grid with weight zero, because a model may look at neighbouring points (a
        convolution does). Where the model has no value at such a point, all of them are taken out.

        Parameters
        ----------
        at_start
            Values of the model at the start values; needed if any point is left out.
        """
        if self.valid.all():
            return self.x, self.y, self.weights
        weights = np.ones_like(self.y) if self.weights is None else self.weights
        if at_start is not None and np.all(np.isfinite(at_start)):
            y = np.where(self.valid | np.isfinite(self.y), self.y, 0.0)
            return self.x, y, np.where(self.valid, weights, 0.0)
        return tuple(x[self.valid] for x in self.x), self.y[self.valid], weights[self.valid]


def elements(tiles: Tiles, block: tuple[slice, ...], *, nan_is_masked: bool) -> Iterator[Element]:
    """The elements of a block, one after the other.

    Parameters
    ----------
    tiles
        Reads the data.
    block
        One slice per iterating axis.
    nan_is_masked
        Whether data that are not finite are left out; if not, they are left to the fitter.
    """
    tile = replace(tiles, masks=()).read(block)
    weight, valid = _valid(tiles, block, tile.y, tile.weight)
    if nan_is_masked:
        valid &= np.isfinite(tile.y)
    shape = tiles.axes.fitting_shape
    for i in range(len(tile.y)):
        x = tile.x if tile.x.ndim == 2 else tile.x[i]
        start, lower, upper = (a[min(i, len(a) - 1)] for a in (tile.start, tile.lower, tile.upper))
        yield Element(
            tuple(row.reshape(shape) for row in x),
            tile.y[i].reshape(shape),
            None if weight is None else np.sqrt(np.where(valid[i], weight[i], 0.0)).reshape(shape),
            valid[i].reshape(shape),
            np.clip(start, lower, np.maximum(lower, upper)),
            lower,
            upper,
        )


def _valid(tiles: Tiles, block: tuple[slice, ...], y: Array, weight: Array | None) -> tuple[Array | None, Flags]:
    """Weights of all points, and which points neither mask nor weight leave out."""
    valid = np.ones(y.shape, bool)
    for mask in tiles.masks:
        valid &= ~(mask.rows(block) != 0)
    if weight is None:
        return None, valid
    weight = np.broadcast_to(weight, y.shape)
    valid &= np.isfinite(weight) & (weight > 0)
    return weight, valid
