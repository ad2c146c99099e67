"""Hyperbolic functions from ``(exp(x) - 1) / 2``: small arguments stay precise and large ones finite."""

from __future__ import annotations

import numpy as np

from manyfit.kernels.targets.vector._elementary import elementary
from manyfit.kernels.targets.vector._exp import half_exp, half_expm1
from manyfit.kernels.targets.vector._float import Float, choose, with_sign_of


@elementary(np.sinh)
def sinh(x: Float) -> Float:
    """Hyperbolic sine.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import sinh
    >>> float(sinh(0.0))
    0.0
    """
    size = abs(x)
    half = half_expm1(size)
    small = size < 2.0**-x.mantissa
    result = choose(half < 2.0**x.mantissa, half + half / (2.0 * half + 1.0), half)
    return with_sign_of(choose(small, size, result), x)


@elementary(np.cosh)
def cosh(x: Float) -> Float:
    """Hyperbolic cosine.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import cosh
    >>> float(cosh(0.0))
    1.0
    """
    half = half_exp(abs(x))
    return half + 0.25 / half


@elementary(np.tanh)
def tanh(x: Float) -> Float:
    """Hyperbolic tangent.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import tanh
    >>> float(tanh(0.0))
    0.0
    """
    size = abs(x)
    half = half_expm1(-2.0 * size)
    small = size < 2.0**-x.mantissa
    return with_sign_of(choose(small, size, -half / (1.0 + half)), x)
