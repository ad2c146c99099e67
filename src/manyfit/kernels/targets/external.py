"""Functions that are not vectorised: SciPy's special functions called by address, and a few of the C library's.

They stand in few models, mostly before the loop over points. The address is registered under a name, so that compiled
code on disk finds the function in every process.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import types
from numba.extending import get_cython_function_address

#: name -> symbol of scipy.special.cython_special and number of arguments
SCIPY = {
    "gamma": ("__pyx_fuse_1gamma", 1),
    "gammaln": ("gammaln", 1),
    "digamma": ("__pyx_fuse_1psi", 1),
    "gammaincinv": ("gammaincinv", 2),
    "j0": ("j0", 1),
    "j1": ("j1", 1),
}


def _from_scipy(name: str) -> Any:
    symbol, arity = SCIPY[name]
    llvm.add_symbol(f"manyfit_{name}", get_cython_function_address("scipy.special.cython_special", symbol))
    return types.ExternalFunction(f"manyfit_{name}", types.float64(*[types.float64] * arity))


def _inlined(function: Callable[..., float]) -> Any:
    return numba.njit(error_model="numpy")(function)


gamma, gammaln, digamma = map(_from_scipy, ["gamma", "gammaln", "digamma"])
gammaincinv, j0, j1 = map(_from_scipy, ["gammaincinv", "j0", "j1"])


@_inlined
def gammaincinv_slope(a: float, p: float) -> float:
    """Derivative of the inverse incomplete gamma function by its order, by five-point differences."""
    h = 1e-3 * a
    near = gammaincinv(a + h, p) - gammaincinv(a - h, p)
    far = gammaincinv(a + 2 * h, p) - gammaincinv(a - 2 * h, p)
    return (8 * near - far) / (12 * h)  # type: ignore[no-any-return]


@_inlined
def gammaincinv_curvature(a: float, p: float) -> float:
    """Second derivative of the inverse incomplete gamma function by its order, by five-point differences."""
    h = 1e-2 * a
    near = gammaincinv(a + h, p) + gammaincinv(a - h, p)
    far = gammaincinv(a + 2 * h, p) + gammaincinv(a - 2 * h, p)
    return (16 * near - far - 30 * gammaincinv(a, p)) / (12 * h * h)  # type: ignore[no-any-return]


@_inlined
def trigamma(x: float) -> float:
    """Derivative of the digamma function: reflection, recurrence up to 8, asymptotic series (DLMF 5.15)."""
    y = x if x >= 0.5 else 1.0 - x
    total = 0.0
    while y < 8.0:
        total += 1.0 / (y * y)
        y += 1.0
    r = 1.0 / (y * y)
    series = r * (1 / 6 - r * (1 / 30 - r * (1 / 42 - r * (1 / 30 - r * (5 / 66 - r * 691 / 2730)))))
    total += (1.0 + 0.5 / y + series) / y
    return total if x >= 0.5 else (math.pi / math.sin(math.pi * x)) ** 2 - total


@_inlined
def arcsinh(x: float) -> float:
    """Inverse hyperbolic sine."""
    return math.asinh(x)


@_inlined
def arccosh(x: float) -> float:
    """Inverse hyperbolic cosine."""
    return math.acosh(x) if x >= 1.0 else math.nan


@_inlined
def arctanh(x: float) -> float:
    """Inverse hyperbolic tangent."""
    return math.atanh(x) if abs(x) < 1.0 else (x * math.inf if abs(x) == 1.0 else math.nan)


@_inlined
def ceil(x: float) -> float:
    """Smallest whole number that is not less."""
    return -math.floor(-x) * 1.0


@_inlined
def sign(x: float) -> float:
    """-1, 0 or 1; NaN of NaN."""
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else x)
