"""Kernels against values and numerical derivatives of the astropy models themselves."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from astropy.modeling import models as m

from manyfit.kernels import Formula, KernelSpec, _emit, coordinate, symbol
from manyfit.kernels._emit import CHUNK, Row, Sums, _split, source
from manyfit.kernels._expression import add, call, div, mul, sub
from manyfit.kernels._functions import CONDITIONS, FUNCTIONS
from manyfit.models import formula
from tests.kernels.run import sums
from tests.kernels.table import CASES

KINDS = {"chi2": ("chi2", False), "weighted": ("chi2", True), "cash": ("cash", False)}
NAMES = sorted(CASES)


def spec_of(name: str, kind: str = "chi2", real: str = "float64") -> KernelSpec:
    statistic, weighted = KINDS[kind]
    return KernelSpec(CASES[name].formula, statistic, weighted, real)


def data(name: str, kind: str = "chi2") -> tuple[np.ndarray, np.ndarray]:
    """Noisy data, counts for cash, and inverse variances."""
    rng = np.random.default_rng(7)
    values = CASES[name].values
    y = rng.poisson(np.maximum(values, 0)) if kind == "cash" else values + rng.normal(0, 0.5, values.size)
    return y.astype(float), rng.uniform(0.5, 2.0, values.size)


def point(name: str) -> np.ndarray:
    """Parameters a little off the truth, free ones."""
    case = CASES[name]
    return case.packed(case.start())[: len(case.formula.free)]


def slopes(name: str, free: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Derivatives (parameters, points) by central differences of sixth order of astropy's values."""
    case = CASES[name]
    result = []
    for i, value in enumerate(free):
        h = step * max(abs(value), 0.1) * np.eye(free.size)[i]
        weights = {1: 45.0, 2: -9.0, 3: 1.0}
        difference = sum(c * (case.at_free(free + k * h) - case.at_free(free - k * h)) for k, c in weights.items())
        result.append(difference / (60.0 * h[i]))
    return np.array(result)


def terms(kind: str, f: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Statistic, half slope and half expected curvature of every point."""
    if kind == "cash":
        log = np.where(y > 0, y * np.log(f), 0.0)
        return 2 * (f - log), 1 - y / f, 1 / f
    w = w if kind == "weighted" else np.ones_like(y)
    return w * (f - y) ** 2, w * (f - y), w


#: All models with chi2 and cash; weights with a few, each new kernel takes half a second to compile.
CHOSEN = [(n, k) for n in NAMES for k in KINDS if k != "weighted" or n in ("Voigt1D", "Gaussian2D", "Two lines")]


@pytest.mark.parametrize(("name", "kind"), CHOSEN)
def test_sums_against_astropy_and_differences(name, kind):
    case, free = CASES[name], point(name)
    y, w = data(name, kind)
    f, d = case.at_free(free), slopes(name, free)
    statistic, slope, curvature = terms(kind, f, y, w)
    packed = np.append(free, case.packed()[free.size :])
    found = sums(spec_of(name, kind), packed, case.x, y, w)
    scale = np.sqrt(np.sum(curvature * d**2, axis=1))
    assert found.statistic == pytest.approx(statistic.sum(), rel=1e-12)
    np.testing.assert_allclose(found.gradient / scale, d @ slope / scale, atol=1e-8 * np.sqrt(np.sum(slope**2)))
    np.testing.assert_allclose(
        found.matrix / np.outer(scale, scale), (d * curvature) @ d.T / np.outer(scale, scale), atol=1e-8
    )


@pytest.mark.parametrize(("name", "kind"), CHOSEN)
def test_compiled_is_the_undecorated_source(name, kind):
    case, spec = CASES[name], spec_of(name, kind)
    y, w = data(name, kind)
    for of in ("kernel", "information"):
        mine = sums(spec, case.packed(case.start()), case.x, y, w, of=of)
        plain = sums(spec, case.packed(case.start()), case.x, y, w, target="python", of=of)
        scale = np.sqrt(np.abs(np.diag(plain.matrix)))
        if of == "kernel" or not spec.terms.is_curved:
            assert mine.statistic == pytest.approx(plain.statistic, rel=1e-12)
            size = np.sqrt(abs(plain.statistic)) + np.sqrt(y.size)
            np.testing.assert_allclose(mine.gradient / scale, plain.gradient / scale, atol=1e-12 * size)
        np.testing.assert_allclose(
            mine.matrix / np.outer(scale, scale), plain.matrix / np.outer(scale, scale), atol=2e-12
        )


@pytest.mark.parametrize("name", ["Gaussian1D", "Voigt1D", "Gaussian2D"])
def test_single_precision_agrees(name):
    case = CASES[name]
    y, w = data(name)
    double = sums(spec_of(name, "weighted"), case.packed(case.start()), case.x, y, w)
    single = sums(spec_of(name, "weighted", "float32"), case.packed(case.start()), case.x, y, w)
    scale = np.sqrt(np.diag(double.matrix))
    assert single.statistic == pytest.approx(double.statistic, rel=1e-4)
    np.testing.assert_allclose(
        single.matrix / np.outer(scale, scale), double.matrix / np.outer(scale, scale), atol=2e-5
    )


@pytest.mark.parametrize("name", ["Gaussian1D", "Voigt1D", "Moffat1D", "Polynomial1D", "Line and slope", "Gaussian2D"])
def test_observed_information_is_half_the_hessian(name):
    """Central differences of the kernel's own half gradient, which another test ties to astropy."""
    case, spec, free = CASES[name], spec_of(name, "cash"), point(name)
    y, w = data(name, "cash")
    found = sums(spec, free, case.x, y, w, of="information").matrix
    hessian = np.empty_like(found)
    for i, value in enumerate(free):
        h = 1e-3 * abs(value) * np.eye(free.size)[i]
        gradients = [sums(spec, free + k * h, case.x, y, w).gradient for k in (1, -1, 2, -2)]
        hessian[i] = (8 * (gradients[0] - gradients[1]) - (gradients[2] - gradients[3])) / (12 * h[i])
    scale = np.sqrt(np.abs(np.diag(hessian)))
    np.testing.assert_allclose(found / np.outer(scale, scale), hessian / np.outer(scale, scale), atol=1e-7)


def test_cash_where_nothing_was_counted():
    """Zero counts add 2 f; a model of zero is allowed there, one below zero or zero with counts is not."""
    level = Formula(symbol("a"), 1, ("a",))
    spec = KernelSpec(level, "cash")
    none = sums(spec, [3.0], np.zeros(4), np.zeros(4))
    assert (none.statistic, none.gradient[0], none.matrix[0, 0]) == (24.0, 4.0, pytest.approx(4 / 3))
    assert sums(spec, [0.0], np.zeros(4), np.zeros(4)).statistic == 0.0
    assert np.isnan(sums(spec, [-1.0], np.zeros(4), np.zeros(4)).statistic)
    assert not np.isfinite(sums(spec, [0.0], np.zeros(2), np.array([0.0, 1.0])).statistic)


@pytest.mark.parametrize("points", [1, 7, CHUNK - 1, CHUNK, CHUNK + 1, 600])
@pytest.mark.parametrize("name", ["Gaussian1D", "Three lines and slope", "Gaussian2D"])
def test_any_number_of_points(name, points):
    case = CASES[name]
    rng = np.random.default_rng(points)
    x = rng.uniform(0, 10, (len(case.x), points))
    y, w = rng.normal(5, 3, (2, points))
    w = w**2
    spec = spec_of(name, "weighted")
    whole = sums(spec, case.packed(), x, y, w)
    plain = sums(spec, case.packed(), x, y, w, target="python")
    one_by_one = [sums(spec, case.packed(), x[:, [i]], y[[i]], w[[i]]) for i in range(points)]
    assert whole.statistic == pytest.approx(plain.statistic, rel=1e-12)
    assert whole.statistic == pytest.approx(sum(s.statistic for s in one_by_one), rel=1e-12)
    total = sum(s.matrix for s in one_by_one)
    np.testing.assert_allclose(whole.matrix, total, rtol=1e-9, atol=1e-11 * np.abs(total).max())
    gradient = np.array([s.gradient for s in one_by_one])
    np.testing.assert_allclose(whole.gradient, gradient.sum(0), atol=1e-12 * np.abs(gradient).sum(0).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["Gaussian1D", "Polynomial1D", "Three lines and slope", "Chebyshev1D"])
def test_registers_and_rows_agree(name, kind, monkeypatch):
    case, spec = CASES[name], spec_of(name, kind)
    y, w = data(name, kind)
    y, w, x = np.tile(y, 4), np.tile(w, 4), np.tile(case.x, 4)
    found = {}
    for limit in (0, 1000):
        monkeypatch.setattr(_emit, "SUMS_IN_REGISTERS", limit)
        assert ("rows[" in source(spec)) == (limit == 0)
        found[limit] = sums(spec, case.packed(case.start()), x, y, w, target="python")
    assert found[0].statistic == pytest.approx(found[1000].statistic, rel=1e-13)
    np.testing.assert_allclose(found[0].gradient, found[1000].gradient, rtol=1e-10, atol=1e-9)
    scale = np.sqrt(np.diag(found[0].matrix))
    np.testing.assert_allclose(found[0].matrix, found[1000].matrix, atol=1e-13 * scale.max() ** 2)


def sums_of(formula: Formula) -> Sums:
    inputs = frozenset(f"x[{i}]" for i in range(formula.n_inputs))
    return Sums.of([Row(*_split(_emit.derivative(formula.value, name), inputs)) for name in formula.free])


@pytest.mark.parametrize("degree", [1, 3, 6])
def test_normal_matrix_of_a_polynomial_is_hankel(degree):
    assert len(sums_of(formula(m.Polynomial1D(degree))).matrix) == 2 * degree + 1


def test_gaussian_shares_a_sum():
    assert len(sums_of(formula(m.Gaussian1D())).matrix) == 5


def test_parameter_without_influence_has_a_zero_row():
    """Not an error: the solver calls the parameter undetermined."""
    two = Formula(mul(symbol("a"), coordinate(0)), 1, ("a", "b"))
    found = sums(KernelSpec(two), [2.0, 5.0], [1.0, 2.0], [1.0, 1.0])
    assert found.gradient.tolist() == [7.0, 0.0]
    assert found.matrix.tolist() == [[5.0, 0.0], [0.0, 0.0]]


def test_constant_formula():
    nothing = Formula(coordinate(0), 1, ())
    assert sums(KernelSpec(nothing), [0.0], [1.0, 2.0], [1.0, 5.0]).statistic == 9.0


def test_two_inputs_are_read_in_order():
    difference = Formula(mul(symbol("a"), sub(coordinate(0), coordinate(1))), 2, ("a",))
    assert sums(KernelSpec(difference), [1.0], [[3.0, 5.0], [1.0, 2.0]], [0.0, 0.0]).statistic == 13.0


def unusual(name: str) -> Formula:
    """``a * function(x)``, with a second argument of a constant."""
    x = coordinate(0)
    if name == "select":
        value = call("select", call("less", x, symbol("a")), x, div(x, x))
    elif name in CONDITIONS:
        arguments = [call("less", x, symbol("a")), call("greater", x, mul(x, x))][: FUNCTIONS[name].arity]
        value = call(name, *(arguments if name.startswith("logical") else [x, symbol("a")]))
    else:
        value = call(name, *[x, symbol("b")][: FUNCTIONS[name].arity])
    return Formula(add(mul(symbol("a"), value), symbol("b")), 1, (), ("a", "b"))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_of_a_formula_compiles(name):
    x = np.array([1.1, 1.5, 2.7]) if name == "arccosh" else np.array([0.11, 0.5, 0.93])
    spec = KernelSpec(unusual(name))
    mine = sums(spec, [0.6, 0.7], x, np.zeros(3)).statistic
    # Second differences cancel.
    rtol = 1e-10 if name == "gammaincinv_curvature" else 1e-13
    assert mine == pytest.approx(sums(spec, [0.6, 0.7], x, np.zeros(3), target="python").statistic, rel=rtol)


def test_source_is_the_same_in_every_process():
    """Compiled kernels are found again by the text of their source: no hashes, no addresses in it."""
    program = (
        "from tests.kernels.test_emit import *\n"
        "import hashlib\n"
        "text = ''.join(source(spec_of(n, k)) for n in NAMES for k in KINDS)\n"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    digests = set()
    for seed in ("0", "12345"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_source_can_be_read():
    text = source(spec_of("Gaussian1D"))
    compile(text.replace("{target}", "math"), "kernel", "exec")
    assert text.startswith('"""chi2 of ')
    assert "information" not in text
    assert "def information" in source(spec_of("Gaussian1D", "cash"))
