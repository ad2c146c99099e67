"""NumPy and SciPy universal functions as operations on the nodes of an expression."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np

from manyfit.errors import ModelNotCompiled
from manyfit.kernels._expression import (
    ONE,
    ZERO,
    Node,
    add,
    call,
    const,
    div,
    int_power,
    is_const,
    mul,
    neg,
    power,
    sub,
)
from manyfit.kernels._functions import CONDITIONS

Rule = Callable[..., Node]

LARGEST = float(np.finfo(float).max)

#: Universal functions of NumPy with an operation of the same name.
SAME = (
    *("sqrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "hypot", "fabs", "sign"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("floor", "ceil", "rint", "minimum", "maximum"),
    *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
)

#: The same for `scipy.special`.
SAME_IN_SCIPY = ("erf", "erfc", "gamma", "gammaln", "gammaincinv", "j0", "j1")


def is_condition(a: Node) -> bool:
    """Whether a node is 1 or 0 because something is true or false."""
    return a.op in CONDITIONS or is_const(a, 0.0) or is_const(a, 1.0)


def condition(a: Node) -> Node:
    """A node as a condition: a number is true where it is not zero."""
    return a if is_condition(a) else call("not_equal", a, ZERO)


def select(test: Node, a: Node, b: Node) -> Node:
    """``a`` where the test holds, else ``b``."""
    return call("select", condition(test), a, b)


def _both_conditions(a: Node, b: Node) -> bool:
    return a.op in CONDITIONS and b.op in CONDITIONS


def _add(a: Node, b: Node) -> Node:
    # NumPy: True + True is True.
    return call("logical_or", a, b) if _both_conditions(a, b) else add(a, b)


def _bitwise(name: str) -> Rule:
    def rule(*args: Node) -> Node:
        if not all(map(is_condition, args)):
            raise ModelNotCompiled("&, | and ~ are for conditions such as (x > 1), not for numbers")
        return call(name, *args)

    return rule


def _logical(name: str) -> Rule:
    return lambda *args: call(name, *map(condition, args))


def _xor(a: Node, b: Node) -> Node:
    return call("not_equal", condition(a), condition(b))


def _cbrt(a: Node) -> Node:
    root = power(call("fabs", a), const(1.0 / 3.0))
    return select(call("less", a, ZERO), neg(root), root)


def _trunc(a: Node) -> Node:
    return select(call("less", a, ZERO), call("ceil", a), call("floor", a))


def _is_nan(a: Node) -> Node:
    return call("not_equal", a, a)


def _fmin(a: Node, b: Node) -> Node:
    return select(_is_nan(a), b, select(_is_nan(b), a, call("minimum", a, b)))


def _fmax(a: Node, b: Node) -> Node:
    return select(_is_nan(a), b, select(_is_nan(b), a, call("maximum", a, b)))


def _heaviside(a: Node, at_zero: Node) -> Node:
    return select(call("less", a, ZERO), ZERO, select(call("equal", a, ZERO), at_zero, ONE))


def _copysign(a: Node, b: Node) -> Node:
    size = call("fabs", a)
    return select(call("less", b, ZERO), neg(size), size)


def _logaddexp(a: Node, b: Node) -> Node:
    distance = call("fabs", sub(a, b))
    return add(call("maximum", a, b), call("log1p", call("exp", neg(distance))))


def _logaddexp2(a: Node, b: Node) -> Node:
    scale = const(math.log(2.0))
    return div(_logaddexp(mul(a, scale), mul(b, scale)), scale)


def _times(factor: float) -> Rule:
    return lambda a: mul(const(factor), a)


def _floor_divide(a: Node, b: Node) -> Node:
    return call("floor", div(a, b))


NUMPY: dict[str, Rule] = {
    **{name: (lambda *args, name=name: call(name, *args)) for name in SAME},
    "add": _add,
    "subtract": sub,
    "multiply": mul,
    "divide": div,
    "floor_divide": _floor_divide,
    "remainder": lambda a, b: sub(a, mul(b, _floor_divide(a, b))),
    "fmod": lambda a, b: sub(a, mul(b, _trunc(div(a, b)))),
    "power": power,
    "float_power": power,
    "negative": neg,
    "positive": lambda a: a,
    "conjugate": lambda a: a,
    "absolute": lambda a: call("fabs", a),
    "square": lambda a: int_power(a, 2),
    "reciprocal": lambda a: div(ONE, a),
    "cbrt": _cbrt,
    "trunc": _trunc,
    "deg2rad": _times(math.pi / 180.0),
    "radians": _times(math.pi / 180.0),
    "rad2deg": _times(180.0 / math.pi),
    "degrees": _times(180.0 / math.pi),
    "heaviside": _heaviside,
    "copysign": _copysign,
    "fmin": _fmin,
    "fmax": _fmax,
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "isnan": _is_nan,
    "isfinite": lambda a: call("less_equal", call("fabs", a), const(LARGEST)),
    "isinf": lambda a: call("greater", call("fabs", a), const(LARGEST)),
    "logical_and": _logical("logical_and"),
    "logical_or": _logical("logical_or"),
    "logical_not": _logical("logical_not"),
    "logical_xor": _xor,
    "bitwise_and": _bitwise("logical_and"),
    "bitwise_or": _bitwise("logical_or"),
    "bitwise_xor": _xor,
    "invert": _bitwise("logical_not"),
}


def _expit(a: Node) -> Node:
    return div(ONE, add(ONE, call("exp", neg(a))))


def _xlogy(a: Node, b: Node) -> Node:
    return select(call("equal", a, ZERO), ZERO, mul(a, call("log", b)))


def _ndtr(a: Node) -> Node:
    return mul(const(0.5), call("erfc", mul(const(-math.sqrt(0.5)), a)))


def _voigt_profile(x: Node, sigma: Node, gamma: Node) -> Node:
    width = mul(const(math.sqrt(2.0)), sigma)
    height = call("wofz_re", div(x, width), div(gamma, width))
    return div(height, mul(const(math.sqrt(math.pi)), width))


SCIPY: dict[str, Rule] = {
    **{name: (lambda *args, name=name: call(name, *args)) for name in SAME_IN_SCIPY},
    "psi": lambda a: call("digamma", a),
    "expit": _expit,
    "xlogy": _xlogy,
    "ndtr": _ndtr,
    "erfcx": lambda a: call("wofz_re", ZERO, a),
    "voigt_profile": _voigt_profile,
}


def rule_of(ufunc: np.ufunc) -> Rule:
    """The operation of one universal function.

    Raises
    ------
    ModelNotCompiled
        The function has none.
    """
    # By identity: a ufunc made by the user may have the name of one that is known.
    name = ufunc.__name__
    if getattr(np, name, None) is ufunc and name in NUMPY:
        return NUMPY[name]
    special = sys.modules.get("scipy.special")
    if special is not None and getattr(special, name, None) is ufunc and name in SCIPY:
        return SCIPY[name]
    raise ModelNotCompiled(f"the function {name} has no compiled counterpart")
