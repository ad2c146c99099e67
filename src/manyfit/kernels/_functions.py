"""The functions that a formula may contain: how many arguments, and their value by NumPy or SciPy.

The value here is the reference: what the machine code of a target must agree with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Function:
    """One function: its number of arguments and its value on floats or arrays."""

    arity: int
    evaluate: Callable[..., Any]


def _scipy(name: str) -> Callable[..., Any]:
    def evaluate(*args: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*args)

    return evaluate


def _wofz(part: str) -> Callable[..., Any]:
    def evaluate(x: Any, y: Any) -> Any:
        import scipy.special

        return getattr(scipy.special.wofz(np.asarray(x) + 1j * np.asarray(y)), part)

    return evaluate


def gammaincinv_slope(a: Any, p: Any) -> Any:
    """Derivative of the inverse incomplete gamma function by its order, by five-point differences."""
    import scipy.special

    h = 1e-3 * np.asarray(a, dtype=float)
    f = scipy.special.gammaincinv
    return (f(a - 2 * h, p) - 8 * f(a - h, p) + 8 * f(a + h, p) - f(a + 2 * h, p)) / (12 * h)


def gammaincinv_curvature(a: Any, p: Any) -> Any:
    """Second derivative of the inverse incomplete gamma function by its order, by five-point differences."""
    import scipy.special

    h = 1e-2 * np.asarray(a, dtype=float)
    f = scipy.special.gammaincinv
    far, near = f(a - 2 * h, p) + f(a + 2 * h, p), f(a - h, p) + f(a + h, p)
    return (16 * near - far - 30 * f(a, p)) / (12 * h * h)


def trigamma(x: Any) -> Any:
    """Derivative of the digamma function."""
    import scipy.special

    return scipy.special.polygamma(1, x)


def _of(function: Callable[..., Any], arity: int = 1) -> Function:
    return Function(arity, function)


FUNCTIONS: dict[str, Function] = {
    "pow": _of(lambda a, b: np.power(np.asarray(a, dtype=float), b), 2),
    "sqrt": _of(np.sqrt),
    "exp": _of(np.exp),
    "exp2": _of(np.exp2),
    "expm1": _of(np.expm1),
    "log": _of(np.log),
    "log2": _of(np.log2),
    "log10": _of(np.log10),
    "log1p": _of(np.log1p),
    "sin": _of(np.sin),
    "cos": _of(np.cos),
    "tan": _of(np.tan),
    "arcsin": _of(np.arcsin),
    "arccos": _of(np.arccos),
    "arctan": _of(np.arctan),
    "arctan2": _of(np.arctan2, 2),
    "sinh": _of(np.sinh),
    "cosh": _of(np.cosh),
    "tanh": _of(np.tanh),
    "arcsinh": _of(np.arcsinh),
    "arccosh": _of(np.arccosh),
    "arctanh": _of(np.arctanh),
    "hypot": _of(np.hypot, 2),
    "fabs": _of(np.fabs),
    "sign": _of(np.sign),
    "floor": _of(np.floor),
    "ceil": _of(np.ceil),
    "rint": _of(np.rint),
    "minimum": _of(np.minimum, 2),
    "maximum": _of(np.maximum, 2),
    "erf": _of(_scipy("erf")),
    "erfc": _of(_scipy("erfc")),
    "wofz_re": _of(_wofz("real"), 2),
    "wofz_im": _of(_wofz("imag"), 2),
    "gamma": _of(_scipy("gamma")),
    "gammaln": _of(_scipy("gammaln")),
    "digamma": _of(_scipy("digamma")),
    "trigamma": _of(trigamma),
    "gammaincinv": _of(_scipy("gammaincinv"), 2),
    "gammaincinv_slope": _of(gammaincinv_slope, 2),
    "gammaincinv_curvature": _of(gammaincinv_curvature, 2),
    "j0": _of(_scipy("j0")),
    "j1": _of(_scipy("j1")),
    # Conditions are numbers, 1 where true and 0 where not; only `select` and the logic below read them.
    "less": _of(lambda a, b: np.less(a, b) * 1.0, 2),
    "less_equal": _of(lambda a, b: np.less_equal(a, b) * 1.0, 2),
    "greater": _of(lambda a, b: np.greater(a, b) * 1.0, 2),
    "greater_equal": _of(lambda a, b: np.greater_equal(a, b) * 1.0, 2),
    "equal": _of(lambda a, b: np.equal(a, b) * 1.0, 2),
    "not_equal": _of(lambda a, b: np.not_equal(a, b) * 1.0, 2),
    "logical_and": _of(lambda a, b: np.logical_and(a, b) * 1.0, 2),
    "logical_or": _of(lambda a, b: np.logical_or(a, b) * 1.0, 2),
    "logical_not": _of(lambda a: np.logical_not(a) * 1.0),
    "select": _of(np.where, 3),
}

#: Functions whose value is a condition.
CONDITIONS = frozenset(
    {
        *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
        *("logical_and", "logical_or", "logical_not"),
    }
)
