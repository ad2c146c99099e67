"""Sine, cosine and tangent: reduction by pi/2 in three parts with fused multiply-adds (Cody & Waite 1980).

The reduced argument is exact to 2e-33 times the number of quarter turns: up to ``|x| = 1e5`` the error is
below 4 ulp, beyond it is below 4 ulp or 1e-17 in absolute terms. Past ``|x| = 2**50`` (float32: 2**21),
where neighbouring arguments are a quarter apart, the result is NaN. A zero has no sign.
"""

from __future__ import annotations

import numpy as np

from manyfit.kernels.targets.vector._constants import PI, parts
from manyfit.kernels.targets.vector._elementary import elementary
from manyfit.kernels.targets.vector._float import Bits, Float, choose, fma
from manyfit.kernels.targets.vector._polynomial import horner

_HALF_PI = {64: parts(PI / 2, 64, 3), 32: parts(PI / 2, 32, 3)}

# From tools/minimax.py: sin(r) = r + r**3 SIN(r**2), cos(r) = 1 - r**2 / 2 + r**4 COS(r**2).
SIN = {
    64: (
        -0.16666666666666632,
        0.008333333333322413,
        -0.00019841269829807425,
        2.7557313691786044e-06,
        -2.5050758093976333e-08,
        1.5896794373931718e-10,
    ),
    32: (-0.16666655, 0.008332178, -0.00019517234),
}
COS = {
    64: (
        0.0416666666666666,
        -0.0013888888888874125,
        2.4801587289482984e-05,
        -2.755731435251318e-07,
        2.087572329278428e-09,
        -1.1359648624108036e-11,
    ),
    32: (0.041666646, -0.0013887367, 2.4438385e-05),
}


@elementary(np.sin)
def sin(x: Float) -> Float:
    """Sine of `x` in radians.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import sin
    >>> float(sin(0.5))
    0.479425538604203
    """
    quadrant, s, c = _sin_cos(x)
    return _with_sign(choose((quadrant & 1).is_zero(), s, c), quadrant)


@elementary(np.cos)
def cos(x: Float) -> Float:
    """Cosine of `x` in radians.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import cos
    >>> float(cos(0.5))
    0.8775825618903728
    """
    quadrant, s, c = _sin_cos(x)
    return _with_sign(choose((quadrant & 1).is_zero(), c, s), quadrant + 1)


@elementary(np.tan)
def tan(x: Float) -> Float:
    """Tangent of `x` in radians.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import tan
    >>> float(tan(0.5))
    0.5463024898437905
    """
    quadrant, s, c = _sin_cos(x)
    even = (quadrant & 1).is_zero()
    return choose(even, s, -c) / choose(even, c, s)


def _sin_cos(x: Float) -> tuple[Bits, Float, Float]:
    """Bits whose lowest two count quarter turns, and sine and cosine of what is left."""
    x = choose(abs(x) <= 2.0 ** (x.mantissa - 2), x, np.nan)
    shift = 1.5 * 2.0**x.mantissa
    t = x * float(2 / PI) + shift
    n = t.minus(shift)
    r = x
    for part in _HALF_PI[x.width]:
        r = fma(n, -part, r)
    return t.bits(), sin_polynomial(r), cos_polynomial(r)


def sin_polynomial(r: Float) -> Float:
    """``sin(r)`` for ``|r| <= pi / 4``."""
    u = r * r
    return (r * u) * horner(u, SIN[r.width]) + r


def cos_polynomial(r: Float) -> Float:
    """``cos(r)`` for ``|r| <= pi / 4``."""
    u = r * r
    return (u * u) * horner(u, COS[r.width]) + (1.0 - 0.5 * u)


def _with_sign(value: Float, half_turns: Bits) -> Float:
    """`value` negative where the second lowest bit of `half_turns` is set."""
    return (value.bits() ^ ((half_turns & 2) << (value.width - 2))).float()
