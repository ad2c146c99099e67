"""Tiles of elements: the compiled solver against the undecorated one, and every way of sharing input."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from manyfit.errors import InputError
from manyfit.kernels import Elements, KernelSpec, Options, Solution, Status, fit, prepare
from manyfit.kernels import _fit as module
from manyfit.kernels.targets import cpu, python
from tests.kernels.table import CASES, Case

KINDS = {"chi2": ("chi2", False), "weighted": ("chi2", True), "cash": ("cash", False)}


def tile(case: Case, kind: str = "chi2", n: int = 3, gaps: bool = True) -> Elements:
    """Noisy elements with gaps, each with start values of its own."""
    rng = np.random.default_rng(11)
    values = case.values
    y = rng.normal(values, 0.04 * np.abs(values).max(), (n, values.size))
    if kind == "cash":
        y = rng.poisson(np.maximum(values, 0.0) * np.ones((n, 1))).astype(float)
    if gaps:
        y[rng.random(y.shape) < 0.1] = np.nan
    w = rng.uniform(0.5, 2.0, y.shape) if kind == "weighted" else None
    start = np.array([case.packed(case.start()) * rng.uniform(0.99, 1.01, case.truth.size) for _ in range(n)])
    start[:, len(case.formula.free) :] = case.packed()[len(case.formula.free) :]
    free = np.full((1, len(case.formula.free)), np.inf)
    return Elements(case.x, y, w, start, -free, free)


def undecorated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "kernel", python.kernel)
    monkeypatch.setattr(cpu, "solver", lambda real: python.solver())


def assert_identical(a: Solution, b: Solution) -> None:
    for field in fields(Solution):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), err_msg=field.name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["Gaussian1D", "Voigt1D", "PowerLaw1D", "Polynomial1D", "Line and slope", "Gaussian2D"]
)
def test_compiled_solver_is_the_undecorated_one(name, kind, monkeypatch):
    case = CASES[name]
    data = tile(case, kind, n=2)
    options = Options(statistic=KINDS[kind][0])
    compiled = fit(case.formula, data, options)
    undecorated(monkeypatch)
    plain = fit(case.formula, data, options)
    np.testing.assert_array_equal(compiled.n_points, plain.n_points)
    direct = plain.n_iter < 12  # a long way takes another turn for a rounding
    assert direct.any()
    np.testing.assert_array_equal(compiled.status[direct], plain.status[direct])
    np.testing.assert_array_equal(compiled.n_iter[direct], plain.n_iter[direct])
    np.testing.assert_allclose(compiled.statistic[direct], plain.statistic[direct], rtol=1e-12)
    n = len(case.formula.free)
    variance = [i * (i + 1) // 2 + i for i in range(n)]
    errors = np.sqrt(plain.covariance[:, variance])
    np.testing.assert_allclose(((compiled.values - plain.values) / errors)[direct], 0, atol=1e-8)
    np.testing.assert_allclose(np.sqrt(compiled.covariance[:, variance])[direct], errors[direct], rtol=1e-8)


def test_undecorated_solver_knows_bounds_and_failures(monkeypatch):
    case = CASES["Gaussian1D"]
    data = tile(case, n=6)
    data.y[1], data.y[2, 2:], data.start[3, 0] = np.nan, np.nan, np.nan
    data = replace(data, lower=np.array([[-np.inf, 5.05, 0.0]]), upper=np.array([[11.0, np.inf, np.inf]]))
    compiled = fit(case.formula, data, Options())
    undecorated(monkeypatch)
    plain = fit(case.formula, data, Options())
    np.testing.assert_array_equal(compiled.status, plain.status)
    assert {Status.NO_VALID_POINTS, Status.TOO_FEW_POINTS, Status.BAD_START} <= set(plain.status.tolist())
    np.testing.assert_allclose(compiled.values, plain.values, rtol=1e-8)


def test_one_start_for_all_is_a_start_for_each():
    case = CASES["Gaussian1D"]
    data = tile(case, n=5)
    one = replace(data, start=data.start[:1])
    each = replace(data, start=np.repeat(data.start[:1], 5, axis=0))
    assert_identical(fit(case.formula, one, Options()), fit(case.formula, each, Options()))


def test_shared_coordinates_are_coordinates_of_each():
    case = CASES["Gaussian2D"]
    data = tile(case, n=4)
    each = replace(data, x=np.repeat(data.x[None], 4, axis=0))
    assert_identical(fit(case.formula, data, Options()), fit(case.formula, each, Options()))


def test_coordinates_that_differ():
    """Each element is shifted with its coordinates: the same fit but for the mean."""
    case = CASES["Gaussian1D"]
    data = tile(case, n=4, gaps=False)
    shifts = np.array([0.0, 2.0, -7.0, 30.0])
    moved = replace(data, x=data.x + shifts[:, None, None], start=data.start + shifts[:, None] * [[0, 1, 0]])
    a, b = fit(case.formula, data, Options()), fit(case.formula, moved, Options())
    np.testing.assert_allclose(b.values - a.values, shifts[:, None] * [[0, 1, 0]], atol=1e-6)
    np.testing.assert_allclose(b.statistic, a.statistic, rtol=1e-9)


def test_bounds_of_each_element():
    case = CASES["Gaussian1D"]
    data = tile(case, n=3)
    lower, upper = np.full((3, 3), -np.inf), np.full((3, 3), np.inf)
    upper[1, 0], lower[2, 2] = 9.0, 1.5
    solution = fit(case.formula, replace(data, lower=lower, upper=upper), Options())
    assert solution.status.tolist() == [Status.CONVERGED, Status.AT_BOUND, Status.AT_BOUND]
    assert solution.values[1, 0] == 9.0
    assert solution.values[2, 2] == 1.5


@pytest.mark.parametrize("shared", ["lower", "upper"])
def test_one_bound_shared_and_the_other_not(shared):
    case = CASES["Gaussian1D"]
    data = tile(case, n=3)
    lower, upper = np.full((3, 3), -np.inf), np.full((3, 3), np.inf)
    lower[2, 2], upper[1, 0] = 1.5, 9.0
    lower, upper = (lower[:1], upper) if shared == "lower" else (lower, upper[:1])
    status = fit(case.formula, replace(data, lower=lower, upper=upper), Options()).status
    bound = 1 if shared == "lower" else 2
    assert [s == Status.AT_BOUND for s in status] == [i == bound for i in range(3)]


def test_weights_for_all_elements_or_points_or_both():
    case = CASES["Gaussian1D"]
    data = tile(case, n=3)
    of_points = np.linspace(0.5, 2.0, 80)[None]
    of_elements = np.array([[0.5], [1.0], [4.0]])
    options = Options(absolute_sigma=True)
    shared = fit(case.formula, replace(data, weight=of_points), options)
    each = fit(case.formula, replace(data, weight=np.repeat(of_points, 3, axis=0)), options)
    assert_identical(shared, each)
    whole = fit(case.formula, replace(data, weight=of_elements), options)
    spread = fit(case.formula, replace(data, weight=np.repeat(of_elements, 80, axis=1)), options)
    np.testing.assert_allclose(whole.values, spread.values, rtol=1e-7)
    np.testing.assert_allclose(whole.covariance, spread.covariance, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(whole.statistic, spread.statistic, rtol=1e-9)


def test_a_single_point():
    """One point and one weight for it are no weight of elements by mistake."""
    case = CASES["Polynomial1D"]
    from manyfit.kernels import Formula, symbol

    level = Formula(symbol("a"), 1, ("a",))
    free = np.full((1, 1), np.inf)
    data = Elements(case.x[:, :1], np.array([[3.0], [np.nan]]), np.array([[4.0]]), np.ones((1, 1)), -free, free)
    solution = fit(level, data, Options(absolute_sigma=True))
    assert solution.status.tolist() == [Status.CONVERGED, Status.NO_VALID_POINTS]
    assert solution.values[0, 0] == pytest.approx(3.0)
    assert solution.covariance[0, 0] == pytest.approx(0.25)


def test_masked_points_might_as_well_not_be_there():
    """Bit for bit: padding of any kind does not change an element."""
    case = CASES["Gaussian1D"]
    data = tile(case, "weighted", n=4, gaps=False)
    plain = fit(case.formula, data, Options())
    rng = np.random.default_rng(0)
    places = np.sort(rng.choice(130, 80, replace=False))
    x, y, w = rng.normal(size=(1, 130)), np.full((4, 130), np.nan), rng.uniform(1, 2, (4, 130))
    x[:, places], y[:, places], w[:, places] = data.x, data.y, data.weight
    y[1, :] = np.where(np.isnan(y[1]), np.inf, y[1])
    y[2, :], w[2, :] = np.where(np.isnan(y[2]), 7.0, y[2]), np.where(np.isnan(y[2]), 0.0, w[2])
    y[3, :], w[3, :] = np.where(np.isnan(y[3]), 7.0, y[3]), np.where(np.isnan(y[3]), -3.0, w[3])
    assert_identical(plain, fit(case.formula, replace(data, x=x, y=y, weight=w), Options()))


def test_fixed_parameters_of_each_element():
    case = CASES["PowerLaw1D"]
    data = tile(case, n=3, gaps=False)
    data.start[:, 2] = [2.0, 1.0, 3.0]
    solution = fit(case.formula, data, Options())
    # A x^-alpha is the same curve for every x_0, with another amplitude.
    exponent = solution.values[:, 1]
    level = solution.values[:, 0] * data.start[:, 2] ** exponent
    one = fit(case.formula, replace(data, start=np.repeat(data.start[:1], 3, axis=0)), Options())
    np.testing.assert_allclose(exponent, one.values[:, 1], rtol=1e-6)
    np.testing.assert_allclose(level, one.values[:, 0] * 2.0 ** one.values[:, 1], rtol=1e-6)


@pytest.mark.parametrize("options", [Options(), Options(precision="mixed"), Options(statistic="cash")])
def test_input_is_not_changed(options):
    case = CASES["Gaussian1D"]
    data = tile(case, "weighted" if options.statistic == "chi2" else "cash")
    data = replace(data, x=data.x.copy())  # the table's own must stay writable
    names = [f.name for f in fields(Elements) if getattr(data, f.name) is not None]
    before = {name: getattr(data, name).copy() for name in names}
    for name in names:
        getattr(data, name).setflags(write=False)
    fit(case.formula, data, options)
    for name in names:
        np.testing.assert_array_equal(getattr(data, name), before[name])


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e-10, 1e10, 1e20, 1e30])
def test_mixed_precision_with_small_and_large_units(scale):
    """Fluxes of 1e-20 W/m2 have squares that float32 does not hold."""
    case = CASES["Gaussian1D"]
    data = tile(case, n=5)
    plain = fit(case.formula, data, Options())
    scaled = replace(data, y=data.y * scale, start=data.start * [[scale, 1, 1]])
    for precision in ("float64", "mixed"):
        found = fit(case.formula, scaled, Options(precision=precision))
        np.testing.assert_array_equal(found.status, plain.status)
        np.testing.assert_allclose(found.values / [scale, 1, 1], plain.values, rtol=1e-6)
        np.testing.assert_allclose(found.statistic / scale**2, plain.statistic, rtol=1e-8)


def test_mixed_precision_leaves_large_coordinates_to_float64(monkeypatch):
    """Wavelengths of 1.5e-6 m apart by 1e-13: neighbours are equal in float32."""
    seen = []
    original = module._fit
    monkeypatch.setattr(module, "_fit", lambda *a: (seen.append(a[3]), original(*a))[1])
    case = CASES["Gaussian1D"]
    data = tile(case, n=2)
    far = replace(data, x=data.x + 1e8, start=data.start + np.array([0, 1e8, 0]))
    solution = fit(case.formula, far, Options(precision="mixed"))
    assert seen == ["float64"]
    assert solution.status.tolist() == [Status.CONVERGED] * 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"statistic": "chisq"}, ["statistic 'chisq'", "'chi2', 'cash'"]),
        ({"statistic": "csah"}, ["Did you mean 'cash'?"]),
        ({"precision": "float32"}, ["precision 'float32'", "'float64', 'mixed'"]),
        ({"max_iterations": 0}, ["max_iterations is 0", "above zero"]),
        ({"max_iterations": 2.5}, ["max_iterations is 2.5", "whole number"]),
        ({"tolerance": 0.0}, ["tolerance is 0.0", "between 0 and 1"]),
        ({"tolerance": np.nan}, ["tolerance is nan"]),
        ({"tolerance": 1.0}, ["tolerance is 1.0"]),
    ],
)
def test_options_that_are_not_accepted(given, words):
    with pytest.raises(InputError) as caught:
        Options(**given)
    assert all(word in str(caught.value) for word in words)


def test_prepare_compiles_what_fit_needs(monkeypatch):
    made = []
    monkeypatch.setattr(cpu, "kernel", made.append)
    monkeypatch.setattr(cpu, "solver", made.append)
    prepare(CASES["Gaussian1D"].formula, Options(precision="mixed"), weighted=True)
    assert [s.real for s in made if isinstance(s, KernelSpec)] == ["float64", "float32"]
    assert all(s.weighted for s in made if isinstance(s, KernelSpec))
    assert [s for s in made if isinstance(s, str)] == ["float64", "float32"]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_one_sigma_for_a_whole_element_converges_in_any_unit(scale):
    """The weight of a whole element is applied after the fit: the unit of the data must not say when to stop."""
    case = CASES["Gaussian1D"]
    data = tile(case, n=20)
    data = replace(data, weight=None, y=data.y * scale, start=data.start * [scale, 1, 1])
    whole = fit(case.formula, replace(data, weight=np.full((1, 1), scale**-2)), Options(absolute_sigma=True))
    exact = fit(case.formula, data, Options(tolerance=1e-9))
    freedom = exact.n_points - len(case.formula.free)
    error = np.sqrt(exact.covariance[:, [0, 2, 5]] * (exact.statistic / freedom)[:, None])
    assert np.max(np.abs(whole.values - exact.values) / error) < 3e-6
    np.testing.assert_allclose(whole.statistic * scale**2, exact.statistic, rtol=1e-9)
