"""What a processor does in one or a few instructions: selection, rounding, signs, square root, hypotenuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.core.typing.templates import Signature
from numba.extending import type_callable

from manyfit.kernels.targets.vector._elementary import elementary, lower, signature, widest
from manyfit.kernels.targets.vector._float import Float, choose, with_sign_of


def select(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where `condition` holds, else `no`; both are evaluated, so that no branch is needed.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import select
    >>> float(select(2.0 > 1.0, 3.0, 4.0))
    3.0
    """
    return np.where(condition, yes, no)[()]


def _type_select(_context: Any) -> Callable[..., Signature | None]:
    def typer(condition: types.Type, yes: types.Type, no: types.Type) -> Signature | None:
        kind = widest(yes, no)
        fits = kind is not None and isinstance(condition, types.Boolean)
        return signature(kind, types.boolean, kind, kind) if fits else None

    return typer


def _lower_select(_context: Any, builder: Any, _sig: Signature, args: Any) -> Any:
    return builder.select(*args)


type_callable(select)(_type_select)
lower(select, types.Boolean, types.Float, types.Float)(_lower_select)


@elementary(np.minimum)
def minimum(x: Float, y: Float) -> Float:
    """The lesser of both; NaN if either is.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import minimum
    >>> float(minimum(1.0, 2.0))
    1.0
    """
    return choose(x.is_nan(), x, choose(x < y, x, y))


@elementary(np.maximum)
def maximum(x: Float, y: Float) -> Float:
    """The greater of both; NaN if either is.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import maximum
    >>> float(maximum(1.0, 2.0))
    2.0
    """
    return choose(x.is_nan(), x, choose(x > y, x, y))


@elementary(np.floor)
def floor(x: Float) -> Float:
    """The largest integer not above `x`.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import floor
    >>> float(floor(-0.5))
    -1.0
    """
    return x.intrinsic("floor")


@elementary(np.rint)
def rint(x: Float) -> Float:
    """The nearest integer, the even one of two.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import rint
    >>> float(rint(2.5))
    2.0
    """
    return x.intrinsic("rint")


@elementary(np.abs)
def fabs(x: Float) -> Float:
    """The absolute value.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import fabs
    >>> float(fabs(-2.0))
    2.0
    """
    return abs(x)


@elementary(np.copysign)
def copysign(x: Float, y: Float) -> Float:
    """The size of `x` with the sign of `y`.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import copysign
    >>> float(copysign(2.0, -0.0))
    -2.0
    """
    return with_sign_of(x, y)


@elementary(np.sqrt)
def sqrt(x: Float) -> Float:
    """The square root; NaN for negative `x`.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import sqrt
    >>> float(sqrt(2.0))
    1.4142135623730951
    """
    return x.intrinsic("sqrt")


@elementary(np.hypot)
def hypot(x: Float, y: Float) -> Float:
    """``sqrt(x**2 + y**2)`` without overflow or underflow on the way.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import hypot
    >>> float(hypot(3.0, 4.0))
    5.0
    """
    x, y = abs(x), abs(y)
    largest = choose(x > y, x, y)
    edge, up = 2.0 ** (x.bias // 2 - 2), 2.0 ** (x.bias // 2 + x.mantissa)
    big, small = largest > edge, largest < 1.0 / edge
    scale = choose(big, 1.0 / up, choose(small, x.constant(up), 1.0))
    restore = choose(big, up, choose(small, x.constant(1.0 / up), 1.0))
    x_scaled, y_scaled = x * scale, y * scale
    result = (x_scaled * x_scaled + y_scaled * y_scaled).intrinsic("sqrt") * restore
    return choose(x.equals(np.inf) | y.equals(np.inf), np.inf, result)
