"""Sums and products of two floats as rounded value and exact error (Dekker 1971, Numer. Math. 18, 224)."""

from __future__ import annotations

from manyfit.kernels.targets.vector._float import Float, fma


def fast_sum(a: Float, b: Float) -> tuple[Float, Float]:
    """``a + b`` where ``|a| >= |b|`` or ``a`` is 0."""
    total = a.plus(b)
    return total, b.minus(total.minus(a))


def exact_sum(a: Float, b: Float) -> tuple[Float, Float]:
    """``a + b`` in any order."""
    total = a.plus(b)
    b_taken = total.minus(a)
    return total, a.minus(total.minus(b_taken)).plus(b.minus(b_taken))


def exact_product(a: Float, b: Float | float) -> tuple[Float, Float]:
    """``a * b``."""
    product = a.times(b)
    return product, fma(a, b, -product)
