"""Sums of 1, 2, 3 … Gaussians fitted to plain spectra, each step from the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import manyfit
from manyfit.kernels import Solution
from manyfit.kernels._status import LAST_GOOD, Status

if TYPE_CHECKING:
    from astropy.modeling import Model

Array = NDArray[np.float64]

#: Parameters of one component, in the order of `astropy.modeling.models.Gaussian1D`.
PARAMETERS = ("amplitude", "mean", "stddev")
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

Run = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Spectra:
    """Plain spectra to be decomposed.

    Attributes
    ----------
    values
        (spectra, channels); NaN is masked.
    sigma
        Standard deviations (spectra or 1, channels or 1).
    x
        Coordinates (spectra or 1, channels).
    narrow, wide
        Limits of the standard deviation of a line in channels.
    """

    values: Array
    sigma: Array
    x: Array
    narrow: float
    wide: float

    def __len__(self) -> int:
        return len(self.values)

    def take(self, chosen: NDArray[np.intp]) -> Spectra:
        """Some of the spectra; numbers may repeat."""
        sigma = self.sigma[chosen] if len(self.sigma) > 1 else self.sigma
        x = self.x[chosen] if len(self.x) > 1 else self.x
        return Spectra(self.values[chosen], sigma, x, self.narrow, self.wide)

    @property
    def weight(self) -> Array:
        """Inverse variances; 0 where they are no number."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.sigma > 0, 1 / self.sigma**2, 0.0)

    @property
    def step(self) -> Array:
        """Typical width of a channel, (spectra or 1,)."""
        median: Array = np.median(np.abs(np.diff(self.x, axis=1)), axis=1)
        return median


def solve(spectra: Spectra, n_max: int, needed: float, run: Run = manyfit.fit) -> list[Solution]:
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

    Returns
    -------
    list of Solution
        One for each number from 0. Spectra that were left out have status `Status.NOT_FITTED` and NaN.
    """
    solutions = [_nothing(spectra)]
    left = np.flatnonzero(solutions[0].n_points > 0)
    residual = spectra.values[left]
    for _ in range(n_max):
        some = spectra.take(left)
        peaks = find_peaks(some, residual)
        worth = peaks[:, 3] ** 2 >= FAINTEST**2 * needed
        left, some, peaks = left[worth], some.take(np.flatnonzero(worth)), peaks[worth]
        before = solutions[-1].values[left]
        solution = _best_of(some, starts(some, before, peaks), run)
        solutions.append(_spread(solution, left, len(spectra)))
        residual = some.values - gaussians(some.x, solution.values)
        fitted = np.flatnonzero(np.isfinite(solution.statistic))
        left, residual = left[fitted], residual[fitted]
    return solutions


def find_peaks(spectra: Spectra, residual: Array) -> Array:
    """Amplitude, coordinate, width and S/N of the best further line in each residual, (spectra, 4)."""
    from ._peaks_kernel import best_peaks

    count = max(1, int(np.ceil(np.log(spectra.wide / spectra.narrow) / np.log(WIDTH_RATIO))))
    widths = np.geomspace(spectra.narrow, spectra.wide, count + 1)[:-1]
    weight, found = np.ascontiguousarray(spectra.weight), np.empty((len(residual), 4))
    parts = [slice(i, i + SPECTRA_PER_TASK) for i in range(0, len(residual), SPECTRA_PER_TASK)]

    def task(part: slice) -> None:
        best_peaks(residual[part], weight[part] if len(weight) > 1 else weight, widths, found[part])

    with ThreadPoolExecutor() as pool:
        list(pool.map(task, parts))
    channel = np.nan_to_num(found[:, 1]).astype(np.intp)
    x = np.broadcast_to(spectra.x, residual.shape)
    found[:, 1] = np.where(found[:, 3] > 0, x[np.arange(len(x)), channel], np.nan)
    found[:, 2] *= spectra.step
    return found


def starts(spectra: Spectra, before: Array, peaks: Array) -> list[Array]:
    """Start values of one more component, each (spectra, 3 n): at the residual's peak, or with one line split."""
    made = [np.hstack([before, peaks[:, :3]])]
    for i in range(before.shape[1] // 3):
        amplitude, mean, width = before[:, 3 * i : 3 * i + 3].T
        others = np.delete(before, np.s_[3 * i : 3 * i + 3], axis=1)
        halves = [np.stack([amplitude, mean + side * SPLIT_OFFSET * width, SPLIT_WIDTH * width], 1) for side in (-1, 1)]
        made.append(np.hstack([others, *halves]))
    return [_inside(spectra, start) for start in made]


def fit_sum(spectra: Spectra, start: Array, run: Run = manyfit.fit) -> Solution:
    """Fit a sum of Gaussians to each spectrum; its values are amplitude, mean, stddev of one after the other."""
    number = start.shape[1] // 3
    low, high, narrow, wide = _limits(spectra)
    suffix = [f"_{i}" for i in range(number)] if number > 1 else [""]
    bounds: dict[str, tuple[Any, Any]] = {}
    for end in suffix:
        bounds |= {f"amplitude{end}": (0.0, None), f"mean{end}": (low, high), f"stddev{end}": (narrow, wide)}
    x = spectra.x if len(spectra.x) > 1 else spectra.x[0]
    result = run(
        sum_of_gaussians(start.reshape(len(start), number, 3).transpose(1, 2, 0)),
        spectra.values,
        fitting_axes=1,
        world=(x,),
        uncertainty=spectra.sigma,
        bounds=bounds,
    )
    solution: Solution = result.parameters.solution
    return solution


def sum_of_gaussians(values: Iterable[Any]) -> Model:
    """The model of some components, each given by amplitude, mean and stddev."""
    from astropy.modeling.models import Gaussian1D

    return reduce(add, [Gaussian1D(*each) for each in values])


def gaussians(x: Array, values: Array) -> Array:
    """Sums of Gaussians (spectra, channels) from values (spectra, 3 n); components that are NaN count nothing."""
    total = np.zeros((len(values), x.shape[1]))
    for i in range(values.shape[1] // 3):
        amplitude, mean, width = (values[:, 3 * i + j, None] for j in range(3))
        total += np.nan_to_num(amplitude * np.exp(-0.5 * ((x - mean) / width) ** 2))
    return total


def _limits(spectra: Spectra) -> tuple[Any, Any, Any, Any]:
    """Lowest and highest mean, smallest and largest width, in units of x."""
    step, x = spectra.step, spectra.x
    all_limits = np.nanmin(x, 1), np.nanmax(x, 1), spectra.narrow * step, spectra.wide * step
    return tuple(v if len(v) > 1 else float(v[0]) for v in all_limits)  # type: ignore[return-value]


def _inside(spectra: Spectra, start: Array) -> Array:
    low, high, narrow, wide = (np.reshape(v, (-1, 1)) for v in _limits(spectra))
    inside = np.array(start)
    inside[:, 1::3] = np.clip(start[:, 1::3], low, high)
    # a width that starts on its limit would have to leave it first
    inside[:, 2::3] = np.clip(start[:, 2::3], 1.1 * narrow, 0.9 * wide)
    return inside


def _nothing(spectra: Spectra) -> Solution:
    """The solution without any line: chi2 of the data themselves."""
    weight = np.broadcast_to(spectra.weight, spectra.values.shape)
    valid = np.isfinite(spectra.values) & (weight > 0) & np.isfinite(weight)
    solution = Solution.empty(len(spectra), 0)
    chi2 = np.sum(np.where(valid, spectra.values, 0.0) ** 2 * weight, axis=1, where=valid)
    solution.statistic[:] = np.where(valid.any(1), chi2, np.nan)
    solution.n_points[:] = valid.sum(1)
    solution.status[:] = np.where(valid.any(1), Status.CONVERGED, Status.NO_VALID_POINTS)
    return solution


def _best_of(spectra: Spectra, several: list[Array], run: Run) -> Solution:
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
