"""Power of two floats, through a logarithm carried as a sum of two floats."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from manyfit.kernels.targets.vector._constants import LN2, parts
from manyfit.kernels.targets.vector._elementary import elementary
from manyfit.kernels.targets.vector._exp import exp_of_sum
from manyfit.kernels.targets.vector._float import Float, Truth, choose, fma, with_sign_of
from manyfit.kernels.targets.vector._log import split_by_two
from manyfit.kernels.targets.vector._polynomial import paired
from manyfit.kernels.targets.vector._twofold import exact_product, fast_sum

_LN2 = {64: parts(LN2, 64, 2, bits=40), 32: parts(LN2, 32, 2, bits=15)}
_TWO_THIRDS = {64: parts(Fraction(2, 3), 64, 2), 32: parts(Fraction(2, 3), 32, 2)}

# From tools/minimax.py: 2 atanh(s) = 2 s + 2/3 s**3 + s**5 POW(s**2).
POW = {
    64: (
        0.39999999999999986,
        0.28571428571442004,
        0.22222222218164234,
        0.18181818804484565,
        0.15384560791501387,
        0.13336183594947978,
        0.11677259822147942,
        0.11970550611215096,
    ),
    32: (0.39999998, 0.2857187, 0.22185174, 0.19465482),
}


@elementary(np.power)
def pow(x: Float, y: Float) -> Float:  # noqa: A001
    """`x` to the power of `y`, special values as in IEEE 754: NaN for negative `x` unless `y` is an integer.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import pow
    >>> float(pow(-2.0, 3.0))
    -8.0
    """
    size = abs(x)
    high, low = _log_twofold(size)
    high = choose(size < np.inf, choose(size > 0.0, high, -np.inf), size)
    product, error = exact_product(y, high)
    result = exp_of_sum(product, fma(y, low, error))
    result = choose(y.equals(0.0) | size.equals(1.0), 1.0, result)
    integer, odd = _parity(y)
    result = choose(odd, with_sign_of(result, x), result)
    return choose((x < 0.0) & ~integer & (size < np.inf), np.nan, result)


def _log_twofold(x: Float) -> tuple[Float, Float]:
    """The logarithm of positive `x` as a sum of two floats, to 2**-66 (float32: 2**-36) of itself."""
    k, z = split_by_two(x)
    s, s_low = _ratio(z)
    square, square_low = exact_product(s, s)
    square_low = square_low + 2.0 * s * s_low
    cube, cube_low = exact_product(square, s)
    cube_low = cube_low + (square_low * s + square * s_low)
    c, c_low = _TWO_THIRDS[x.width]
    third, third_low = exact_product(cube, c)
    third_low = third_low + (cube_low * c + cube * c_low)
    ln2, ln2_low = _LN2[x.width]
    total, error = fast_sum(k.times(ln2), s.times(2.0))
    total, error2 = fast_sum(total, third)
    tail = cube * square * paired(square, POW[x.width]) + (third_low + 2.0 * s_low + k * ln2_low)
    return fast_sum(total, error.plus(error2).plus(tail))


def _ratio(z: Float) -> tuple[Float, Float]:
    """``(z - 1) / (z + 1)`` as a sum of two floats."""
    f, d = z.minus(1.0), z.plus(1.0)
    d_low = z.minus(d.minus(1.0))
    inverse = 1.0 / d
    s = f.times(inverse)
    remainder = fma(-s, d_low, fma(-s, d, f))
    return s, remainder * inverse


def _parity(y: Float) -> tuple[Truth, Truth]:
    """Whether `y` is an integer, and whether an odd one."""
    half = y * 0.5
    integer = y.equals(y.intrinsic("rint"))
    return integer, integer & ~half.equals(half.intrinsic("rint"))
