"""Sums of 1, 2, 3 … Gaussians fitted to plain spectra, each step from the one before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

import manyfit
from manyfit.blocks import executor_for
from manyfit.cube._spectra import Spectra
from manyfit.cube._sum_fit import Run, fit_baseline, fit_sum, inside
from manyfit.kernels import Solution
from manyfit.kernels._status import LAST_GOOD, Status

Array = NDArray[np.float64]

#: Ratio of neighbouring widths of the matched filter: it loses at most 3 % of the S/N between two of them.
WIDTH_RATIO = 1.6
#: A blend of two equal lines fitted by one of width s is best begun with two at ±0.85 s of width 0.55 s.
SPLIT_OFFSET, SPLIT_WIDTH = 0.85, 0.55
#: A fit that did not converge is taken only if its chi2 is lower by this.
WORTH_OF_CONVERGENCE = 0.1
#: Residuals whose best peak is below this part of the S/N that is needed are not looked at again. A blend may leave no
#: peak and still gain: at 0.6 that is missed in 0.4 % of the spectra of L1448, at 0.5 in none.
FAINTEST = 0.5
SPECTRA_PER_TASK = 2048


def solve(
    spectra: Spectra, n_max: int, needed: float, run: Run = manyfit.fit, workers: int | None = None
) -> list[Solution]:
    """Fit 0 to `n_max` Gaussians to each spectrum; a step leaves out spectra whose residual has nothing more.

    Parameters
    ----------
    spectra
        The data.
    n_max
        Largest number.
    needed
        The fall of chi2 that makes one more worth it.
    run
        `manyfit.fit` with its options.
    workers
        Threads for the search of peaks. Default: the CPUs that this process may use.

    Returns
    -------
    list of Solution
        One for each number from 0. Spectra that were left out have status `Status.NOT_FITTED` and NaN.
    """
    solutions = [fit_baseline(spectra, run)]
    left = np.flatnonzero((solutions[0].n_points > 0) & np.isfinite(solutions[0].statistic))
    some = spectra.take(left)
    residual = some.values - some.model(solutions[0].values[left])
    for _ in range(n_max):
        some = spectra.take(left)
        peaks = find_peaks(some, residual, workers)
        worth = peaks[:, 3] ** 2 >= FAINTEST**2 * needed
        left, some, peaks = left[worth], some.take(np.flatnonzero(worth)), peaks[worth]
        before = solutions[-1].values[left]
        solution = best_of(some, starts(some, before, peaks), run)
        solutions.append(_spread(solution, left, len(spectra)))
        residual = some.values - some.model(solution.values)
        fitted = np.flatnonzero(np.isfinite(solution.statistic))
        left, residual = left[fitted], residual[fitted]
    return solutions


def find_peaks(spectra: Spectra, residual: Array, workers: int | None = None) -> Array:
    """Amplitude, coordinate, width and S/N of the best further line in each residual, (spectra, 4)."""
    from ._peaks_kernel import best_peaks

    count = max(1, int(np.ceil(np.log(spectra.wide / spectra.narrow) / np.log(WIDTH_RATIO))))
    widths = np.geomspace(spectra.narrow, spectra.wide, count + 1)[:-1]
    weight, found = np.ascontiguousarray(spectra.weight), np.empty((len(residual), 4))
    parts = [slice(i, i + SPECTRA_PER_TASK) for i in range(0, len(residual), SPECTRA_PER_TASK)]

    def task(part: slice) -> None:
        best_peaks(residual[part], weight[part] if len(weight) > 1 else weight, widths, found[part])

    with ThreadPoolExecutor(executor_for("threads", workers).n_workers) as pool:
        list(pool.map(task, parts))
    channel = np.nan_to_num(found[:, 1]).astype(np.intp)
    x = np.broadcast_to(spectra.x, residual.shape)
    found[:, 1] = np.where(found[:, 3] > 0, x[np.arange(len(x)), channel], np.nan)
    found[:, 2] *= spectra.step
    return found


def starts(spectra: Spectra, before: Array, peaks: Array) -> list[Array]:
    """Start values of one more component, each (spectra, 3 n): at the residual's peak, or with one line split."""
    lines, below = np.split(before, [before.shape[1] - spectra.n_baseline], axis=1)
    made = [np.hstack([lines, peaks[:, :3], below])]
    for i in range(lines.shape[1] // 3):
        amplitude, mean, width = lines[:, 3 * i : 3 * i + 3].T
        others = np.delete(lines, np.s_[3 * i : 3 * i + 3], axis=1)
        halves = [np.stack([amplitude, mean + side * SPLIT_OFFSET * width, SPLIT_WIDTH * width], 1) for side in (-1, 1)]
        made.append(np.hstack([others, *halves, below]))
    return [inside(spectra, start) for start in made]


def best_of(spectra: Spectra, several: list[Array], run: Run) -> Solution:
    """The best fit of each spectrum from several start values."""
    best = fit_sum(spectra, several[0], run)
    for start in several[1:]:
        other = fit_sum(spectra, start, run)
        better = _rank(other) < _rank(best)
        best = Solution(*(_where(better, getattr(other, f.name), getattr(best, f.name)) for f in fields(Solution)))
    return best


def _rank(solution: Solution) -> Array:
    chi2 = np.where(np.isfinite(solution.statistic), solution.statistic, np.inf)
    rank: Array = chi2 + np.where(solution.status <= LAST_GOOD, 0.0, WORTH_OF_CONVERGENCE)
    return rank


def _where(better: NDArray[np.bool_], other: Any, best: Any) -> Any:
    return np.where(better.reshape(-1, *[1] * (best.ndim - 1)), other, best)


def _spread(solution: Solution, chosen: NDArray[np.intp], count: int) -> Solution:
    """The solution of some spectra among all."""
    whole = Solution.empty(count, solution.values.shape[1])
    whole.status[:] = Status.NOT_FITTED
    for name in (f.name for f in fields(Solution)):
        getattr(whole, name)[chosen] = getattr(solution, name)
    return whole
