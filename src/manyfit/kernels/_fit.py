"""Fit a formula to every element of a tile of plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError, unknown_name
from manyfit.kernels._emit import KernelSpec
from manyfit.kernels._formula import Formula
from manyfit.kernels._solver import FIRST_DAMPING, scratch_sizes
from manyfit.kernels._statistics import STATISTICS

Array = NDArray[np.float64]

PRECISIONS = ("float64", "mixed")
#: float32 coordinates must tell neighbouring points apart this well for iterations in float32 to make sense.
SINGLE_RESOLUTION = 64


@dataclass(frozen=True)
class Options:
    """How to fit.

    Attributes
    ----------
    statistic
        ``"chi2"`` or ``"cash"``.
    precision
        ``"float64"``, or ``"mixed"``: iterations in float32, finished in float64.
    max_iterations
        Largest number of evaluations of the model for one element.
    tolerance
        How far from the minimum to stop, in standard deviations of the parameters.
    absolute_sigma
        Whether weights are inverse variances, so that a change of one in chi2 is one standard deviation. If not, the
        variance is taken from the residuals.
    """

    statistic: str = "chi2"
    precision: str = "float64"
    max_iterations: int = 100
    tolerance: float = 2e-7
    absolute_sigma: bool = False

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS:
            raise unknown_name("statistic", self.statistic, STATISTICS)
        if self.precision not in PRECISIONS:
            raise unknown_name("precision", self.precision, PRECISIONS)
        if not float(self.max_iterations).is_integer() or self.max_iterations < 1:
            raise InputError(f"max_iterations is {self.max_iterations!r}. Give a whole number above zero.")
        if not np.isreal(self.tolerance) or not 0.0 < self.tolerance < 1.0:
            raise InputError(
                f"tolerance is {self.tolerance!r}. Give a number between 0 and 1: how far from the minimum to stop, "
                "in standard deviations of the parameters."
            )


@dataclass(frozen=True)
class Elements:
    """Data of the elements of one tile.

    Attributes
    ----------
    x
        Coordinates (inputs, points) shared by all elements, or (elements, inputs, points).
    y
        Data (elements, points); points that are not finite are left out, and counts below zero.
    weight
        Inverse variance (1 or elements, 1 or points), or None. Points whose weight is not positive and finite are
        left out.
    start
        Start values (1 or elements, parameters): the free parameters of the formula, then the fixed ones.
    lower, upper
        Bounds (1 or elements, free parameters).
    """

    x: Array
    y: Array
    weight: Array | None
    start: Array
    lower: Array
    upper: Array


@dataclass(frozen=True)
class Solution:
    """What became of each element of a tile.

    Attributes
    ----------
    values
        Free parameters (elements, free); NaN where there is no fit.
    covariance
        Lower triangles of their covariance (elements, free (free + 1) / 2), not scaled by the residuals.
    statistic
        Value at the minimum (elements,).
    n_points, n_iter
        Valid points and evaluations of the model (elements,).
    status
        Codes of `Status` (elements,).
    """

    values: Array
    covariance: Array
    statistic: Array
    n_points: NDArray[np.int32]
    n_iter: NDArray[np.int32]
    status: NDArray[np.int8]

    @classmethod
    def empty(cls, elements: int, free: int, real: str = "float64") -> Solution:
        """Room for the results of some elements, NaN so far."""

        def room(*shape: int) -> Array:
            return np.full((elements, *shape), np.nan, real)

        whole = np.zeros((2, elements), np.int32)
        return cls(room(free), room(free * (free + 1) // 2), room(), whole[0], whole[1], np.zeros(elements, np.int8))


def prepare(formula: Formula, options: Options, *, weighted: bool) -> None:
    """Compile, or load from the cache, everything that `fit` will need."""
    from manyfit.kernels.targets import cpu

    for real in ("float64", "float32") if options.precision == "mixed" else ("float64",):
        cpu.kernel(KernelSpec(formula, options.statistic, weighted, real))
        cpu.solver(real)


def fit(formula: Formula, elements: Elements, options: Options) -> Solution:
    """Fit every element.

    Parameters
    ----------
    formula
        The model.
    elements
        Data, start values and bounds.
    options
        Statistic, precision and limits.

    Examples
    --------
    >>> from manyfit.kernels import coordinate, symbol
    >>> from manyfit.kernels._expression import mul
    >>> slope = Formula(mul(symbol("slope"), coordinate(0)), 1, ("slope",))
    >>> free = np.full((1, 1), np.inf)
    >>> data = Elements(np.arange(1.0, 4.0)[None], np.array([[2.0, 4.0, 6.0]]), None, np.ones((1, 1)), -free, free)
    >>> fit(slope, data, Options()).values
    array([[2.]])
    """
    if options.statistic == "cash" and np.any(elements.y < 0):
        elements = replace(elements, y=np.where(elements.y < 0, np.nan, elements.y))
    damping = 0.0 if formula.is_linear else FIRST_DAMPING
    if options.precision == "mixed" and _resolved(elements.x):
        rough = _fit(formula, elements, options, "float32", damping)
        return _fit(formula, replace(elements, start=_start_from(rough, elements)), options, "float64", 0.0)
    return _fit(formula, elements, options, "float64", damping)


def _start_from(rough: Solution, elements: Elements) -> Array:
    """Start values from a rough solution; the given ones where it has none."""
    start = np.array(np.broadcast_to(elements.start, (len(elements.y), elements.start.shape[1])))
    free = start[:, : rough.values.shape[1]]
    np.copyto(free, rough.values, where=np.isfinite(rough.values))
    return start


def _resolved(x: Array) -> bool:
    steps = np.abs(np.diff(x, axis=-1))
    smallest = np.min(steps, where=steps > 0, initial=np.inf)
    return bool(np.nanmax(np.abs(x), initial=0.0) * np.finfo(np.float32).eps * SINGLE_RESOLUTION < smallest)


def _fit(formula: Formula, elements: Elements, options: Options, real: str, damping: float) -> Solution:
    from manyfit.kernels.targets import cpu

    n = len(formula.free)
    count, points = elements.y.shape
    solution = Solution.empty(count, n, real)
    by_point, by_element = _weights(elements.weight, points)
    compiled = cpu.kernel(KernelSpec(formula, options.statistic, by_point is not None, real))
    start, inputs = elements.start, elements.x.shape[-2]
    x = elements.x.reshape(-1, inputs, points)
    lower, upper = np.broadcast_arrays(elements.lower, elements.upper)
    arrays = [x, elements.y, by_point, by_element, start, lower, upper]
    flat = [np.zeros(1, real) if a is None else np.require(a, real, ("C", "W")).reshape(-1) for a in arrays]
    moves = [0 if a is None or len(a) == 1 else a.size // len(a) for a in (x, by_point, by_element, start, lower)]
    flags = [int(compiled.is_curved), int(by_point is not None)]
    sizes = [count, inputs, points, n, start.shape[1], options.max_iterations, *flags, *moves]
    epsilon = float(np.finfo(real).eps)
    # A weight of the whole element is applied after the fit, so one standard deviation is not one unit of the sum here.
    is_absolute = options.absolute_sigma and by_point is not None
    unit = 1.0 if options.statistic == "cash" or is_absolute else 0.0
    numbers = [unit, max(options.tolerance, 10 * epsilon), epsilon, damping]
    work, indices = scratch_sizes(inputs, points, n, start.shape[1])
    cpu.solver(real)(
        compiled.kernel,
        compiled.information,
        *flat,
        np.array(sizes, np.int64),
        np.array(numbers, real),
        np.empty(work, real),
        np.empty(indices, np.int64),
        solution.values.reshape(-1),
        solution.covariance.reshape(-1),
        solution.statistic,
        solution.n_points,
        solution.n_iter,
        solution.status,
    )
    return solution


def _weights(weight: Array | None, points: int) -> tuple[Array | None, Array]:
    """Weights of points and weights of whole elements; one of them is trivial."""
    one = np.ones((1, 1))
    if weight is None:
        return None, one
    return (None, weight) if weight.shape[-1] == 1 and points > 1 else (weight, one)
