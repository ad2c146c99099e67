"""Expressions keep their value whatever they are simplified to, and are the same in every process."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from manyfit.kernels._expression import (
    ONE,
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
    rebuild,
    sub,
    substitute,
    symbol,
    to_text,
    total,
    transform,
)
from manyfit.kernels._functions import FUNCTIONS

A, B, C = symbol("a"), symbol("b"), symbol("c")

# -- rational expressions, exactly ---------------------------------------------------------------------------

#: Not zero, and with no small coincidences among them.
POINT = {"a": Fraction(7, 11), "b": Fraction(-13, 5), "c": Fraction(3, 17)}


def exactly(node):
    """The value of a node in rational numbers."""

    def leaf(n):
        return Fraction(n.value) if n.op == "const" else POINT[n.value]

    def combine(n, args):
        if n.op == "product":
            coefficient, exponents = n.value
            return Fraction(coefficient) * math.prod(a**k for a, k in zip(args, exponents, strict=True))
        return args[0] + args[1] if n.op == "sum" else args[0] - args[1]

    return transform(node, leaf, combine)


def is_exact(node):
    """Whether the folded numbers of a node are small enough to be free of rounding."""

    def largest(n, parts):
        own = n.value if n.op == "const" else n.value[0] if n.op == "product" else 0.0
        return max([abs(own), *parts])

    return transform(node, lambda n: largest(n, []) if n.op == "const" else 0.0, largest) < 2**40


leaves = st.one_of(
    st.sampled_from([(symbol(name), value) for name, value in POINT.items()]),
    st.sampled_from([(const(v), Fraction(v)) for v in (-2, -1, -0.5, 0, 0.5, 1, 2, 3)]),
)


def grow(children):
    """Pairs of a node and its value, computed side by side."""
    two = st.tuples(children, children)
    return st.one_of(
        two.map(lambda p: (add(p[0][0], p[1][0]), p[0][1] + p[1][1])),
        two.map(lambda p: (sub(p[0][0], p[1][0]), p[0][1] - p[1][1])),
        two.map(lambda p: (mul(p[0][0], p[1][0]), p[0][1] * p[1][1])),
        children.map(lambda p: (neg(p[0]), -p[1])),
        children.map(lambda p: (int_power(p[0], 2), p[1] ** 2)),
        st.tuples(children, st.sampled_from("abc")).map(lambda p: (div(p[0][0], symbol(p[1])), p[0][1] / POINT[p[1]])),
    )


rational = st.recursive(leaves, grow, max_leaves=12)


@given(rational)
@settings(max_examples=300, deadline=None)
def test_simplified_expressions_are_exactly_the_same_number(pair):
    node, value = pair
    assume(is_exact(node))
    assert exactly(node) == value


@given(rational)
@settings(max_examples=100, deadline=None)
def test_rebuilding_changes_nothing(pair):
    node, value = pair
    again = transform(node, lambda n: n, rebuild)
    assume(is_exact(node))
    assert exactly(again) == value


@given(rational, rational)
@settings(max_examples=100, deadline=None)
def test_substitution_is_evaluation_in_two_steps(outer, inner):
    node, replacement = outer[0], inner[0]
    value = exactly(replacement)
    try:
        replaced = substitute(node, {"a": replacement})
    except ZeroDivisionError:
        assert value == 0
        return
    assert replaced.symbols <= (node.symbols - {"a"}) | replacement.symbols
    if value == 0:
        return  # a quotient of two zeros may have gone
    original = POINT["a"]
    try:
        POINT["a"] = value
        expected = exactly(node)
    finally:
        POINT["a"] = original
    # 1 / 3 is rounded where it becomes a coefficient.
    assert float(exactly(replaced)) == pytest.approx(float(expected), rel=1e-9, abs=1e-9)


@given(rational)
@settings(max_examples=100, deadline=None)
def test_pickling_gives_the_same_node(pair):
    assert pickle.loads(pickle.dumps(pair[0])) is pair[0]


# -- functions, with NumPy -----------------------------------------------------------------------------------

VALUES = {"a": np.array([0.3, 1.1, 2.7]), "b": np.array([1.9, 0.2, 0.8]), "c": np.float64(1.3)}

positive_leaves = st.one_of(
    st.sampled_from([(symbol(name), value) for name, value in VALUES.items()]),
    st.sampled_from([(const(v), np.float64(v)) for v in (0.25, 1.0, 1.5, 3.0)]),
)

UNARY = {"sqrt": np.sqrt, "log1p": np.log1p, "arctan": np.arctan, "tanh": np.tanh, "arcsinh": np.arcsinh}
BINARY = {"hypot": np.hypot, "minimum": np.minimum, "maximum": np.maximum, "arctan2": np.arctan2}


def grow_positive(children):
    """Operations that keep numbers positive, where no digits cancel."""
    two = st.tuples(children, children)
    return st.one_of(
        two.map(lambda p: (add(p[0][0], p[1][0]), p[0][1] + p[1][1])),
        two.map(lambda p: (mul(p[0][0], p[1][0]), p[0][1] * p[1][1])),
        two.map(lambda p: (div(p[0][0], p[1][0]), p[0][1] / p[1][1])),
        st.tuples(children, st.sampled_from([-2.5, -1.0, -0.5, 0.0, 0.5, 1.5, 2.0, 0.3])).map(
            lambda p: (power(p[0][0], const(p[1])), p[0][1] ** p[1])
        ),
        two.map(lambda p: (power(p[0][0], call("tanh", p[1][0])), p[0][1] ** np.tanh(p[1][1]))),
        st.tuples(children, st.sampled_from(sorted(UNARY))).map(lambda p: (call(p[1], p[0][0]), UNARY[p[1]](p[0][1]))),
        st.tuples(children, children, st.sampled_from(sorted(BINARY))).map(
            lambda p: (call(p[2], p[0][0], p[1][0]), BINARY[p[2]](p[0][1], p[1][1]))
        ),
        st.tuples(children, children, children).map(
            lambda p: (
                call("select", call("less", p[0][0], const(0.7123)), p[1][0], p[2][0]),
                np.where(np.less(p[0][1], 0.7123), p[1][1], p[2][1]),
            )
        ),
    )


@given(st.recursive(positive_leaves, grow_positive, max_leaves=10))
@settings(max_examples=300, deadline=None)
def test_evaluation_is_that_of_numpy(pair):
    node, expected = pair
    size = np.abs(np.log(np.where(np.isfinite(expected) & (expected > 0), expected, 1.0)))
    if np.all(np.isfinite(expected)) and np.all(size < 200):
        values = np.broadcast_to(evaluate(node, VALUES), np.shape(expected))
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=0)


# -- the canonical form --------------------------------------------------------------------------------------


def test_equal_parts_are_one_object():
    assert mul(A, B) is mul(B, A)
    assert div(A, B) is mul(A, int_power(B, -1))
    assert mul(mul(A, B), C) is mul(A, mul(B, C))
    assert int_power(mul(const(2.0), A), 2) is mul(const(4.0), mul(A, A))


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (mul(const(-0.5), int_power(sub(A, B), 2)), "-0.5*(a - b)**2"),
        (div(mul(A, B), B), "a"),
        (add(A, A), "2.0*a"),
        (sub(A, A), "0.0"),
        (sub(A, neg(B)), "(a + b)"),
        (add(A, neg(B)), "(a - b)"),
        (add(neg(A), B), "(b - a)"),
        (neg(sub(A, B)), "(b - a)"),
        (mul(A, ZERO), "0.0"),
        (mul(A, ONE), "a"),
        (add(A, ZERO), "a"),
        (sub(ZERO, A), "-1.0*a"),
        (power(A, const(0.5)), "sqrt(a)"),
        (power(A, const(-1.5)), "a**-2*sqrt(a)"),
        (power(A, const(3.0)), "a**3"),
        (power(A, const(17.0)), "pow(a, 17.0)"),
        (power(A, ZERO), "1.0"),
        (power(ONE, A), "1.0"),
        (power(A, B), "pow(a, b)"),
        (call("exp", ZERO), "1.0"),
        (call("select", ONE, A, B), "a"),
        (call("select", call("less", A, B), C, C), "c"),
        (total([A, B, C]), "((a + b) + c)"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_canonical_form(node, text):
    assert to_text(node) == text


def test_division_by_the_constant_zero_is_an_error():
    with pytest.raises(ZeroDivisionError, match="divides by the constant zero"):
        div(A, ZERO)
    with pytest.raises(ZeroDivisionError, match="divides by the constant zero"):
        int_power(ZERO, -1)


def test_wrong_number_of_arguments():
    with pytest.raises(TypeError, match="hypot takes 2 arguments, got 1"):
        call("hypot", A)


def test_unknown_function():
    with pytest.raises(KeyError, match="wobble"):
        call("wobble", A)


def test_constants_are_told_apart():
    assert is_const(const(2.0), 2.0)
    assert not is_const(const(2.0), 3.0)
    assert not is_const(A)
    assert const(math.nan) is const(math.nan)
    assert const(2.0) is not const(2.0000000000000004)


def test_symbols_of_an_expression():
    assert add(mul(A, B), call("exp", A)).symbols == {"a", "b"}
    assert ONE.symbols == frozenset()


def test_deep_expressions_need_no_recursion():
    node = A
    for _ in range(5000):
        node = call("sin", add(node, ONE))
    assert np.isfinite(evaluate(node, {"a": 0.1}))
    assert substitute(node, {"a": B}).symbols == {"b"}


def test_shared_parts_are_read_once():
    node = A
    for _ in range(200):  # as a tree it has 2**200 leaves
        node = add(call("sin", node), call("cos", node))
    assert np.isfinite(evaluate(node, {"a": 0.1}))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_take_numbers_and_arrays(name):
    function = FUNCTIONS[name]
    numbers = [0.3, 0.6, 0.4][: function.arity]
    with np.errstate(invalid="ignore"):
        one = function.evaluate(*numbers)
        many = function.evaluate(*(np.full(3, v) for v in numbers))
    np.testing.assert_allclose(many, np.full(3, float(one)), rtol=1e-15, equal_nan=True)


PROGRAM = """
from astropy.modeling import models
from manyfit.kernels._derive import derivative
from manyfit.models._trace import formula
model = models.Gaussian2D() + models.Moffat2D() * models.Polynomial2D(2)
value = formula(model).value
print(value, value.digest.hex())
for name in model.param_names:
    slope = derivative(value, name)
    print(slope, slope.digest.hex())
"""


def test_expressions_are_the_same_in_every_process():
    def run(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
        ).stdout

    first = run("1")
    assert first.count("\n") == 1 + 6 + 5 + 6
    assert run("2") == first
