"""Lines of a kernel: what stands before the loop, what inside, and that each part is computed once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.kernels import coordinate, symbol
from manyfit.kernels._expression import (
    Node,
    add,
    call,
    const,
    div,
    evaluate,
    int_power,
    mul,
    power,
    sub,
    transform,
)
from manyfit.kernels._functions import FUNCTIONS
from manyfit.kernels._writer import Writer
from manyfit.kernels.targets import python

X, A, B = coordinate(0), symbol("a"), symbol("b")


def writer(real: str = "float64") -> Writer:
    made = Writer(real, frozenset(["x[0]"]))
    made.names |= {X: "x", A: "a", B: "b"}
    return made


def run(made: Writer, text: str, **values: float) -> float:
    """Execute the lines and evaluate a text, with the functions of the plain target."""
    names = {name: getattr(python, name) for name in made.imports}
    names |= {"float32": np.float32, "inf": np.inf, "nan": np.nan}
    names |= {name: np.float64(value) for name, value in values.items()}
    with np.errstate(all="ignore"):
        exec("\n".join([*made.before, *made.inside]), names)
        return float(eval(text, names))


def leaves() -> st.SearchStrategy[Node]:
    numbers = st.sampled_from([-2.0, -1.0, 0.5, 1.0, 3.0]).map(const)
    return st.one_of(st.sampled_from([X, A, B]), numbers)


def branches(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    two = st.tuples(parts, parts)
    condition = st.sampled_from(["less", "greater_equal", "equal", "not_equal"])
    return st.one_of(
        two.map(lambda p: add(*p)),
        two.map(lambda p: sub(*p)),
        two.map(lambda p: mul(*p)),
        st.tuples(parts, st.integers(2, 5)).map(lambda p: int_power(*p)),
        parts.map(lambda p: div(p, add(const(2.5), int_power(p, 2)))),
        parts.map(lambda p: call("exp", mul(const(-0.5), int_power(p, 2)))),
        parts.map(lambda p: call("arctan", p)),
        st.tuples(condition, parts, parts, parts).map(lambda p: call("select", call(p[0], p[1], p[2]), p[3], p[1])),
    )


@settings(max_examples=150, deadline=None, database=None)
@given(st.recursive(leaves(), branches, max_leaves=12), *[st.sampled_from([-1.7, -0.3, 0.4, 1.2])] * 3)
def test_lines_compute_the_expression(node, x, a, b):
    made = writer()
    text = made.write(node)
    expected = float(evaluate(node, {"x[0]": x, "a": a, "b": b}))
    found = run(made, text, x=x, a=a, b=b)
    if np.isfinite(expected):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None, database=None)
@given(st.recursive(leaves(), branches, max_leaves=12))
def test_nothing_that_varies_stands_before_the_loop(node):
    made = writer()
    made.write(node)
    names: dict[str, float] = {"a": np.float64(0.4), "b": np.float64(1.3)}
    functions = {name: getattr(python, name) for name in made.imports}
    with np.errstate(all="ignore"):
        exec("\n".join(made.before), functions | names)  # a NameError if a line needs x


@settings(max_examples=60, deadline=None, database=None)
@given(st.recursive(leaves(), branches, max_leaves=12))
def test_no_line_is_written_twice(node):
    made = writer()
    made.write(node)
    right = [line.split(" = ", 1)[1] for line in made.before + made.inside]
    assert len(right) == len(set(right))


def test_each_call_once_wherever_it_stands():
    e = call("exp", mul(A, X))
    node = add(mul(e, B), div(e, add(ONE_PLUS, e)))
    made = writer()
    made.write(node)
    assert sum("exp" in line for line in made.inside) == 1


ONE_PLUS = add(const(1.0), A)


def test_constant_part_of_a_product_is_taken_out():
    made = writer()
    made.write(mul(mul(const(2.0), int_power(A, -2)), int_power(X, 2)))
    assert len(made.inside) == 2
    assert not any("a" in line.split(" = ")[1].split("*") for line in made.inside)


def test_powers_are_few_products():
    made = writer()
    made.write(int_power(X, 16))
    assert len(made.inside) <= 6
    assert run(made, made.write(int_power(X, 16)), x=1.1) == pytest.approx(1.1**16, rel=1e-14)


@pytest.mark.parametrize("exponent", [*range(-7, 8), 16, -16, 0.5, -0.5, 1.5, -2.5, 17, 0.3])
def test_powers(exponent):
    made = writer()
    node = power(X, const(float(exponent)))
    assert run(made, made.write(node), x=1.3) == pytest.approx(1.3**exponent, rel=1e-13)


@pytest.mark.parametrize(
    ("argument", "known"),
    [
        (mul(const(-0.5), int_power(X, 2)), True),
        (mul(const(-0.5), mul(int_power(A, 2), int_power(X, -2))), True),
        (mul(const(-1.0), call("fabs", X)), True),
        (mul(const(0.5), int_power(X, 2)), False),
        (mul(const(-0.5), int_power(X, 3)), False),
        (mul(const(-1.0), X), False),
        (sub(X, A), False),
    ],
)
def test_exponentials_that_cannot_overflow(argument, known):
    made = writer()
    made.write(call("exp", argument))
    assert any("nonpositive" in name for name in made.imports) == known


def test_negative_numbers_keep_their_brackets():
    made = writer()
    assert run(made, made.write(sub(X, add(const(-2.0), A))), x=1.0, a=3.0) == 0.0
    assert run(made, made.write(int_power(add(X, const(-2.0)), 2)), x=1.0, a=3.0) == 1.0


def test_float32_has_float32_numbers():
    made = writer("float32")
    text = made.write(mul(const(-0.1), call("exp", add(X, const(2.5)))))
    names = {name: getattr(python, name) for name in made.imports} | {
        "float32": np.float32,
        "x": np.float32(0.3),
    }
    exec("\n".join([*made.before, *made.inside]), names)
    assert isinstance(eval(text, names), np.float32)


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_not"])
@pytest.mark.parametrize(("x", "a"), [(0.0, 1.0), (1.0, 0.0), (2.0, 2.0), (-1.0, -2.0)])
def test_conditions_are_numbers_where_numbers_are_wanted(name, x, a):
    parts = [call("less", X, A), call("greater", X, const(0.5))][: FUNCTIONS[name].arity]
    node = mul(const(3.0), call(name, *parts))
    made = writer()
    found = run(made, made.write(node), x=x, a=a)
    assert found == float(evaluate(node, {"x[0]": x, "a": a}))


def test_condition_of_a_number_is_whether_it_is_not_zero():
    node = call("select", sub(X, A), const(5.0), const(7.0))
    made = writer()
    text = made.write(node)
    assert run(made, text, x=1.0, a=1.0) == 7.0
    assert run(made, text, x=1.0, a=2.0) == 5.0


def test_folding_does_not_recurse():
    """A sum of thousands of terms is deeper than Python's stack."""
    node = X
    for i in range(3000):
        node = add(mul(node, X), const(float(i)))
    assert transform(node, lambda n: 1, lambda n, parts: 1) == 1
