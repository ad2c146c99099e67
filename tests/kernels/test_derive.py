"""Derivatives of formulas against exact arithmetic and against mpmath."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import (
    ZERO,
    add,
    call,
    const,
    div,
    evaluate,
    int_power,
    is_const,
    mul,
    neg,
    power,
    sub,
    symbol,
    transform,
)
from manyfit.kernels._functions import CONDITIONS, FUNCTIONS

A, B, X = symbol("a"), symbol("b"), symbol("x")

# -- rational expressions, exactly: value and slope side by side ---------------------------------------------

POINT = {"a": Fraction(7, 11), "b": Fraction(-13, 5)}


def exactly(node):
    def leaf(n):
        return Fraction(n.value) if n.op == "const" else POINT[n.value]

    def combine(n, args):
        if n.op == "product":
            coefficient, exponents = n.value
            return Fraction(coefficient) * math.prod(a**k for a, k in zip(args, exponents, strict=True))
        return args[0] + args[1] if n.op == "sum" else args[0] - args[1]

    return transform(node, leaf, combine)


def is_exact(node):
    """Whether the folded numbers of a node are free of rounding: one that was rounded has all 53 bits."""

    def bits(n, parts):
        own = n.value if n.op == "const" else n.value[0] if n.op == "product" else 0.0
        return max([Fraction(own).numerator.bit_length(), *parts])

    return transform(node, lambda n: bits(n, []) if n.op == "const" else 0, bits) < 40


#: (node, value, slope by a)
leaves = st.one_of(
    st.just((A, POINT["a"], Fraction(1))),
    st.just((B, POINT["b"], Fraction(0))),
    st.sampled_from([(const(v), Fraction(v), Fraction(0)) for v in (-2, -1, 0.5, 1, 3)]),
)


def grow(children):
    two = st.tuples(children, children)
    return st.one_of(
        two.map(lambda p: (add(p[0][0], p[1][0]), p[0][1] + p[1][1], p[0][2] + p[1][2])),
        two.map(lambda p: (sub(p[0][0], p[1][0]), p[0][1] - p[1][1], p[0][2] - p[1][2])),
        two.map(lambda p: (mul(p[0][0], p[1][0]), p[0][1] * p[1][1], p[0][1] * p[1][2] + p[0][2] * p[1][1])),
        children.map(lambda p: (int_power(p[0], 3), p[1] ** 3, 3 * p[1] ** 2 * p[2])),
        children.map(lambda p: (div(p[0], A), p[1] / POINT["a"], (p[2] - p[1] / POINT["a"]) / POINT["a"])),
    )


@given(st.recursive(leaves, grow, max_leaves=8))
@settings(max_examples=300, deadline=None)
def test_derivatives_of_rational_expressions_are_exact(triple):
    node, value, slope = triple
    by_a = derivative(node, "a")
    assume(is_exact(node) and is_exact(by_a))
    assert exactly(node) == value
    assert exactly(by_a) == slope


# -- functions against mpmath --------------------------------------------------------------------------------


def faddeeva(x, y):
    z = mpmath.mpc(x, y)
    return mpmath.exp(-z * z) * mpmath.erfc(-1j * z)


def median_of_gamma(a, p):
    return mpmath.findroot(
        lambda t: mpmath.gammainc(a, 0, t, regularized=True) - p,
        float(FUNCTIONS["gammaincinv"].evaluate(float(a), float(p))),
    )


REFERENCE = {
    "pow": mpmath.power,
    "exp2": lambda a: mpmath.power(2, a),
    "log2": lambda a: mpmath.log(a, 2),
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
    "fabs": abs,
    "minimum": min,
    "maximum": max,
    "wofz_re": lambda x, y: faddeeva(x, y).real,
    "wofz_im": lambda x, y: faddeeva(x, y).imag,
    "gammaln": mpmath.loggamma,
    "gammaincinv": median_of_gamma,
    "j0": lambda a: mpmath.besselj(0, a),
    "j1": lambda a: mpmath.besselj(1, a),
    "rint": mpmath.nint,
}

POINTS = {
    **dict.fromkeys(["arcsin", "arccos", "arctanh"], ((-0.7,), (0.05,), (0.9,))),
    **dict.fromkeys(["sqrt", "log", "log2", "log10", "gamma", "gammaln"], ((0.07,), (1.3,), (9.1,))),
    "log1p": [(-0.6,), (1e-9,), (7.0,)],
    "arccosh": [(1.1,), (3.0,)],
    "pow": [(0.3, -1.7), (2.1, 0.4), (5.0, 3.2)],
    "gammaincinv": [(0.9, 0.5), (8.0, 0.5), (3.3, 0.2), (20.0, 0.5)],
    "wofz_re": [(0.3, 0.2), (-4.0, 1.5), (12.0, 0.01), (40.0, 3.0), (1e5, 2.0), (0.1, 400.0)],
    "wofz_im": [(0.3, 0.2), (-4.0, 1.5), (12.0, 0.01), (40.0, 3.0), (1e5, 2.0), (0.1, 400.0)],
}
DEFAULT = {1: [(-1.3,), (0.2,), (2.6,)], 2: [(-1.3, 0.7), (0.2, 2.2), (2.6, -0.4)]}

#: No derivative is taken of these: they are parts of derivatives.
ONLY_IN_DERIVATIVES = {"trigamma", "gammaincinv_slope", "gammaincinv_curvature"}

SMOOTH = sorted(set(FUNCTIONS) - CONDITIONS - ONLY_IN_DERIVATIVES - {"select"})


@pytest.mark.parametrize("name", SMOOTH)
def test_partial_derivatives(name):
    arity = FUNCTIONS[name].arity
    reference = REFERENCE.get(name) or getattr(mpmath, name)
    names = ["a", "b"][:arity]
    node = call(name, *map(symbol, names))
    for point in POINTS.get(name, DEFAULT[arity]):
        for i, by in enumerate(names):
            with mpmath.workdps(40):
                order = tuple(int(i == k) for k in range(arity))
                expected = float(mpmath.diff(reference, tuple(map(mpmath.mpf, point)), order))
            ours = float(evaluate(derivative(node, by), dict(zip(names, point, strict=True))))
            assert ours == pytest.approx(expected, rel=2e-9 if name == "gammaincinv" else 3e-12), (point, by)


@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_conditions_have_no_slope(name):
    node = call(name, *[A, B][: FUNCTIONS[name].arity])
    assert is_const(derivative(node, "a"), 0.0)


def test_chain_rule():
    node = call("exp", mul(const(-0.5), int_power(div(sub(X, A), B), 2)))
    assert repr(derivative(node, "a")) == "b**-2*(x - a)*exp(-0.5*b**-2*(x - a)**2)"


def test_slope_by_something_else_is_zero():
    assert derivative(call("sin", A), "b") is ZERO


def test_select_has_the_slope_of_its_choice():
    node = call("select", call("less", A, const(1.0)), int_power(A, 2), call("log", A))
    slope = evaluate(derivative(node, "a"), {"a": np.array([-3.0, 0.5, 2.0])})
    np.testing.assert_allclose(slope, [-6.0, 1.0, 0.5])


# -- where the usual rule would give NaN ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exponent", "by_base", "by_exponent"),
    [(2.5, 0.0, 0.0), (1.0, 1.0, 0.0), (0.3, 0.0, 0.0), (3.0, 0.0, 0.0)],
)
def test_power_at_zero(exponent, by_base, by_exponent):
    node, values = power(A, B), {"a": 0.0, "b": exponent}
    assert float(evaluate(derivative(node, "a"), values)) == by_base
    assert float(evaluate(derivative(node, "b"), values)) == by_exponent


@pytest.mark.parametrize(
    "node",
    [
        call("sqrt", add(int_power(sub(X, A), 2), int_power(B, 2))),
        call("hypot", sub(X, A), B),
        power(add(int_power(sub(X, A), 2), int_power(B, 2)), const(0.3)),
        call("exp", neg(power(call("sqrt", add(int_power(sub(X, A), 2), int_power(B, 2))), const(0.25)))),
    ],
    ids=["sqrt", "hypot", "power", "cusp"],
)
def test_tip_of_a_cone_has_slope_zero(node):
    at_tip = {"x": 1.5, "a": 1.5, "b": 0.0}
    assert float(evaluate(derivative(node, "a"), at_tip)) == 0.0
    assert float(evaluate(derivative(node, "b"), at_tip)) == 0.0


def test_bessel_function_at_zero():
    assert float(evaluate(derivative(call("j1", A), "a"), {"a": 0.0})) == 0.5


def test_unknown_derivative_is_an_error():
    with pytest.raises(NotImplementedError, match="the derivative of trigamma is not known"):
        derivative(call("trigamma", A), "a")
