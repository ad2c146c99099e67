"""Logarithms: the argument split as ``2**k z`` with z near 1, then ``log z = 2 atanh((z - 1) / (z + 1))``."""

from __future__ import annotations

import numpy as np

from manyfit.kernels.targets.vector._constants import LN2, LOG2_E, LOG10_2, LOG10_E, parts
from manyfit.kernels.targets.vector._elementary import elementary
from manyfit.kernels.targets.vector._float import Float, choose
from manyfit.kernels.targets.vector._polynomial import paired

_LN2 = {64: parts(LN2, 64, 2, bits=40), 32: parts(LN2, 32, 2, bits=15)}
_LOG10_2 = {64: parts(LOG10_2, 64, 2, bits=40), 32: parts(LOG10_2, 32, 2, bits=15)}
_ROOT_HALF_BITS = {64: 0x3FE6A09E667F3BCD, 32: 0x3F3504F3}

# From tools/minimax.py: 2 atanh(s) = 2 s + s**3 LOG(s**2).
LOG = {
    64: (
        0.6666666666666734,
        0.39999999999414115,
        0.2857142874253703,
        0.22222198555815476,
        0.1818356532088966,
        0.1531402297908574,
        0.1479624514874237,
    ),
    32: (0.66666776, 0.39977536, 0.2987195),
}


@elementary(np.log)
def log(x: Float) -> Float:
    """Natural logarithm: -inf at 0, NaN below.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import log
    >>> float(log(10.0))
    2.302585092994046
    """
    k, z = split_by_two(x)
    return _within_domain(x, _sum(k, _LN2[x.width], *_rest(z.minus(1.0))))


@elementary(np.log1p)
def log1p(x: Float) -> Float:
    """Natural logarithm of ``1 + x``, precise for small `x`.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import log1p
    >>> float(log1p(1e-20))
    1e-20
    """
    u = x.plus(1.0)
    lost = choose(x < 1.0, x.minus(u.minus(1.0)), u.constant(1.0).minus(u.minus(x)))
    k, z = split_by_two(u)
    inverse_power = z / u
    f = z.minus(1.0) + lost * inverse_power
    return choose(x.equals(0.0), x, _within_domain(u, _sum(k, _LN2[x.width], *_rest(f))))


@elementary(np.log2)
def log2(x: Float) -> Float:
    """Logarithm to base 2, exact for powers of two.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import log2
    >>> float(log2(8.0))
    3.0
    """
    k, z = split_by_two(x)
    f, rest = _rest(z.minus(1.0))
    high, low = parts(LOG2_E, x.width, 2)
    return _within_domain(x, k + ((f - rest) * high + (f - rest) * low))


@elementary(np.log10)
def log10(x: Float) -> Float:
    """Logarithm to base 10.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import log10
    >>> float(log10(100.0))
    2.0
    """
    k, z = split_by_two(x)
    f, rest = _rest(z.minus(1.0))
    high, low = _LOG10_2[x.width]
    return _within_domain(x, k * high + (k * low + (f - rest) * float(LOG10_E)))


def split_by_two(x: Float) -> tuple[Float, Float]:
    """Return ``k, z`` with ``x = 2**k z`` and z between the roots of 1/2 and 2, for positive finite `x`."""
    m, bias = x.mantissa, x.bias
    denormal = x < 2.0 ** (1 - bias)
    bits = choose(denormal, x * 2.0 ** (m + 2), x).bits()
    exponent = bits + ((bias << m) - _ROOT_HALF_BITS[x.width])
    z = (bits - (exponent & -(1 << m)) + (bias << m)).float()
    k = ((exponent >> m) | ((bias + m) << m)).float()  # 2**m + k + bias
    offset = x.constant(2.0**m + bias)
    return k.minus(choose(denormal, offset.plus(m + 2.0), offset)), z


def _rest(f: Float) -> tuple[Float, Float]:
    """``f`` and ``f - log(1 + f)``: the second is small beside the first."""
    s = f / (2.0 + f)
    u = s * s
    return f, s * (f - u * paired(u, LOG[f.width]))


def _sum(k: Float, unit: tuple[float, ...], f: Float, rest: Float) -> Float:
    high, low = unit
    return k * high - ((rest - k * low) - f)


def _within_domain(x: Float, result: Float) -> Float:
    edge = choose(x.equals(0.0), x.constant(-np.inf), np.nan)
    return choose(x > 0.0, choose(x < np.inf, result, x), edge)
