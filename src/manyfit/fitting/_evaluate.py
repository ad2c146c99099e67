"""Values of fitted models, at the points of the data or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import plan
from manyfit.errors import InputError, ModelNotCompiled
from manyfit.models import formula

from ._axes import Axes
from ._problem import Problem, bytes_per_element
from ._strip import in_unit
from ._template import known
from ._tile import Tiles

if TYPE_CHECKING:
    from astropy.modeling import Model

    from ._result import FitResult

Array = NDArray[np.float64]
Box = tuple[slice, ...]


def at_data(result: FitResult) -> Any:
    """Values at the points of the data, in the shape of the data."""
    if "model" in result.kept:
        return _as(result, result.kept["model"])
    problem = result.needs_data("evaluate() without coordinates")
    if result.is_lazy:
        return lazily(result, problem, as_model)
    return _by_block(result, problem, lambda _, model: model)


def residual(result: FitResult) -> Any:
    """Data minus model, in the shape of the data."""
    if "residual" in result.kept:
        return _as(result, result.kept["residual"])
    problem = result.needs_data("residual()")
    if result.is_lazy:
        return lazily(result, problem, as_residual)
    return _by_block(result, problem, lambda block, model: as_residual(problem.tiles, block, model))


def as_model(tiles: Tiles, block: Box, model: Array) -> Array:  # noqa: ARG001  as `as_residual`
    """The values themselves."""
    return model


def as_residual(tiles: Tiles, block: Box, model: Array) -> Array:
    """Data minus model of a block."""
    y = tiles.read(block).y
    return np.where(np.isfinite(y), y, np.nan) - model


def _as(result: FitResult, kept: Any) -> Any:
    """What a store keeps: read when it is asked for, or now if the result is in memory."""
    return kept if result.is_lazy else kept.compute()


def at_coordinates(result: FitResult, coordinates: tuple[Any, ...]) -> Array:
    """Values at given coordinates: the iterating axes first, then those of the coordinates."""
    inputs = known(result.template).inputs
    if len(coordinates) != len(inputs):
        raise InputError(
            f"The model has {len(inputs)} coordinates ({', '.join(inputs)}), but {len(coordinates)} were given."
        )
    units = result.system.inputs
    plain = [in_unit(f"Coordinate {n!r}", c, None, u) for n, c, u in zip(inputs, coordinates, units, strict=True)]
    x = np.stack([np.broadcast_to(c, np.broadcast_shapes(*(p.shape for p in plain))) for c in plain])
    values = values_of(result, tuple(slice(0, n) for n in result.shape), x.reshape(len(inputs), -1))
    return values.reshape(result.shape + x.shape[1:])


def _by_block(result: FitResult, problem: Problem, of_block: Callable[[tuple[slice, ...], Array], Array]) -> Array:
    """Fill an array in the shape of the data, one block at a time."""
    filled = np.empty(problem.axes.shape)
    arranged = problem.axes.arrange(filled)
    together = takes_all(known(result.template))
    for block in _blocks(problem):
        values = of_block(block, values_of(result, block, problem.tiles.grid.read(block), together=together))
        part = arranged[block]
        part[...] = values.reshape(part.shape)
    return filled


def _blocks(problem: Problem) -> Iterator[tuple[slice, ...]]:
    for block in plan(problem.shape, bytes_per_element=4 * bytes_per_element(problem)).blocks:
        yield block.slices


def values_of(result: FitResult, block: tuple[slice, ...], x: Array, *, together: bool | None = None) -> Array:
    """Models of a block at coordinates (inputs, points) or (elements, inputs, points), as (elements, points).

    Whether the model takes all elements `together` is found by tracing it; callers with many blocks do that once.
    """
    columns = [np.asarray(result.parameters.value(name)[block]).reshape(-1, 1) for name in result.names]
    model = known(result.template)
    return _values(model, columns, x, together=takes_all(model) if together is None else together)


def _values(model: Model, columns: list[Array], x: Array, *, together: bool) -> Array:
    """Models with parameters (elements, 1) at coordinates, as (elements, points)."""
    elements = columns[0].shape[0]
    if together:
        values = model.evaluate(*np.moveaxis(x, -2, 0), *columns)
        return np.broadcast_to(values, (elements, x.shape[-1]))
    each = np.broadcast_to(x, (elements, *x.shape[-2:]))
    values = [np.reshape(model.evaluate(*each[e], *(c[e] for c in columns)), -1) for e in range(elements)]
    return np.array([np.broadcast_to(row, x.shape[-1:]) for row in values]).reshape(elements, x.shape[-1])


def takes_all(model: Model) -> bool:
    """Whether a model can evaluate all elements together: one that compiles looks at each point alone."""
    try:
        formula(model)
    except ModelNotCompiled:
        return False
    return True


# -- of lazy results, block by block ---------------------------------------------------------------------------------


def lazily(result: FitResult, problem: Problem, of_block: Callable[[Tiles, Box, Array], Array]) -> Any:
    """An array in the shape of the data as a dask array, one chunk for each of the maps."""
    import dask.array as da

    shape, axes = problem.axes.shape, problem.axes
    if 0 in shape:
        return da.full(shape, np.nan)
    model = known(result.template)
    work = _BlockValues(model, takes_all(model), problem.tiles, of_block)
    chunks = result.status.chunks
    columns = da.stack([result.parameters.value(name) for name in result.names], axis=-1).rechunk((*chunks, -1))
    return _graph(work, columns, chunks, axes)


def _graph(work: _BlockValues, columns: Any, chunks: tuple[tuple[int, ...], ...], axes: Axes) -> Any:
    from dask.array import Array as DaskArray
    from dask.base import tokenize
    from dask.highlevelgraph import HighLevelGraph

    name = f"manyfit-values-{tokenize(columns.name, id(work))}"
    ends = [np.cumsum([0, *lengths]).tolist() for lengths in chunks]
    tasks: dict[Any, Any] = {}
    for place in np.ndindex(*map(len, chunks)):
        block = tuple(slice(edge[i], edge[i + 1]) for edge, i in zip(ends, place, strict=True))
        key = dict.fromkeys(axes.fitting, 0) | dict(zip(axes.iterating, place, strict=True))
        tasks[(name, *(key[axis] for axis in range(len(axes.shape))))] = (work, block, (columns.name, *place, 0))
    own = dict(zip(axes.iterating, chunks, strict=True)) | {axis: (axes.shape[axis],) for axis in axes.fitting}
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[columns])
    return DaskArray(graph, name, tuple(own[axis] for axis in range(len(axes.shape))), np.dtype(np.float64))


@dataclass(frozen=True, eq=False)
class _BlockValues:
    """Values of a block from its parameters (..., parameters), with the axes of the data."""

    model: Model
    together: bool
    tiles: Tiles
    of_block: Callable[[Tiles, Box, Array], Array]

    def __call__(self, block: Box, columns: Array) -> Array:
        axes = self.tiles.axes
        each = [column[:, None] for column in columns.reshape(-1, columns.shape[-1]).T]
        values = _values(self.model, each, self.tiles.grid.read(block), together=self.together)
        found = self.of_block(self.tiles, block, values)
        shape = (*(part.stop - part.start for part in block), *axes.fitting_shape)
        return found.reshape(shape).transpose(np.argsort(axes.iterating + axes.fitting))
