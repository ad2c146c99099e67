"""Which number of components each spectrum gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._criterion import best
from manyfit.cube._matching import order_of
from manyfit.cube._steps import Spectra, solve
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
    narrow, wide
        Limits of the standard deviation in channels.
    """

    criterion: Callable[..., Any]
    gain: float
    narrow: float
    wide: float


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in each spectrum.

    Attributes
    ----------
    number
        Number of components (spectra,); -1 where there is no data.
    criteria
        Criterion of each number (numbers from 0, spectra).
    solution
        The solution of that number; parameters of further components are NaN.
    """

    number: NDArray[np.int64]
    criteria: Array
    solution: Solution


def decomposed(spectra: Spectra, n_max: int, needs: Needs, run: Callable[..., Any]) -> Found:
    """Solve for all numbers of components and choose one for each spectrum."""
    steps = solve(spectra, n_max, needs.gain, run)
    chi2 = np.array([np.where(step.status <= LAST_GOOD, step.statistic, np.inf) for step in steps])
    n_points = steps[0].n_points
    criteria = np.array([needs.criterion(each, 3 * number, n_points) for number, each in enumerate(chi2)])
    number = best(criteria, chi2, needs.gain)
    return Found(number, np.where(np.isfinite(criteria), criteria, np.nan), _chosen(steps, number))


def _chosen(steps: list[Solution], number: NDArray[np.int64]) -> Solution:
    """For each spectrum the solution of its number; parameters of further components are NaN."""
    n_max = len(steps) - 1
    chosen = Solution.empty(len(number), 3 * n_max)
    for n, step in enumerate(steps):
        here = number == n
        chosen.values[here, : 3 * n] = step.values[here]
        chosen.covariance[here, : step.covariance.shape[1]] = step.covariance[here]
        for name in ("statistic", "n_points", "n_iter", "status"):
            getattr(chosen, name)[here] = getattr(step, name)[here]
    return chosen


def among_all(part: Found, here: NDArray[np.bool_], n_max: int) -> Found:
    """The same among all spectra of a band."""
    number = np.full(len(here), -1)
    number[here] = part.number
    criteria = np.full((n_max + 1, len(here)), np.nan)
    criteria[:, here] = part.criteria
    solution = Solution.empty(len(here), 3 * n_max)
    solution.status[:] = Status.NOT_FITTED
    for name in (f.name for f in fields(Solution)):
        getattr(solution, name)[here] = getattr(part.solution, name)
    return Found(np.where(solution.n_points > 0, number, -1), criteria, solution)


def ordered(found: Found, shape: tuple[int, ...], order: str, *, match: bool) -> Found:
    """The same with components in order; covariances go along."""
    values = found.solution.values
    n_max = values.shape[1] // 3
    components = values.reshape(*((1, 1) if not shape else shape if len(shape) == 2 else (1, len(values))), n_max, 3)
    places = order_of(components, order, match=match and len(shape) == 2).reshape(-1, n_max)
    columns = (3 * places[:, :, None] + np.arange(3)).reshape(len(values), -1)
    low, high = np.tril_indices(3 * n_max)
    rows = [np.maximum(columns[:, low], columns[:, high]), np.minimum(columns[:, low], columns[:, high])]
    pairs = rows[0] * (rows[0] + 1) // 2 + rows[1]
    moved = np.take_along_axis(values, columns, axis=1)
    covariance = np.take_along_axis(found.solution.covariance, pairs, axis=1)
    return replace(found, solution=replace(found.solution, values=moved, covariance=covariance))
