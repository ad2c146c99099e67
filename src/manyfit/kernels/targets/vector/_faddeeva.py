"""Faddeeva function ``w(z) = exp(-z**2) erfc(-i z)`` by the trapezoidal rule with its pole subtracted.

``w(z)`` is an integral over the real axis of ``exp(-t**2) / (z - t)``. The trapezoidal rule with step h
converges as ``exp(-pi**2 / h**2)`` once the residue at ``t = z`` is added for ``y < pi / h`` (Matta &
Reichel 1971, Math. Comp. 25, 339; Hunter & Regan 1972, Math. Comp. 26, 539; Al Azah & Chandler-Wilde 2021,
SIAM J. Numer. Anal. 59, 2346). Of two sets of nodes, ``k h`` and ``(k + 1/2) h``, each point takes the one
that it is farther from. The real part is a sum of positive terms proportional to y and of a residue that is
``exp(-x**2)`` on the real axis, so it keeps its digits however small y is.

Both parts are good to 3e-14 of themselves for ``y >= 0`` and sizes from 0 to 1e30 (larger ones count as
1e30). For ``y < 0`` the reflection ``w(z) = 2 exp(-z**2) - w(-z)`` is good to 1e-13 of its larger term, as
long as that is finite. float32 goes through float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from manyfit.kernels.targets.vector._elementary import elementary
from manyfit.kernels.targets.vector._exp import exp_nonpositive, exp_of_sum
from manyfit.kernels.targets.vector._float import Bits, Float, Truth, choose
from manyfit.kernels.targets.vector._trig import cos, sin
from manyfit.kernels.targets.vector._twofold import exact_product, exact_sum

_STEP = 33 / 64  # few bits, so that x - k h is exact
_N_NODES = 12
_LARGEST = 1e30
_POLE_BELOW = math.pi / _STEP  # in y


def _reference(part: str) -> Callable[..., Any]:
    """Real or imaginary part of `scipy.special.wofz`, imported at its first call."""

    def reference(x: Any, y: Any) -> Any:
        from scipy import special

        return getattr(special.wofz(x + 1j * y), part)

    return reference


@elementary(_reference("real"))
def wofz_re(x: Float, y: Float) -> Float:
    """Real part of the Faddeeva function of ``x + i y``: the Voigt profile but for its normalisation.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import wofz_re
    >>> round(float(wofz_re(1.0, 1.0)), 12)
    0.304744205257
    """
    return _faddeeva(x, y)[0]


@elementary(_reference("imag"))
def wofz_im(x: Float, y: Float) -> Float:
    """Imaginary part of the Faddeeva function of ``x + i y``.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import wofz_im
    >>> round(float(wofz_im(1.0, 1.0)), 12)
    0.208218938203
    """
    return _faddeeva(x, y)[1]


def _faddeeva(x: Float, y: Float) -> tuple[Float, Float]:
    """Both parts; a kernel that uses both computes what they share once."""
    width = x.width
    x, y = x.as_width(64), y.as_width(64)
    right, up = _size(x), _size(y)
    quarter_turns, offset = _nearest_half_node(right)
    real, imaginary = _sum_over_nodes(right, up, (quarter_turns & 1).is_zero())
    gauss_real, gauss_imaginary = _exp_minus_square(right, up)
    pole_real, pole_imaginary = _pole(up, offset)
    inside = (up < _POLE_BELOW) & (right < 40.0)
    real = real + choose(inside, gauss_real * pole_real - gauss_imaginary * pole_imaginary, 0.0)
    imaginary = imaginary + choose(inside, gauss_real * pole_imaginary + gauss_imaginary * pole_real, 0.0)
    below = y < 0.0
    real = choose(below, 2.0 * gauss_real - real, real)
    imaginary = choose(below, imaginary - 2.0 * gauss_imaginary, imaginary)
    imaginary = choose(x < 0.0, -imaginary, imaginary)
    return real.as_width(width), imaginary.as_width(width)


def _size(x: Float) -> Float:
    size = abs(x)
    return choose(size > _LARGEST, _LARGEST, size)


def _nearest_half_node(x: Float) -> tuple[Bits, Float]:
    """Bits of the nearest multiple of half a step (even: a node ``k h``), and `x` minus that multiple."""
    shift = 1.5 * 2.0**x.mantissa
    t = choose(x > 1e3, 1e3, x) * (2.0 / _STEP) + shift
    return t.bits(), x - t.minus(shift) * (_STEP / 2.0)


def _sum_over_nodes(x: Float, y: Float, between: Truth) -> tuple[Float, Float]:
    """The trapezoidal rule: nodes ``(k + 1/2) h`` where `between` holds, else ``k h``; x, y not negative."""
    x2, y2 = x * x, y * y
    difference, radius2 = x2 - y2, x2 + y2
    cross2 = 4.0 * x2 * y2
    plain = squared = x.constant(0.0)
    for k in range(_N_NODES):
        square, weight = _node(k, between, x)
        a = difference - square
        term = weight / (a * a + cross2)
        plain, squared = plain + term, squared + square * term
    scale = 2.0 * _STEP / math.pi
    return scale * y * (radius2 * plain + squared), scale * x * (radius2 * plain - squared)


def _node(k: int, between: Truth, like: Float) -> tuple[Float, Float]:
    """Square and weight of node `k` of the chosen set; the node 0 counts half, as it has no mirror image."""
    square, middle = (k * _STEP) ** 2, ((k + 0.5) * _STEP) ** 2
    weight = math.exp(-square) * (0.5 if k == 0 else 1.0)
    squares = choose(between, like.constant(middle), square)
    return squares, choose(between, like.constant(math.exp(-middle)), weight)


def _exp_minus_square(x: Float, y: Float) -> tuple[Float, Float]:
    """``exp(-z**2)`` with its exponent ``y**2 - x**2`` carried as a sum of two floats."""
    x2, x2_low = exact_product(x, x)
    y2, y2_low = exact_product(y, y)
    exponent, low = exact_sum(y2, -x2)
    size = exp_of_sum(exponent, low + (y2_low - x2_low))
    phase, phase_low = exact_product(2.0 * x, y)
    known = phase < 2.0**49
    phase, phase_low = choose(known, phase, 0.0), choose(known, phase_low, 0.0)
    c, s = cos(phase), sin(phase)
    return size * (c - s * phase_low), -size * (s + c * phase_low)


def _pole(y: Float, offset: Float) -> tuple[Float, Float]:
    """``2 q / (q + 1)``, ``q = exp(2 pi i (offset + i y) / h)``: the residue without its ``exp(-z**2)``."""
    q = exp_nonpositive(y * (-2.0 * math.pi / _STEP))
    angle = choose(abs(offset) < 1.0, offset, 0.0) * (2.0 * math.pi / _STEP)
    c, s = cos(angle), sin(angle)
    q2 = q * q
    doubled = 2.0 / (1.0 + q2 + 2.0 * q * c)
    return doubled * (q2 + q * c), doubled * (q * s)
