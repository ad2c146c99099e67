"""Values of fitted models, at the points of the data or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import plan
from manyfit.errors import InputError, ModelNotCompiled
from manyfit.models import formula

from ._problem import Problem, bytes_per_element
from ._strip import in_unit
from ._template import known

if TYPE_CHECKING:
    from astropy.modeling import Model

    from ._result import FitResult

Array = NDArray[np.float64]


def at_data(result: FitResult) -> Array:
    """Values at the points of the data, in the shape of the data."""
    problem = result.needs_data("evaluate() without coordinates")
    return _by_block(result, problem, lambda _, model: model)


def residual(result: FitResult) -> Array:
    """Data minus model, in the shape of the data."""
    problem = result.needs_data("residual()")

    def difference(block: tuple[slice, ...], model: Array) -> Array:
        y = problem.tiles.read(block).y
        return np.where(np.isfinite(y), y, np.nan) - model

    return _by_block(result, problem, difference)


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
    parameters = {name: np.asarray(result.parameters.value(name)[block]).reshape(-1, 1) for name in result.names}
    model = known(result.template)
    columns = [parameters[name] for name in result.names]
    elements = columns[0].shape[0]
    if takes_all(model) if together is None else together:
        values = model.evaluate(*np.moveaxis(x, -2, 0), *columns)
        return np.broadcast_to(values, (elements, x.shape[-1]))
    each = np.broadcast_to(x, (elements, *x.shape[-2:]))
    return np.array([model.evaluate(*each[e], *(c[e] for c in columns)) for e in range(elements)])


def takes_all(model: Model) -> bool:
    """Whether a model can evaluate all elements together: one that compiles looks at each point alone."""
    try:
        formula(model)
    except ModelNotCompiled:
        return False
    return True
