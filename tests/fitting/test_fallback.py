"""Fits with astropy's fitter, for models without a kernel."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from astropy.modeling import Fittable1DModel, Parameter, custom_model
from astropy.modeling.fitting import LevMarLSQFitter, SimplexLSQFitter, SLSQPLSQFitter, TRFLSQFitter
from astropy.modeling.models import Gaussian1D, Gaussian2D, Linear1D, Polynomial1D
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.interpolate import CubicSpline

from manyfit.errors import FallbackWarning, InputError, ModelNotCompiled
from manyfit.fitting._fallback import MOST_ERRORS, fallback_work, solve_by_fitter, warn_of_fallback
from manyfit.fitting._fitter_work import FitterWork
from manyfit.fitting._numerical import covariance, jacobian
from manyfit.fitting._problem import problem
from manyfit.fitting._run import Where, solve
from manyfit.fitting._work import Columns, KernelWork, is_weighted
from manyfit.kernels import Options, Status, prepare
from manyfit.models import formula

X = np.arange(40.0)
NOISE = 0.1


def by_fitter(model, data, *, where=None, options=None, **arguments):
    p = problem(model, data, **arguments)
    work = fallback_work(p, Columns.of(p.model), options or Options())
    return solve_by_fitter(p, work, where or Where("serial"))


def by_kernel(model, data, **arguments):
    p = problem(model, data, **arguments)
    f, columns = formula(p.model), Columns.of(p.model)
    prepare(f, Options(), weighted=is_weighted(p.tiles))
    return solve(p, KernelWork(p.tiles, f, columns, Options()), len(columns.free), Where("serial"))


def noisy_lines(n=4, seed=3):
    rng = np.random.default_rng(seed)
    centres = np.linspace(16, 23, n)
    return 3 * np.exp(-0.5 * ((X[:, None] - centres) / 2.5) ** 2) + rng.normal(0, NOISE, (40, n))


# -- models that do not compile ------------------------------------------------------------------------------


@custom_model
def branched(x, height=1.0, corner=20.0):
    """The slope depends on a comparison of values."""
    if height > 0:
        return height * np.maximum(x - corner, 0)
    return -height * np.minimum(x - corner, 0)


class Template(Fittable1DModel):
    """A spline through fixed knots, shifted and scaled."""

    scale = Parameter(default=1.0)
    shift = Parameter(default=0.0)
    spline = CubicSpline(np.arange(-60.0, 61.0), np.exp(-0.5 * (np.arange(-60.0, 61.0) / 4) ** 2))

    @staticmethod
    def evaluate(x, scale, shift):
        return scale * Template.spline(x - shift)


class Smoothed(Fittable1DModel):
    """Its value at a point depends on the points beside it."""

    height = Parameter(default=1.0)
    centre = Parameter(default=18.0)

    @staticmethod
    def evaluate(x, height, centre):
        return np.convolve(height * np.exp(-0.5 * (x - centre) ** 2), [0.25, 0.5, 0.25], mode="same")


class Fragile(Fittable1DModel):
    """Raises where its parameter is negative."""

    level = Parameter(default=1.0)

    @staticmethod
    def evaluate(x, level):
        if np.any(np.asarray(level) < 0):
            raise ZeroDivisionError(f"level {float(np.ravel(level)[0])} is negative")
        return level * np.ones_like(x)


MODELS = [
    (branched(1.5, 18.0), {"height": [1.0, 2.0, 3.0], "corner": [15.0, 20.3, 25.6]}),
    (Template(1.5, 19.0), {"scale": [1.0, 2.0, 3.0], "shift": [16.0, 20.3, 22.6]}),
    (Smoothed(1.5, 19.6), {"height": [1.0, 2.0, 3.0], "centre": [19.0, 20.3, 20.6]}),
]


@pytest.mark.parametrize(("model", "truth"), MODELS, ids=["branch", "spline", "convolution"])
def test_models_without_kernel(model, truth):
    columns = [type(model).evaluate(X, *values) for values in zip(*truth.values(), strict=True)]
    with pytest.raises(ModelNotCompiled):
        formula(model)
    outcome = by_fitter(model, np.stack(columns, axis=-1))
    assert_array_equal(outcome.solution.status, Status.FALLBACK)
    assert_allclose(outcome.solution.values, np.array(list(truth.values())).T, rtol=1e-6)
    assert_allclose(outcome.solution.statistic, 0, atol=1e-12)
    assert np.all(outcome.solution.n_iter > 1)
    assert not outcome.errors


def test_masked_points_stay_between_their_neighbours():
    data = Smoothed.evaluate(X, 2.0, 20.3)[:, None].copy()
    data[[19, 21]] = [[np.nan], [1e6]]
    mask = data > 1e5
    outcome = by_fitter(Smoothed(1.5, 19.6), data, mask=mask)
    assert_allclose(outcome.solution.values, [[2.0, 20.3]], rtol=1e-6)
    assert_array_equal(outcome.solution.n_points, 38)


def test_points_where_the_model_has_no_value_can_be_masked():
    @custom_model
    def root(x, scale=1.0):
        return scale * np.sqrt(x) if scale > 0 else -scale * x

    x = X - 3
    with np.errstate(invalid="ignore"):
        data = 2 * np.sqrt(x)[:, None]
        outcome = by_fitter(root(), data, world=(x,))
    assert_array_equal(outcome.solution.status, Status.FALLBACK)
    assert_allclose(outcome.solution.values, 2)


def test_errors_of_a_model_stay_with_their_element():
    start = Fragile(level=np.array([1.0, -1.0, 2.0, -3.0]))
    outcome = by_fitter(start, np.full((40, 4), 5.0))
    expected = [Status.FALLBACK, Status.WORKER_ERROR, Status.FALLBACK, Status.WORKER_ERROR]
    assert_array_equal(outcome.solution.status, expected)
    assert_allclose(outcome.solution.values[:, 0], [5, np.nan, 5, np.nan])
    assert sorted(outcome.errors) == [1, 3]
    assert "ZeroDivisionError: level -3.0 is negative" in outcome.errors[3]
    assert "in evaluate" in outcome.errors[3]


def test_tracebacks_are_bounded():
    n = 40 * MOST_ERRORS // 10
    outcome = by_fitter(Fragile(-1.0), np.full((3, n), 5.0))
    assert np.all(outcome.solution.status == Status.WORKER_ERROR)
    assert 0 < len(outcome.errors) <= MOST_ERRORS
    assert list(outcome.errors) == sorted(outcome.errors)


# -- the same answer as a kernel -----------------------------------------------------------------------------

SAME = {
    "plain": (Gaussian1D(2, 19, 2), {}),
    "uncertainty": (Gaussian1D(2, 19, 2), {"uncertainty": NOISE}),
    "weights of points": (Gaussian1D(2, 19, 2), {"weights": np.linspace(5, 15, 40)[:, None]}),
    "fixed": (Gaussian1D(2, 19, 2.5, fixed={"stddev": True}), {}),
    "fixed per element": (Gaussian1D(2, 19, np.linspace(2.4, 2.6, 4), fixed={"stddev": True}), {}),
    "tied": (Gaussian1D(2, 19, 2, tied={"stddev": lambda m: 0.5 + m.amplitude / 1.5}), {}),
    "bounds": (Gaussian1D(2, 19, 2, bounds={"stddev": (1, 5), "mean": (10, 30)}), {}),
    "on a bound": (Gaussian1D(2, 19, 2, bounds={"mean": (None, 20.5)}), {}),
    "mask": (Gaussian1D(2, 19, 2), {"mask": (X[:, None] % 7 == 3)}),
    "linear": (Polynomial1D(2, c0=1.0), {}),
    "huge values": (Gaussian1D(2, 19, 2), {"factor": 1e18}),
    "tiny values": (Gaussian1D(2, 19, 2), {"factor": 1e-18}),
}


@pytest.mark.parametrize("case", SAME)
def test_same_answer_as_the_kernel(case):
    model, arguments = SAME[case]
    factor = arguments.get("factor", 1.0)
    model = model.copy()
    if factor != 1:
        model.amplitude = model.amplitude * factor
    arguments = {name: value for name, value in arguments.items() if name != "factor"}
    ours, theirs = (by(model, noisy_lines() * factor, **arguments) for by in (by_fitter, by_kernel))
    ours = ours.solution
    assert_array_equal(ours.status, Status.FALLBACK)
    assert np.all(theirs.status < Status.FALLBACK)
    assert_array_equal(ours.n_points, theirs.n_points)
    assert_allclose(ours.statistic, theirs.statistic, rtol=1e-9)
    for i in range(theirs.values.shape[1]):
        variance = theirs.covariance[:, i * (i + 3) // 2]
        scale = 1.0 if "uncertainty" in arguments else theirs.statistic / (theirs.n_points - 3)
        sigma = np.where(np.isnan(variance), 1e-3, np.sqrt(variance * scale))  # on a bound: no error
        assert np.all(np.abs(ours.values[:, i] - theirs.values[:, i]) < 1e-4 * sigma)
        assert_allclose(ours.covariance[:, i * (i + 3) // 2], variance, rtol=1e-4)
    assert_array_equal(np.isnan(ours.covariance), np.isnan(theirs.covariance))


def test_covariance_is_that_of_the_kernel_at_the_same_minimum():
    """Noise-free data: both end at the same values to rounding, so that their covariances can be compared."""
    centres = np.array([16.0, 18.5, 21.0])
    data = 3 * np.exp(-0.5 * ((X[:, None] - centres) / 2.5) ** 2)
    ours, theirs = by_fitter(Gaussian1D(2, 19, 2), data), by_kernel(Gaussian1D(2, 19, 2), data)
    assert_allclose(ours.solution.covariance, theirs.covariance, rtol=1e-5, atol=1e-9)


def test_variance_of_tied_parameters():
    model = Linear1D(1, 1, tied={"intercept": lambda m: 3 * m.slope + 1})
    data = 2.0 * X[:, None] + 7 + np.random.default_rng(0).normal(0, NOISE, (40, 2))
    outcome = by_fitter(model, data, uncertainty=NOISE)
    assert_allclose(outcome.tied[:, 0], 3 * outcome.solution.values[:, 0] + 1)
    assert_allclose(outcome.tied_variance, 9 * outcome.solution.covariance, rtol=1e-6)
    assert_allclose(outcome.solution.covariance[:, 0], NOISE**2 / np.sum((X + 3) ** 2), rtol=1e-6)


def test_two_inputs_with_a_mask():
    y, x = np.mgrid[0:9, 0:11].astype(float)
    data = Gaussian2D.evaluate(y, x, 3.0, 4.2, 5.1, 1.5, 1.5, 0.0)[..., None].copy()
    data[2, 3] = np.nan
    model = Gaussian2D(2, 4, 5, 1.2, 1.2, fixed={"theta": True})
    outcome = by_fitter(model, data, fitting_axes=(0, 1))
    assert_allclose(outcome.solution.values, [[3, 4.2, 5.1, 1.5, 1.5]], rtol=1e-5)
    assert outcome.solution.n_points[0] == 98


# -- statuses ------------------------------------------------------------------------------------------------


def statuses():
    """Elements each with a fault: data, start, uncertainty and the status."""
    data = noisy_lines(8)
    start = np.full(8, 19.0)
    uncertainty = np.full((40, 8), NOISE)
    data[:, 1] = np.nan
    data[2:, 2] = np.inf
    start[3] = np.nan
    uncertainty[:, 4] = 0
    uncertainty[::2, 5] = -1
    data[5, 6] = -np.inf
    expected = ["FALLBACK", "NO_VALID_POINTS", "TOO_FEW_POINTS", "BAD_START", "NO_VALID_POINTS"]
    return data, start, uncertainty, [Status[name] for name in expected] + [Status.FALLBACK] * 3


def test_statuses_are_those_of_the_kernel():
    data, start, uncertainty, expected = statuses()
    model = Gaussian1D(2, start, 2)
    ours = by_fitter(model, data, uncertainty=uncertainty).solution
    theirs = by_kernel(model, data, uncertainty=uncertainty)
    assert_array_equal(ours.status, expected)
    assert_array_equal(np.where(ours.status == Status.FALLBACK, Status.CONVERGED, ours.status), theirs.status)
    assert_array_equal(ours.n_points, theirs.n_points)
    for name in ("values", "statistic", "covariance"):
        missing = np.isnan(getattr(theirs, name))
        assert_array_equal(np.isnan(getattr(ours, name)), missing, err_msg=name)


def test_undetermined_parameters_are_singular():
    @custom_model
    def product(x, a=1.0, b=1.0):
        return a * b * x

    outcome = by_fitter(product(), 6.0 * X[:, None])
    assert_array_equal(outcome.solution.status, Status.SINGULAR)
    assert_allclose(np.prod(outcome.solution.values), 6)
    assert np.all(np.isnan(outcome.solution.covariance))


def test_few_iterations_keep_the_best_values():
    outcome = by_fitter(Gaussian1D(1, 15, 1), noisy_lines(), options=Options(max_iterations=2))
    assert_array_equal(outcome.solution.status, Status.MAX_ITERATIONS)
    assert np.all(np.isfinite(outcome.solution.values))


def test_model_without_value_at_the_start():
    @custom_model
    def logarithm(x, scale=1.0):
        return np.log(scale) * x

    with np.errstate(invalid="ignore"):
        outcome = by_fitter(logarithm(np.array([-1.0, 1.0])), np.stack([X, X], -1))
    assert_array_equal(outcome.solution.status, [Status.NON_FINITE, Status.FALLBACK])


def test_all_parameters_fixed():
    model = Linear1D(2.0, 1.0, fixed={"slope": True, "intercept": True})
    outcome = by_fitter(model, (2.0 * X + 1.5)[:, None])
    assert_allclose(outcome.solution.statistic, 40 * 0.25)
    assert_array_equal(outcome.solution.status, Status.FALLBACK)


def test_start_values_outside_of_bounds_are_moved():
    model = Gaussian1D(2, 35, 2, bounds={"mean": (10, 21)})
    assert_array_equal(by_fitter(model, noisy_lines()[:, 1:3]).solution.status, Status.FALLBACK)


def test_cash_is_refused():
    p = problem(Linear1D(), np.ones((5, 2)))
    with pytest.raises(InputError, match="statistic='cash' needs a model that compiles"):
        fallback_work(p, Columns.of(p.model), Options(statistic="cash"))


def test_warning_has_the_reason():
    with pytest.warns(FallbackWarning, match=r"spline\. It is fitted through astropy and SciPy"):
        warn_of_fallback(ModelNotCompiled("it is a spline"))


# -- where it runs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [Where("processes", 2, max_elements=7), Where("threads", 3, max_elements=5)])
def test_results_do_not_depend_on_executor_or_blocks(where):
    model, data = Gaussian1D(2, 19, 2, bounds={"stddev": (0.5, 6)}), noisy_lines(20)
    data[:, 3] = np.nan
    one, other = by_fitter(model, data), by_fitter(model, data, where=where)
    for name in ("values", "covariance", "statistic", "status", "n_points", "n_iter"):
        assert_array_equal(getattr(one.solution, name), getattr(other.solution, name), err_msg=name)


class Unpicklable(Fragile):
    """A model that can be copied and not pickled."""

    def __reduce_ex__(self, protocol):
        raise TypeError("this one stays here")

    def copy(self):
        return Unpicklable(self.level.value, bounds=self.bounds)


def test_work_that_cannot_be_pickled_stays_in_the_process():
    p = problem(Unpicklable(1.0), np.full((3, 300), 5.0))
    work = fallback_work(p, Columns.of(p.model), Options())
    with pytest.warns(FallbackWarning, match="cannot be sent to worker processes .this one stays here"):
        outcome = solve_by_fitter(p, work, Where())
    assert np.all(outcome.solution.status == Status.FALLBACK)


@pytest.mark.parametrize("fitter", [LevMarLSQFitter(), SLSQPLSQFitter(), SimplexLSQFitter(), TRFLSQFitter()])
def test_any_fitter(fitter):
    p = problem(Linear1D(1.0, 0.5), 2.0 * X[:, None] + np.array([1.0, 2.0]))
    kwargs = {"verblevel": 0} if isinstance(fitter, SLSQPLSQFitter) else {"maxiter": 2000}
    work = FitterWork(p.tiles, p.model, Columns.of(p.model), fitter, kwargs)
    outcome = solve_by_fitter(p, work, Where("serial"))
    assert_allclose(outcome.solution.values, [[2, 1], [2, 2]], atol=1e-3)
    assert np.all(outcome.solution.n_iter > 1)


SCRIPT = """
import numpy as np
from astropy.modeling import custom_model
from manyfit.fitting._fallback import *
from manyfit.fitting._problem import problem
from manyfit.fitting._work import Columns

@custom_model
def step(x, height=1.0):
    return height * x if height > 0 else 0 * x

p = problem(step(), 3.0 * np.ones((5, 300)) * np.arange(5)[:, None])
outcome = solve_by_fitter(p, fallback_work(p, Columns.of(p.model), Options()), Where(workers=2))
print(np.allclose(outcome.solution.values, 3), set(outcome.solution.status.tolist()))
"""


def test_scripts_need_no_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.strip() == "True {2}", done.stderr


# -- derivatives ---------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    amplitude=st.floats(-18, 18).map(lambda e: 10.0**e),
    mean=st.sampled_from([0.0, 1e-14, 3.0, -20.0]),
    width=st.floats(-9, 6).map(lambda e: 10.0**e),
)
def test_derivatives_need_no_scale(amplitude, mean, width):
    x = mean * width + width * np.linspace(-5, 5, 41)
    at = np.array([amplitude, mean * width, width])
    found = jacobian(lambda p: Gaussian1D.evaluate(x, *p), at)
    exact = np.array(Gaussian1D.fit_deriv(x, *at)).T
    assert_allclose(found, exact, atol=1e-5 * np.abs(exact).max(axis=0).min(), rtol=1e-4)


def test_covariance_of_undetermined_parameters_is_none():
    assert covariance(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])) is None
    assert covariance(np.array([[1.0, 0.0], [2.0, 0.0]])) is None
    assert covariance(np.array([[1.0, 2.0]])) is None
    assert covariance(np.array([[1.0, np.nan], [2.0, 3.0]])) is None
