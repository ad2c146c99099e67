"""Some elements of a problem: only they are read and fitted, and their results go back to their place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import plan
from manyfit.errors import InputError
from manyfit.kernels import Solution, Status

from ._aligned import Aligned
from ._axes import Axes
from ._grid import Grid
from ._parameters import Parameters
from ._problem import Problem
from ._source import Memory
from ._start import PerParameter
from ._tile import Tiles
from ._world import ArrayCoordinates, Coordinates

Box = tuple[slice, ...]
#: What elements have that are not selected, where it is not NaN.
EMPTY = {"status": int(Status.NOT_FITTED), "n_points": 0, "n_iter": 0}


@dataclass(frozen=True, eq=False)
class Selection:
    """Elements of an iterating shape, in the order in which they are read.

    Attributes
    ----------
    shape
        The iterating shape.
    places
        Index along each iterating axis (axes, elements).
    pieces
        Number of the piece of the data (a chunk, some rows of a file) in which each element lies, ascending.
    """

    shape: tuple[int, ...]
    places: NDArray[np.intp]
    pieces: NDArray[np.intp]

    @property
    def n_elements(self) -> int:
        """Number of selected elements."""
        return int(self.places.shape[1])

    def boxes(self, part: slice) -> Iterator[tuple[slice, Box, tuple[NDArray[np.intp], ...]]]:
        """The runs of a part that lie in one piece: where in the part, the box around them, the places in the box."""
        edges = np.flatnonzero(np.diff(self.pieces[part])) + 1
        for start, stop in pairwise((0, *edges.tolist(), part.stop - part.start)):
            own = self.places[:, part.start + start : part.start + stop]
            if own.shape[1]:
                first = own.min(axis=1, keepdims=True)
                ends = zip(first[:, 0].tolist(), (own.max(axis=1) + 1).tolist(), strict=True)
                yield slice(start, stop), tuple(slice(*pair) for pair in ends), tuple(own - first)

    def spread(self, values: NDArray[Any], empty: Any) -> NDArray[Any]:
        """Values of the selected elements in the iterating shape, and `empty` for all others."""
        out = np.full((*self.shape, *values.shape[1:]), empty, values.dtype)
        out[tuple(self.places)] = values
        return out


def selection_of(select: Any, problem: Problem) -> Selection | None:
    """The elements that a user selected; None for all.

    Raises
    ------
    InputError
        The selection does not broadcast to the iterating shape.
    """
    where = where_of(select, problem.shape)
    return None if where.all() else _selection(where, problem)


def where_of(select: Any, shape: tuple[int, ...]) -> NDArray[np.bool]:
    """True for each element that a user selected.

    Raises
    ------
    InputError
        The selection does not broadcast to the iterating shape.
    """
    try:
        return np.broadcast_to(np.asarray(select, bool), shape)
    except ValueError:
        raise InputError(
            f"select has shape {np.shape(select)}, which does not broadcast to the iterating shape {shape}. Give True "
            "for each element to be fitted."
        ) from None


def _selection(where: NDArray[np.bool], problem: Problem) -> Selection:
    places = np.array(np.nonzero(where), np.intp).reshape(where.ndim, -1)
    pieces = _pieces(places, problem)
    order = np.argsort(pieces, kind="stable")
    return Selection(where.shape, places[:, order], pieces[order])


def _pieces(places: NDArray[np.intp], problem: Problem) -> NDArray[np.intp]:
    """In which piece of the data each element lies, so that what is stored together is read together."""
    source = problem.tiles.source
    if isinstance(source, Memory) or not places.size:
        return np.zeros(places.shape[1], np.intp)
    bytes_per_element = problem.n_points * source.dtype.itemsize
    extent = plan(problem.shape, bytes_per_element=bytes_per_element, chunks=problem.native_chunks).blocks[0].shape
    counts = [-(-n // piece) for n, piece in zip(problem.shape, extent, strict=True)]
    return np.asarray(np.ravel_multi_index(tuple(places // np.array(extent)[:, None]), counts))


# -- the problem of the selected elements ----------------------------------------------------------------------------


def only(problem: Problem, selection: Selection) -> Problem:
    """The problem of the selected elements alone: its iterating shape is their number."""
    tiles = tiles_of(problem.tiles, selection)
    return replace(problem, axes=tiles.axes, tiles=tiles, data_wcs=None)


def tiles_of(tiles: Tiles, selection: Selection) -> Tiles:
    """The tiles of the selected elements alone."""
    points = tiles.axes.fitting_shape
    axes = Axes((*points, selection.n_elements), tuple(range(len(points))))
    weighting = tiles.weighting
    data = Aligned(tiles.source, tuple(range(len(tiles.axes.shape))), tiles.axes)
    return Tiles(
        axes=axes,
        source=Gathered(data, selection),
        grid=_grid(tiles.grid, selection, axes),
        masks=tuple(_aligned(mask, selection, axes) for mask in tiles.masks),
        weighting=None if weighting is None else replace(weighting, values=_aligned(weighting.values, selection, axes)),
        start=_per_parameter(tiles.start, selection),
        lower=_per_parameter(tiles.lower, selection),
        upper=_per_parameter(tiles.upper, selection),
    )


@dataclass(frozen=True)
class Gathered:
    """The selected elements of an array, as a source with their number as the last axis and the fitting axes first."""

    array: Aligned
    selection: Selection

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape: 1 along an axis that the array is repeated along."""
        axes = self.array.axes
        points = (axes.shape[axis] if self.array.varies_along((axis,)) else 1 for axis in axes.fitting)
        return (*points, self.selection.n_elements if self.array.differs_between_elements else 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.array.source.dtype

    @property
    def chunks(self) -> None:
        """Elements are ordered by chunk, so slices are read well."""
        return None

    @property
    def waits(self) -> bool:
        """As for the array."""
        return self.array.source.waits

    def read(self, slices: Box) -> NDArray[Any]:
        """The values of some selected elements: whole along the fitting axes."""
        if not self.array.differs_between_elements:
            return self._read(tuple(slice(0, 1) for _ in self.selection.shape)).reshape(self.shape)
        part = slices[-1]
        out = np.empty((*self.shape[:-1], part.stop - part.start), self.dtype)
        for run, box, places in self.selection.boxes(part):
            lengths = tuple(s.stop - s.start for s in box)
            values = self._read(box)
            whole = np.broadcast_to(values, values.shape[: out.ndim - 1] + lengths)
            _gather(whole, places, out[..., run])
        return out

    def _read(self, box: Box) -> NDArray[Any]:
        """The part of a box, fitting axes first."""
        axes = self.array.axes
        return self.array.read(box).transpose(axes.fitting + axes.iterating)


def _gather(values: NDArray[Any], places: tuple[NDArray[np.intp], ...], out: NDArray[Any]) -> None:
    """Copy chosen elements plane by plane: elements that are neighbours share a line of the cache."""
    for point in np.ndindex(out.shape[:-1]):
        out[point] = values[point][places]


@dataclass(frozen=True)
class GatheredCoordinates:
    """Coordinates of the selected elements where those of a WCS differ between elements."""

    inner: Coordinates
    selection: Selection

    @property
    def units(self) -> Any:
        """Units of the coordinates."""
        return self.inner.units

    @property
    def axes(self) -> Axes:
        """Axes of the data."""
        return self.inner.axes

    differ_between_elements = True

    def read(self, block: Box) -> NDArray[np.float64]:
        """Coordinates of a block as (elements, inputs, points)."""
        (part,) = block
        out = np.empty((part.stop - part.start, len(self.units), self.axes.n_points))
        for run, box, places in self.selection.boxes(part):
            flat = np.ravel_multi_index(places, tuple(s.stop - s.start for s in box))
            out[run] = self.inner.read(box)[flat]
        return out


def _aligned(array: Aligned, selection: Selection, axes: Axes) -> Aligned:
    return Aligned(Gathered(array, selection), tuple(range(len(axes.shape))), axes)


def _grid(grid: Grid, selection: Selection, axes: Axes) -> Grid:
    inner = grid.coordinates
    coordinates: Any
    if isinstance(inner, ArrayCoordinates):
        arrays = tuple(_aligned(array, selection, axes) for array in inner.arrays)
        coordinates = ArrayCoordinates(arrays, inner.units, axes)
    elif inner.differ_between_elements:
        coordinates = GatheredCoordinates(inner, selection)
    else:
        first = inner.read(tuple(slice(0, 1) for _ in selection.shape))[0].reshape(-1, *axes.fitting_shape, 1)
        places = tuple(range(len(axes.shape)))
        coordinates = ArrayCoordinates(tuple(Aligned(Memory(x), places, axes) for x in first), inner.units, axes)
    return Grid(coordinates, grid.units, grid.equivalencies)


def _per_parameter(values: PerParameter, selection: Selection) -> PerParameter:
    def chosen(array: NDArray[np.float64]) -> NDArray[np.float64]:
        if array.size == 1:
            return array.reshape(1)
        picked: NDArray[np.float64] = np.broadcast_to(array, selection.shape)[tuple(selection.places)]
        return picked

    return PerParameter(tuple(map(chosen, values.arrays)), (selection.n_elements,))


# -- their results in their place ------------------------------------------------------------------------------------


def spread(parameters: Parameters, selection: Selection, problem: Problem) -> Parameters:
    """The parameters of the selected elements in the iterating shape of the whole problem."""
    starts = problem.tiles.start.arrays
    arrays = {f.name: _spread(getattr(parameters.solution, f.name), selection, f.name) for f in fields(Solution)}
    return replace(
        parameters,
        solution=Solution(**arrays),
        fixed={name: starts[parameters.columns.names.index(name)] for name in parameters.fixed},
        stored={
            name: (selection.spread(value, np.nan), selection.spread(error, np.nan))
            for name, (value, error) in parameters.stored.items()
        },
    )


def numbers(selection: Selection) -> NDArray[np.intp]:
    """Flat index in the iterating shape of each selected element."""
    return np.asarray(np.ravel_multi_index(tuple(selection.places), selection.shape))


def _spread(values: Any, selection: Selection, name: str) -> Any:
    empty = EMPTY.get(name, np.nan)
    if isinstance(values, np.ndarray):
        return selection.spread(values, empty)
    import dask.array as da
    from dask.delayed import delayed

    whole = delayed(selection.spread)(values, empty)
    return da.from_delayed(whole, (*selection.shape, *values.shape[1:]), dtype=values.dtype)
