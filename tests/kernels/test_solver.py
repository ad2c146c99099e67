"""The solver against SciPy's minimisers run to the last digit, and on elements that cannot be fitted."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.kernels import Elements, Formula, Options, Solution, Status, coordinate, fit, symbol
from manyfit.kernels._expression import add, call, div, mul, sub
from tests.kernels.oracle import Answer, Problem
from tests.kernels.table import CASES, Case

NOISE = {"S/N 5": 5.0, "S/N 20": 20.0, "S/N 100": 100.0}
#: Models without kinks.
SMOOTH = sorted(set(CASES) - {"BrokenPowerLaw1D"})
#: Models whose counts can be fitted: nowhere below zero near the truth.
COUNTS = ["Gaussian1D", "Lorentz1D", "Moffat1D", "PowerLaw1D", "Line and slope", "Gaussian2D", "Polynomial1D"]


def elements(
    case: Case,
    y: np.ndarray,
    weight: np.ndarray | None = None,
    start: np.ndarray | None = None,
    lower: dict[str, float] | None = None,
    upper: dict[str, float] | None = None,
) -> Elements:
    free = case.formula.free
    given = case.packed(case.start()) if start is None else start
    given[len(free) :] = case.packed()[len(free) :]
    low = np.array([(lower or {}).get(name, -np.inf) for name in free])
    high = np.array([(upper or {}).get(name, np.inf) for name in free])
    return Elements(case.x, np.atleast_2d(y), weight, given[None], low[None], high[None])


def covariance(solution: Solution, element: int) -> np.ndarray:
    n = solution.values.shape[1]
    matrix = np.zeros((n, n))
    matrix[np.tril_indices(n)] = solution.covariance[element]
    return matrix + np.tril(matrix, -1).T


def errors(solution: Solution, element: int) -> np.ndarray:
    return np.sqrt(np.diag(covariance(solution, element)))


def noisy(case: Case, ratio: float, n: int = 4, seed: int = 3) -> tuple[np.ndarray, float]:
    sigma = np.abs(case.values).max() / ratio
    return case.values + np.random.default_rng(seed).normal(0, sigma, (n, case.values.size)), sigma


def with_gaps(y: np.ndarray, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    gaps = np.where(rng.random(y.shape) < 0.2, np.nan, y)
    gaps[:, 3], gaps[:, 4] = np.inf, -np.inf
    return gaps


def assert_same(mine: Solution, element: int, answer: Answer, sigma: float = 1.0, rtol: float = 1e-6) -> None:
    """The same minimum; parameters to 1e-6 of their errors, errors to `rtol`."""
    assert mine.statistic[element] == pytest.approx(answer.statistic, rel=1e-9)
    np.testing.assert_allclose((mine.values[element] - answer.values) / (sigma * answer.errors), 0, atol=1e-6)
    np.testing.assert_allclose(errors(mine, element), answer.errors, rtol=rtol)


def is_determined(case: Case, answer: Answer, sigma: float) -> bool:
    """Whether the minimum is no valley: a Voigt profile may run off to no width and endless height."""
    with np.errstate(invalid="ignore"):
        known = np.all(sigma * answer.errors < np.abs(answer.values) + 0.05)
    truth = case.packed()[: answer.values.size]
    near = np.all(np.abs(answer.values - truth) < 0.9 * np.abs(truth) + 0.1)
    return case.formula.is_linear or bool(known and near)


@pytest.mark.parametrize("gaps", [False, True], ids=["all points", "gaps"])
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("name", SMOOTH)
def test_chi2_against_least_squares(name, noise, gaps):
    case = CASES[name]
    y, sigma = noisy(case, NOISE[noise])
    y = with_gaps(y) if gaps else y
    mine = fit(case.formula, elements(case, y), Options())
    exact = fit(case.formula, elements(case, y), Options(tolerance=1e-9))
    n = len(case.formula.free)
    determined = 0
    for i, one in enumerate(y):
        answer = Problem(case, one).chi2(case.packed(case.start())[:n])
        assert mine.n_points[i] == np.isfinite(one).sum()
        assert mine.statistic[i] <= answer.statistic * (1 + 1e-2)
        if is_determined(case, answer, sigma):
            determined += 1
            assert mine.status[i] == Status.CONVERGED
            assert_same(mine, i, answer, sigma, rtol=1e-5)
            assert_same(exact, i, answer, sigma)
    assert determined >= (len(y) if NOISE[noise] >= 100 else 2 if NOISE[noise] >= 20 else 0)


@pytest.mark.parametrize("noise", NOISE)
def test_model_with_a_kink_ends(noise):
    """The minimum of a broken power law may be where the break meets a point: no slope is zero there."""
    case = CASES["BrokenPowerLaw1D"]
    y, _ = noisy(case, NOISE[noise], n=50)
    mine = fit(case.formula, elements(case, y), Options())
    best = [Problem(case, one).chi2(case.packed(case.start())).statistic for one in y]
    assert np.mean(mine.status == Status.CONVERGED) > 0.6
    assert np.mean(mine.statistic <= np.array(best) * (1 + 2e-3)) > 0.85


@pytest.mark.parametrize("name", ["Gaussian1D", "Voigt1D", "Two lines", "PowerLaw1D"])
def test_weights_of_points(name):
    """Weights that are not positive and finite leave their point out."""
    case = CASES[name]
    y, _ = noisy(case, 20.0)
    w = np.random.default_rng(0).uniform(0.5, 30, y.shape)
    w[0, :5] = 0, -1, np.nan, np.inf, -np.inf
    mine = fit(case.formula, elements(case, y, w), Options(absolute_sigma=True))
    n = len(case.formula.free)
    assert mine.n_points.tolist() == [y.shape[1] - 5, *[y.shape[1]] * 3]
    for i in range(len(y)):
        assert_same(mine, i, Problem(case, y[i], w[i]).chi2(case.packed(case.start())[:n]), rtol=3e-6)


@pytest.mark.parametrize("name", sorted(CASES))
def test_without_noise_the_truth_comes_back(name):
    case = CASES[name]
    mine = fit(case.formula, elements(case, case.values), Options())
    n = len(case.formula.free)
    assert mine.status[0] == Status.CONVERGED
    np.testing.assert_allclose(mine.values[0], case.packed()[:n], rtol=2e-8, atol=1e-9)
    assert 0 <= mine.statistic[0] < 1e-16 * np.sum(case.values**2)
    assert np.all(np.isfinite(errors(mine, 0)))


@pytest.mark.parametrize("name", ["Gaussian1D", "Voigt1D"])
def test_mixed_precision_gives_the_same_answer(name):
    case = CASES[name]
    y, sigma = noisy(case, 20.0, n=8)
    double = fit(case.formula, elements(case, y), Options())
    mixed = fit(case.formula, elements(case, y), Options(precision="mixed"))
    for i in range(len(y)):
        np.testing.assert_allclose((mixed.values[i] - double.values[i]) / (sigma * errors(double, i)), 0, atol=1e-6)
        np.testing.assert_allclose(errors(mixed, i), errors(double, i), rtol=3e-6)
    np.testing.assert_allclose(mixed.statistic, double.statistic, rtol=1e-9)


# -- Poisson counts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.3, 1.0, 30.0])
@pytest.mark.parametrize("name", COUNTS)
def test_cash_against_a_trust_region(name, level):
    """Few counts, so that many points have none, and many."""
    case = CASES[name].times(level)
    y = np.random.default_rng(2).poisson(np.maximum(case.values, 0), (4, case.values.size)).astype(float)
    start = case.packed()
    mine = fit(case.formula, elements(case, y, start=start.copy()), Options(statistic="cash"))
    n = len(case.formula.free)
    determined = same = 0
    for i, one in enumerate(y):
        problem = Problem(case, one)
        answer = problem.cash(start[:n])
        if not is_determined(case, answer, 1.0):
            continue  # the minimum is a valley, or lies on the edge of what is possible
        determined += 1
        assert mine.statistic[i] <= answer.statistic + 1e-9 * abs(answer.statistic)
        if mine.statistic[i] == pytest.approx(answer.statistic, rel=1e-9):
            same += 1
            np.testing.assert_allclose((mine.values[i] - answer.values) / answer.errors, 0, atol=1e-6)
            np.testing.assert_allclose(errors(mine, i), answer.errors, rtol=5e-6)
    assert same == determined
    assert determined == len(y) or level < 30


def test_cash_of_a_constant_is_the_mean():
    level = Formula(symbol("a"), 1, ("a",))
    y = np.random.default_rng(0).poisson(0.4, (50, 30)).astype(float)
    data = Elements(np.zeros((1, 30)), y, None, np.ones((1, 1)), np.full((1, 1), -np.inf), np.full((1, 1), np.inf))
    mine = fit(level, data, Options(statistic="cash"))
    np.testing.assert_allclose(mine.values[:, 0], y.mean(1), rtol=1e-8)
    np.testing.assert_allclose(mine.covariance[:, 0], y.mean(1) / 30, rtol=1e-6)


def test_nothing_was_counted():
    """The best level is zero, the edge of what is possible: reached, but no error is claimed there."""
    level = Formula(symbol("a"), 1, ("a",))
    none = np.full((1, 1), np.inf)
    data = Elements(np.zeros((1, 30)), np.zeros((1, 30)), None, np.ones((1, 1)), -none, none)
    free = fit(level, data, Options(statistic="cash"))
    assert free.values[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(free.covariance[0, 0])
    bounded = fit(level, replace(data, lower=np.zeros((1, 1))), Options(statistic="cash"))
    assert bounded.values[0, 0] == 0.0
    assert bounded.status[0] == Status.AT_BOUND


# -- bounds ------------------------------------------------------------------------------------------------


BOUNDS = {
    "wide": ({"amplitude": 0, "stddev": 0.1}, {"amplitude": 50}),
    "start on a bound": ({"mean": 4.75}, {}),
    "start outside": ({"mean": 5.5}, {}),
    "minimum outside": ({}, {"amplitude": 9.0}),
    "corner of two": ({"stddev": 1.5}, {"amplitude": 9.0}),
    "corner of three": ({"stddev": 1.5, "mean": 5.2}, {"amplitude": 9.0}),
    "lower equals upper": ({"mean": 5.1}, {"mean": 5.1}),
    "all equal": ({"mean": 5.1, "stddev": 1.0, "amplitude": 9}, {"mean": 5.1, "stddev": 1.0, "amplitude": 9}),
    "narrow": ({"mean": 5.1, "stddev": 1.3}, {"mean": 5.1000001, "stddev": 1.3000001}),
}


def kkt(problem: Problem, p: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """By how many standard deviations each parameter could still be improved within its bounds."""
    j = problem.jacobian(p)
    gradient = j.T @ (problem.value(p) - problem.y)
    pull = -gradient / np.sqrt(np.sum(j**2, axis=0))
    pull[(p <= low) & (pull < 0)] = 0
    pull[(p >= high) & (pull > 0)] = 0
    return pull


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_against_least_squares(name):
    case = CASES["Gaussian1D"]
    y, sigma = noisy(case, 20.0)
    lower, upper = BOUNDS[name]
    data = elements(case, y, lower=lower, upper=upper)
    mine = fit(case.formula, data, Options())
    low, high = data.lower[0], data.upper[0]
    # SciPy wants room between bounds and starts inside of it: its answer is compared, not its path.
    room = 1e-13 * np.maximum(1, np.abs(np.where(np.isfinite(low), low, 0))) * (low == high)
    for i, one in enumerate(y):
        problem = Problem(case, one)
        p = mine.values[i]
        assert np.all((low <= p) & (p <= high))
        on_bound = (p == low) | (p == high)
        assert mine.status[i] == (Status.AT_BOUND if on_bound.any() else Status.CONVERGED)
        assert np.abs(kkt(problem, p, low, high)).max() < 1e-6 * sigma
        start = np.clip(data.start[0], low - room + 1e-14, high + room - 1e-14)
        answer = problem.chi2(start, low - room, high + room)
        assert mine.statistic[i] <= answer.statistic * (1 + 1e-9)
        matrix = problem.jacobian(p)[:, ~on_bound]
        expected = np.linalg.inv(matrix.T @ matrix) if not on_bound.all() else np.empty((0, 0))
        found = covariance(mine, i)
        scale = np.sqrt(np.diag(expected))
        np.testing.assert_allclose(
            found[np.ix_(~on_bound, ~on_bound)] / np.outer(scale, scale),
            expected / np.outer(scale, scale),
            atol=1e-5,
        )
        assert np.isnan(np.diag(found)[on_bound]).all()


@settings(max_examples=60, deadline=None, database=None)
@given(st.data())
def test_any_bounds_end_where_no_step_helps(data):
    """Random boxes, models with correlated parameters: always inside, always stationary."""
    case = CASES[data.draw(st.sampled_from(["Gaussian1D", "Line and slope", "Polynomial1D"]))]
    y, sigma = noisy(case, 20.0, n=1, seed=data.draw(st.integers(0, 1000)))
    n = len(case.formula.free)
    truth = case.packed()[:n]
    offsets = [data.draw(st.floats(-0.3, 0.3)) for _ in range(n)]
    widths = [data.draw(st.one_of(st.just(0.0), st.floats(0.01, 0.5))) for _ in range(n)]
    low = truth * (1 + np.array(offsets)) - np.abs(truth) * np.array(widths)
    high = truth * (1 + np.array(offsets)) + np.abs(truth) * np.array(widths)
    names = case.formula.free
    given_ = elements(case, y, lower=dict(zip(names, low, strict=True)), upper=dict(zip(names, high, strict=True)))
    mine = fit(case.formula, given_, Options())
    p = mine.values[0]
    assert mine.status[0] in (Status.CONVERGED, Status.AT_BOUND)
    assert np.all((low <= p) & (p <= high))
    assert np.abs(kkt(Problem(case, y[0]), p, low, high)).max() < 1e-5 * sigma


@pytest.mark.parametrize("start", list(product([-1.0, 0.0, 1.0], repeat=2)))
def test_linear_model_in_a_box(start):
    """The answer of a quadratic form in a box does not depend on the start, not from any corner."""
    x = np.linspace(-1, 1, 20)
    plane = Formula(add(mul(symbol("a"), coordinate(0)), mul(symbol("b"), coordinate(1))), 2, ("a", "b"))
    inputs = np.stack([x, x + 0.1 * x**2])
    y = 3.0 * inputs[0] - 1.5 * inputs[1] + 0.01 * np.cos(9 * x)
    box = np.ones((1, 2))
    mine = fit(plane, Elements(inputs, y[None], None, np.array([start]), -box, box), Options())
    b = np.clip(inputs[1] @ (y - inputs[0]) / (inputs[1] @ inputs[1]), -1, 1)
    np.testing.assert_allclose(mine.values[0], [1.0, b], atol=1e-9)
    assert mine.n_iter[0] <= 6


# -- evaluations -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Polynomial1D", "Chebyshev1D", "Polynomial2D"])
def test_linear_models_need_two_evaluations(name):
    case = CASES[name]
    y, _ = noisy(case, 20.0)
    mine = fit(case.formula, elements(case, y, start=np.ones(len(case.truth))), Options())
    assert mine.n_iter.max() <= 3


def test_limit_on_evaluations_is_kept():
    case = CASES["Voigt1D"]
    y, _ = noisy(case, 20.0)
    for limit in (1, 2, 3):
        mine = fit(case.formula, elements(case, y, start=case.packed() * 1.3), Options(max_iterations=limit))
        assert mine.status.tolist() == [Status.MAX_ITERATIONS] * len(y)
        assert mine.n_iter.tolist() == [limit] * len(y)
        assert np.isfinite(mine.statistic).all()
        assert np.isfinite(mine.values).all()


def test_tolerance_is_the_distance_to_the_minimum_in_sigma():
    case = CASES["Voigt1D"]
    y, sigma = noisy(case, 20.0, n=200)
    exact = fit(case.formula, elements(case, y), Options(tolerance=1e-9))
    last = 0.0
    for tolerance in (1e-1, 1e-3, 1e-5):
        rough = fit(case.formula, elements(case, y), Options(tolerance=tolerance))
        scale = np.array([sigma * errors(exact, i) for i in range(len(y))])
        away = np.abs(rough.values - exact.values) / scale
        assert np.percentile(away, 95) < 2 * tolerance
        assert np.percentile(away, 99.9) < 10 * tolerance
        assert rough.n_iter.mean() > last
        last = rough.n_iter.mean()
    assert last < exact.n_iter.mean()


# -- what cannot be fitted ---------------------------------------------------------------------------------


def gaussian(y: np.ndarray, **options: object) -> Solution:
    return fit(CASES["Gaussian1D"].formula, elements(CASES["Gaussian1D"], y), Options(**options))


def assert_no_fit(solution: Solution, status: Status) -> None:
    assert solution.status.tolist() == [status] * len(solution.status)
    assert np.isnan(solution.values).all()
    assert np.isnan(solution.covariance).all()
    assert np.isnan(solution.statistic).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_valid_points(value):
    solution = gaussian(np.full((2, 80), value))
    assert_no_fit(solution, Status.NO_VALID_POINTS)
    assert solution.n_points.tolist() == [0, 0]


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_weight_of_an_element_that_is_no_weight(weight):
    case = CASES["Gaussian1D"]
    y, _ = noisy(case, 20.0, n=2)
    w = np.array([[weight], [1.0]])
    solution = fit(case.formula, elements(case, y, w), Options())
    assert solution.status.tolist() == [Status.NO_VALID_POINTS, Status.CONVERGED]
    assert solution.n_points[0] == 0


def test_fewer_points_than_parameters():
    y = np.full((3, 80), np.nan)
    y[0, 40], y[1, 39:41], y[2, 38:41] = 9.0, 9.0, (8.0, 9.0, 8.0)
    solution = gaussian(y)
    assert solution.status.tolist()[:2] == [Status.TOO_FEW_POINTS] * 2
    assert solution.n_points.tolist() == [1, 2, 3]
    assert solution.status[2] == Status.CONVERGED  # as many points as parameters can be solved


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_start(bad):
    case = CASES["Gaussian1D"]
    start = case.packed()
    start[1] = bad
    solution = fit(case.formula, elements(case, case.values, start=start), Options())
    assert_no_fit(solution, Status.BAD_START)


def test_crossed_bounds_are_a_bad_start():
    case = CASES["Gaussian1D"]
    solution = fit(case.formula, elements(case, case.values, lower={"mean": 3.0}, upper={"mean": 2.0}), Options())
    assert_no_fit(solution, Status.BAD_START)


def test_model_that_is_not_finite_at_the_start():
    inverse = Formula(div(symbol("a"), sub(coordinate(0), symbol("b"))), 1, ("a", "b"))
    x = np.linspace(1.0, 3.0, 9)
    free = np.full((1, 2), np.inf)
    data = Elements(x[None], (2 / (x - 0.5))[None], None, np.array([[1.0, 2.0]]), -free, free)
    assert_no_fit(fit(inverse, data, Options()), Status.NON_FINITE)


def test_steps_to_where_the_model_is_not_finite_are_taken_back():
    """log(b x) from a start whose first steps lead below zero."""
    log = Formula(mul(symbol("a"), call("log", mul(symbol("b"), coordinate(0)))), 1, ("a", "b"))
    x = np.linspace(1.0, 3.0, 30)
    free = np.full((1, 2), np.inf)
    data = Elements(x[None], np.log(0.05 * x)[None], None, np.array([[1.0, 5.0]]), -free, free)
    solution = fit(log, data, Options())
    assert solution.status[0] == Status.CONVERGED
    np.testing.assert_allclose(solution.values[0], [1.0, 0.05], rtol=1e-7)


def test_coordinates_that_are_not_finite():
    """A point without a coordinate makes the model not finite: the element says so and keeps no value."""
    case = CASES["Gaussian1D"]
    x = case.x.copy()
    x[0, 7] = np.nan
    data = elements(case, case.values)
    solution = fit(case.formula, Elements(x, data.y, None, data.start, data.lower, data.upper), Options())
    assert_no_fit(solution, Status.NON_FINITE)


def test_undetermined_parameters_are_singular():
    """a b x: only the product of a and b is known."""
    product_ = Formula(mul(mul(symbol("a"), symbol("b")), coordinate(0)), 1, ("a", "b"))
    x = np.linspace(0, 1, 20)
    y = 6 * x + 0.1 * np.cos(20 * x)
    free = np.full((1, 2), np.inf)
    solution = fit(product_, Elements(x[None], y[None], None, np.array([[1.0, 2.0]]), -free, free), Options())
    assert solution.status[0] == Status.SINGULAR
    assert solution.values[0].prod() == pytest.approx(x @ y / (x @ x), rel=1e-7)
    assert np.isnan(np.diag(covariance(solution, 0))).all()


def test_parameter_without_influence_is_singular():
    no_influence = Formula(mul(symbol("a"), coordinate(0)), 1, ("a", "b"))
    x = np.linspace(0, 1, 20)
    free = np.full((1, 2), np.inf)
    solution = fit(no_influence, Elements(x[None], 3 * x[None], None, np.ones((1, 2)), -free, free), Options())
    assert solution.status[0] == Status.SINGULAR
    np.testing.assert_allclose(solution.values[0], [3.0, 1.0], rtol=1e-9)


def test_flat_data_does_not_hang():
    """No line at all: any status but good values of the statistic, and no endless loop."""
    solution = gaussian(np.zeros((1, 80)))
    assert solution.statistic[0] < 1e-10
    assert solution.n_iter[0] <= 200


def test_one_bad_element_leaves_its_neighbours_alone():
    case = CASES["Gaussian1D"]
    y, _ = noisy(case, 20.0, n=5)
    alone = gaussian(y[[0, 4]])
    y[1], y[2], y[3, 2:] = np.nan, 1e308, np.nan
    together = gaussian(y)
    np.testing.assert_array_equal(together.values[[0, 4]], alone.values)
    np.testing.assert_array_equal(together.covariance[[0, 4]], alone.covariance)
    assert together.status[1] == Status.NO_VALID_POINTS
    assert together.status[3] == Status.TOO_FEW_POINTS


def test_no_free_parameters():
    """Only the statistic is left to compute."""
    line = Formula(mul(symbol("a"), coordinate(0)), 1, (), ("a",))
    none = np.empty((1, 0))
    x = np.arange(4.0)
    solution = fit(line, Elements(x[None], 3 * x[None], None, np.full((1, 1), 2.0), none, none), Options())
    assert solution.status[0] == Status.CONVERGED
    assert solution.statistic[0] == pytest.approx(14.0)


def test_nothing_to_fit():
    case = CASES["Gaussian1D"]
    solution = fit(case.formula, elements(case, np.empty((0, 80))), Options())
    assert solution.status.shape == (0,)
