"""Which number of components each spectrum gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._criterion import best
from manyfit.cube._matching import order_of
from manyfit.kernels import Solution
from manyfit.kernels._status import LAST_GOOD, Status

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Needs:
    """What a component has to fulfil.

    Attributes
    ----------
    criterion
        Function of chi2, free parameters and points that has to be lower.
    gain
        Least fall of chi2.
    n_baseline
        Number of parameters besides those of the components.
    """

    criterion: Callable[..., Any]
    gain: float
    n_baseline: int = 0

    def criteria(self, chi2: Array, n_points: NDArray[np.integer[Any]]) -> Array:
        """The criterion of each number, infinite where there is no fit, from chi2 (numbers from 0, spectra)."""
        return np.array([self.criterion(each, self.n_free(n), n_points) for n, each in enumerate(chi2)])

    def n_free(self, number: int) -> int:
        """Number of free parameters with some components."""
        return 3 * number + self.n_baseline

    def number(self, chi2: Array, n_points: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """The number of components that each spectrum gets."""
        return best(self.criteria(chi2, n_points), chi2, self.gain)


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in each spectrum.

    Attributes
    ----------
    number
        Number of components (spectra,); -1 where there is no data.
    chi2
        chi2 of each number (numbers from 0, spectra); infinite where there is no good fit.
    solution
        The solution of that number; parameters of further components are NaN. Those of the baseline come last.
    """

    number: NDArray[np.int64]
    chi2: Array
    solution: Solution

    @property
    def n_max(self) -> int:
        """Largest number of components."""
        return len(self.chi2) - 1


def decomposed(steps: list[Solution], needs: Needs) -> Found:
    """Choose a number for each spectrum, from the solutions for all numbers."""
    chi2 = np.array([np.where(step.status <= LAST_GOOD, step.statistic, np.inf) for step in steps])
    number = needs.number(chi2, steps[0].n_points)
    chosen = Solution.empty(len(number), needs.n_free(len(steps) - 1))
    for n, step in enumerate(steps):
        here = np.flatnonzero(number == n)
        put(chosen, here, step, here, n, needs.n_baseline)
    return Found(number, chi2, chosen)


def put(
    into: Solution, places: NDArray[np.intp], step: Solution, rows: NDArray[np.intp], number: int, n_baseline: int
) -> None:
    """Write rows of a solution for some number of components to places of one for more; what it has not is NaN."""
    n_all = into.values.shape[1]
    columns = np.concatenate([np.arange(3 * number), np.arange(n_all - n_baseline, n_all)]).astype(np.intp)
    into.values[places], into.covariance[places] = np.nan, np.nan
    into.values[places[:, None], columns] = step.values[rows]
    into.covariance[places[:, None], _pairs(columns)] = step.covariance[rows]
    for name in ("statistic", "n_points", "n_iter", "status"):
        getattr(into, name)[places] = getattr(step, name)[rows]


def _pairs(columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """Places of the covariances of some parameters (..., n) in the lower triangle, row after row, of all of them."""
    low, high = np.tril_indices(columns.shape[-1])
    row = np.maximum(columns[..., low], columns[..., high])
    column = np.minimum(columns[..., low], columns[..., high])
    return np.asarray(row * (row + 1) // 2 + column)


def among_all(part: Found, here: NDArray[np.bool_]) -> Found:
    """The same among all spectra of a band."""
    number = np.full(len(here), -1)
    number[here] = part.number
    chi2 = np.full((len(part.chi2), len(here)), np.inf)
    chi2[:, here] = part.chi2
    solution = Solution.empty(len(here), part.solution.values.shape[1])
    solution.status[:] = Status.NOT_FITTED
    for name in (f.name for f in fields(Solution)):
        getattr(solution, name)[here] = getattr(part.solution, name)
    return Found(np.where(solution.n_points > 0, number, -1), chi2, solution)


def ordered(found: Found, shape: tuple[int, ...], order: str, *, match: bool) -> Found:
    """The same with components in order; covariances go along."""
    values, n_max = found.solution.values, found.n_max
    map_shape = (1, 1) if not shape else shape if len(shape) == 2 else (1, len(values))
    components = values[:, : 3 * n_max].reshape(*map_shape, n_max, 3)
    places = order_of(components, order, match=match and len(shape) == 2).reshape(-1, n_max)
    lines = (3 * places[:, :, None] + np.arange(3)).reshape(len(values), -1)
    below = np.broadcast_to(np.arange(3 * n_max, values.shape[1]), (len(values), values.shape[1] - 3 * n_max))
    columns = np.hstack([lines, below]).astype(np.intp)
    moved = np.take_along_axis(values, columns, axis=1)
    covariance = np.take_along_axis(found.solution.covariance, _pairs(columns), axis=1)
    return replace(found, solution=replace(found.solution, values=moved, covariance=covariance))
