"""Integral of any line over the channels of its spectrum, and its slopes by finite differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import plan

if TYPE_CHECKING:
    from manyfit.fitting._result import FitResult

Array = NDArray[np.float64]

#: Step of a difference in errors of the parameter; in parts of the parameter where it has no error.
STEP = 1e-3


def over_channels(result: FitResult, term: Any, names: Sequence[str]) -> tuple[Array, dict[str, Array]]:
    """Sum of a term of the model times the width of the channels, as a map, and its derivative by each parameter.

    Parameters
    ----------
    result
        A fit that has its data.
    term
        Part of the model.
    names
        Names in the whole model of the parameters of the term.
    """
    problem = result.needs_data("The integral of a line that is summed over the channels")
    found = np.full((1 + len(names), *result.shape), np.nan)
    values = [np.asarray(result.parameters.value(name)) for name in names]
    steps = [_step(value, np.asarray(result.parameters.error(name))) for name, value in zip(names, values, strict=True)]
    for block in plan(result.shape, bytes_per_element=32 * problem.n_points).blocks:
        x = problem.tiles.grid.read(block.slices).reshape(-1, problem.n_points)
        columns = [value[block.slices].reshape(-1, 1) for value in values]
        sizes = [step[block.slices].reshape(-1, 1) for step in steps]
        parts = _integrals(term, x, columns, sizes)
        found[(slice(None), *block.slices)] = parts.reshape(-1, *block.shape)
    return found[0], dict(zip(names, found[1:], strict=True))


def _integrals(term: Any, x: Array, columns: list[Array], steps: list[Array]) -> Array:
    """Integral and its slopes (1 + parameters, elements)."""
    order = np.argsort(x, axis=1)
    width = np.empty_like(x)
    np.put_along_axis(width, order, np.gradient(np.take_along_axis(x, order, 1), axis=1), 1)

    def integral(values: list[Array]) -> Array:
        with np.errstate(all="ignore"):
            sums: Array = np.sum(np.broadcast_to(term.evaluate(x, *values), (len(columns[0]), x.shape[1])) * width, 1)
        return sums

    out = [integral(columns)]
    for i, step in enumerate(steps):
        ends = [integral([*columns[:i], columns[i] + d, *columns[i + 1 :]]) for d in (step, -step)]
        out.append((ends[0] - ends[1]) / (2 * step[:, 0]))
    return np.array(out)


def _step(value: Array, error: Array) -> Array:
    usable = np.isfinite(error) & (error > 0)
    return np.where(usable, STEP * error, 1e-6 * np.maximum(np.abs(np.nan_to_num(value)), 1e-6))
