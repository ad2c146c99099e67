"""Inverse trigonometric functions: reduction to a part of the range, then an odd minimax polynomial."""

from __future__ import annotations

import numpy as np

from manyfit.kernels.targets.vector._constants import PI, parts
from manyfit.kernels.targets.vector._elementary import elementary
from manyfit.kernels.targets.vector._float import Float, Truth, choose, with_sign_of
from manyfit.kernels.targets.vector._polynomial import horner

_PI = {64: parts(PI, 64, 2), 32: parts(PI, 32, 2)}
_TAN_EIGHTH_PI = 0.41421356237309503

# From tools/minimax.py: atan(t) = t + t**3 ATAN(t**2), asin(s) = s + s**3 ASIN(s**2).
ATAN = {
    64: (
        -0.333333333333332,
        0.19999999999954005,
        -0.1428571428024015,
        0.11111110785694502,
        -0.09090897823089827,
        0.07692061390104676,
        -0.06663117481674477,
        0.05847987178254789,
        -0.050397449983014465,
        0.03807570674178199,
        -0.01791935441391837,
    ),
    32: (-0.33333316, 0.19998488, -0.14243828, 0.10595836, -0.060830075),
}
ASIN = {
    64: (
        0.16666666666665383,
        0.07500000000342942,
        0.04464285682355716,
        0.03038195932845596,
        0.022371753585033502,
        0.017359770245769762,
        0.013884606340838903,
        0.012173231568148483,
        0.006511044020845313,
        0.019573423778114888,
        -0.016293372526897946,
        0.03195851948694153,
    ),
    32: (0.16666754, 0.07495242, 0.045477074, 0.02414769, 0.042218447),
}


@elementary(np.arctan)
def arctan(x: Float) -> Float:
    """Inverse tangent, between -pi/2 and pi/2.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import arctan
    >>> float(arctan(1.0))
    0.7853981633974483
    """
    return with_sign_of(_angle(abs(x), x.constant(1.0)), x)


@elementary(np.arctan2)
def arctan2(y: Float, x: Float) -> Float:
    """Angle of the point (`x`, `y`), between -pi and pi, special values as in C.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import arctan2
    >>> float(arctan2(1.0, -1.0))
    2.356194490192345
    """
    pi, pi_low = _PI[x.width]
    opposite, adjacent = _without_overflow(abs(y), abs(x))
    angle = _angle(opposite, choose(opposite.equals(0.0) & adjacent.equals(0.0), 1.0, adjacent))
    in_front = (x.bits() >> (x.width - 1)).is_zero() | x.is_nan()
    return with_sign_of(choose(in_front, angle, pi - (angle - pi_low)), y)


@elementary(np.arcsin)
def arcsin(x: Float) -> Float:
    """Inverse sine, NaN outside -1 to 1.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import arcsin
    >>> float(arcsin(1.0))
    1.5707963267948966
    """
    pi, pi_low = _PI[x.width]
    far, p = _arcsin_of_near_part(abs(x))
    return with_sign_of(choose(far, pi / 2 - (2.0 * p - pi_low / 2), p), x)


@elementary(np.arccos)
def arccos(x: Float) -> Float:
    """Inverse cosine, between 0 and pi, NaN outside -1 to 1.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import arccos
    >>> float(arccos(0.0))
    1.5707963267948966
    """
    pi, pi_low = _PI[x.width]
    far, p = _arcsin_of_near_part(abs(x))
    wide = choose(x < 0.0, pi - (2.0 * p - pi_low), 2.0 * p)
    return choose(far, wide, pi / 2 - (with_sign_of(p, x) - pi_low / 2))


def _angle(opposite: Float, adjacent: Float) -> Float:
    """Angle of a triangle with these sides, neither negative: turned by 0, pi/4 or pi/2 to at most pi/8."""
    pi, pi_low = _PI[opposite.width]
    low = opposite <= _TAN_EIGHTH_PI * adjacent
    high = opposite > (2.0 + _TAN_EIGHTH_PI) * adjacent
    top = choose(low, opposite, choose(high, -adjacent, opposite - adjacent))
    bottom = choose(low, adjacent, choose(high, opposite, opposite + adjacent))
    turn = choose(low, 0.0, choose(high, opposite.constant(pi / 2), pi / 4))
    turn_low = choose(low, 0.0, choose(high, opposite.constant(pi_low / 2), pi_low / 4))
    t = top / bottom
    u = t * t
    return turn + (t + (t * u * horner(u, ATAN[t.width]) + turn_low))


def _without_overflow(a: Float, b: Float) -> tuple[Float, Float]:
    """Two sizes, both made smaller where their sum could overflow, and 1 where both are infinite."""
    both = a.equals(np.inf) & b.equals(np.inf)
    a, b = choose(both, 1.0, a), choose(both, 1.0, b)
    edge = 2.0 ** (a.bias - 2)
    scale = choose((a > edge) | (b > edge), a.constant(0.125), 1.0)
    return a * scale, b * scale


def _arcsin_of_near_part(size: Float) -> tuple[Truth, Float]:
    """Whether `size` is over 1/2, and arcsin of `size` (not over) or of ``sqrt((1 - size) / 2)`` (over)."""
    from_one = 0.5 - 0.5 * size
    far = size > 0.5
    u = choose(far, from_one, size * size)
    s = choose(far, from_one.intrinsic("sqrt"), size)
    return far, s + s * u * horner(u, ASIN[s.width])
