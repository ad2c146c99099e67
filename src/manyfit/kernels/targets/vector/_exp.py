"""Exponentials: reduction by ln 2 (Cody & Waite 1980) and a minimax polynomial of degree 10 (float32: 5).

Largest error 2.4 ulp. Results below the smallest normal number are 0 in `exp` and `exp2`, denormal or 0 in
`exp_nonpositive` and `exp2_nonpositive`.
"""

from __future__ import annotations

import numpy as np

from manyfit.kernels.targets.vector._constants import LN2, LOG2_E, parts
from manyfit.kernels.targets.vector._elementary import elementary
from manyfit.kernels.targets.vector._float import Float, choose
from manyfit.kernels.targets.vector._polynomial import paired

_LN2 = {64: parts(LN2, 64, 2, bits=40), 32: parts(LN2, 32, 2, bits=15)}
# The arguments between which exp is a normal number; beyond them results are 0 and infinity.
_NORMAL = {64: (-708.3964185322641, 709.782712893384), 32: (-87.33654, 88.72283)}

# From tools/minimax.py: exp(r) = 1 + r EXP(r), 2**r = 1 + r EXP2(r), exp(r) = 1 + r + r**2 EXPM1(r).
EXP = {
    64: (
        1.0000000000000056,
        0.4999999999999798,
        0.1666666666656456,
        0.04166666666820497,
        0.008333333382970065,
        0.0013888888528617077,
        0.00019841173050700028,
        2.4801900629639513e-05,
        2.7639202990572768e-06,
        2.7491897981039584e-07,
    ),
    32: (0.9999997, 0.4999915, 0.16667636, 0.04189797, 0.008290327),
}
EXP2 = {
    64: (
        0.6931471805599492,
        0.24022650695909098,
        0.05550410866448127,
        0.009618129107983856,
        0.0013333558225895735,
        0.00015403529993580383,
        1.5252659367964546e-05,
        1.3215653813705234e-06,
        1.0208335165468129e-07,
        7.0381597799502996e-09,
    ),
    32: (0.693147, 0.24022242, 0.05550734, 0.009671533, 0.0013264733),
}
EXPM1 = {
    64: (
        0.5000000000000006,
        0.16666666666666685,
        0.04166666666657361,
        0.008333333333314716,
        0.0013888888932383748,
        0.00019841269902760877,
        2.4801504440508572e-05,
        2.755722819014018e-06,
        2.7626328541713235e-07,
        2.511440048828851e-08,
    ),
    32: (0.5, 0.16666543, 0.04166628, 0.008366584, 0.0013946479),
}


@elementary(np.exp)
def exp(x: Float) -> Float:
    """Exponential function.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import exp
    >>> float(exp(1.0))
    2.718281828459045
    """
    t, _, r = split_by_ln2(x)
    return within_range(x, shift_exponent(exp_polynomial(r), t))


@elementary(np.exp)
def exp_nonpositive(x: Float) -> Float:
    """Exponential function of an argument known to be 0 or less: a little faster than `exp`.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import exp_nonpositive
    >>> float(exp_nonpositive(-1.0))
    0.36787944117144233
    """
    lowest = -(x.bias + 0.4) * float(LN2)  # its power of two is 0
    t, _, r = split_by_ln2(choose(x < lowest, lowest, x), x.bias)
    return exp_polynomial(r) * power_of_two(t)


@elementary(np.exp2)
def exp2(x: Float) -> Float:
    """Two to the power of `x`.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import exp2
    >>> float(exp2(-2.0))
    0.25
    """
    t, r = _split(x, 0)
    result = shift_exponent(r * paired(r, EXP2[x.width]) + 1.0, t)
    smallest, largest = 1.0 - x.bias, x.bias + 1.0
    return choose(x < smallest, 0.0, choose(x < largest, result, x + np.inf))


@elementary(np.exp2)
def exp2_nonpositive(x: Float) -> Float:
    """Two to the power of `x`, known to be 0 or less: the cheapest exponential.

    ``exp(-t * t / 2)`` is ``exp2_nonpositive(-0.5 * LOG2_E * t * t)`` where the constant costs nothing.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import exp2_nonpositive
    >>> float(exp2_nonpositive(-0.5))
    0.7071067811865476
    """
    lowest = -(x.bias + 0.4)
    t, r = _split(choose(x < lowest, lowest, x), x.bias)
    return (r * paired(r, EXP2[x.width]) + 1.0) * power_of_two(t)


@elementary(np.expm1)
def expm1(x: Float) -> Float:
    """Exponential of `x` minus one, precise for small `x`.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import expm1
    >>> float(expm1(1e-20))
    1e-20
    """
    tiny = 2.0 ** -(x.mantissa + 2)
    return choose(abs(x) < tiny, x, 2.0 * half_expm1(x))


def exp_of_sum(high: Float, low: Float) -> Float:
    """``exp(high + low)`` with `low` a few ulp of `high`: half the error of `exp`, and denormal results."""
    lowest, highest = -(high.bias + high.mantissa + 3) * float(LN2), (high.bias + 3) * float(LN2)
    low = choose(abs(high) < highest + 100.0, low, 0.0)
    high = choose(high < lowest, lowest, choose(high > highest, highest, high))
    t, _, r = split_by_ln2(high, 2 * high.bias)
    r = r + low
    both = t.bits() & ((1 << (t.width - t.mantissa)) - 1)  # the exponent fields of two factors of 2**n
    first = both >> 1
    p = r * r * paired(r, EXPM1[r.width]) + r + 1.0
    return p * (first << t.mantissa).float() * ((both - first) << t.mantissa).float()


def half_expm1(x: Float) -> Float:
    """``(exp(x) - 1) / 2``, finite wherever that is."""
    lowest = -(x.mantissa + 4) * float(LN2)
    quarter_power, r = _quarter_power(choose(x < lowest, lowest, x))
    return 2.0 * (quarter_power * (r * r * paired(r, EXPM1[x.width]) + r) + quarter_power.minus(0.25))


def half_exp(x: Float) -> Float:
    """``exp(x) / 2`` for `x` of 0 or more, finite wherever that is."""
    quarter_power, r = _quarter_power(x)
    return 2.0 * (quarter_power * exp_polynomial(r))


def _quarter_power(x: Float) -> tuple[Float, Float]:
    """``2**n / 4, r`` with ``x = n ln 2 + r``: large enough for infinity where exp(x) / 2 is too large."""
    highest = (x.bias + 2.1) * float(LN2)
    t, _, r = split_by_ln2(choose(x > highest, highest, x), x.bias - 2)
    return power_of_two(t), r


def exp_polynomial(r: Float) -> Float:
    """``exp(r)`` for ``|r| <= ln(2) / 2``."""
    return r * paired(r, EXP[r.width]) + 1.0


def split_by_ln2(x: Float, bias: int = 0) -> tuple[Float, Float, Float]:
    """``t, n, r`` with ``x = n ln 2 + r``, ``|r| <= ln(2) / 2``; the low bits of ``t`` hold ``n + bias``."""
    shift = 1.5 * 2.0**x.mantissa + bias
    high, low = _LN2[x.width]
    t = x * float(LOG2_E) + shift
    n = t.minus(shift)
    return t, n, (x - n * high) - n * low


def _split(x: Float, bias: int) -> tuple[Float, Float]:
    """``t, r`` with ``x = n + r``, ``|r| <= 1/2``; the low bits of ``t`` hold ``n + bias``."""
    shift = 1.5 * 2.0**x.mantissa + bias
    t = x.plus(shift)
    return t, x.minus(t.minus(shift))


def shift_exponent(p: Float, t: Float) -> Float:
    """``p * 2**n``, the result normal, from the `t` of a split with bias 0."""
    return (p.bits() + (t.bits() << t.mantissa)).float()


def power_of_two(t: Float) -> Float:
    """``2**n`` from the `t` of a split whose bias is that of the format; 0 for the lowest `n`."""
    return (t.bits() << t.mantissa).float()


def within_range(x: Float, result: Float) -> Float:
    """`result` where ``exp(x)`` is a normal number, 0 below, infinity above, NaN for NaN."""
    smallest, largest = _NORMAL[x.width]
    return choose(x < smallest, 0.0, choose(x <= largest, result, x + np.inf))
