"""Two orders of evaluating a polynomial: fewest operations, and a shorter chain of dependent ones."""

from __future__ import annotations

from collections.abc import Sequence

from manyfit.kernels.targets.vector._float import Float


def horner(x: Float, coefficients: Sequence[float]) -> Float:
    """The polynomial with `coefficients` from the lowest order up: fewest operations."""
    total = x.constant(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


def paired(x: Float, coefficients: Sequence[float]) -> Float:
    """The same polynomial as pairs ``a + b x`` summed by Horner's rule in ``x**2``: half as long a chain."""
    pairs = [coefficients[i : i + 2] for i in range(0, len(coefficients), 2)]
    square = x * x
    total: Float | None = None
    for pair in reversed(pairs):
        term = horner(x, pair)
        total = term if total is None else total * square + term
    return x.constant(0.0) if total is None else total
