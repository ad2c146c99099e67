"""The statistics that can be minimised, each as the terms of one point.

A statistic is a sum over points of a term that depends on the model value ``f``, the datum ``y`` and the weight ``w``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from manyfit.kernels._expression import ONE, ZERO, Node, call, const, div, int_power, mul, sub, symbol

DATUM, WEIGHT = symbol("y[i]"), symbol("w[i]")


@dataclass(frozen=True)
class Terms:
    """One point's part of a statistic ``S``.

    Attributes
    ----------
    factor
        The term of ``S``; where `has_slope` is set it is still to be multiplied by `slope`.
    slope
        Half the derivative of the term by ``f``: the half gradient is ``sum slope * df/dp``.
    weight
        Half the expected second derivative by ``f``: the normal matrix is ``sum weight * df/dp_i df/dp_j``.
    curvature
        Half the second derivative by ``f`` as observed.
    has_slope
        Whether the term is ``factor * slope``, which saves an operation for chi2.
    """

    factor: Node
    slope: Node
    weight: Node
    curvature: Node
    has_slope: bool

    @property
    def is_curved(self) -> bool:
        """Whether errors are taken from the observed information and not from the normal matrix."""
        return self.weight is not self.curvature


def chi2(value: Node, weight: Node) -> Terms:
    """``sum w (f - y)^2`` with ``w`` the inverse variance of a point."""
    residual = sub(value, DATUM)
    return Terms(residual, mul(weight, residual), weight, weight, has_slope=True)


def cash(value: Node, weight: Node) -> Terms:
    """``2 sum (f - y ln f)`` for Poisson counts (Cash 1979, ApJ 228, 939).

    A model below zero, or zero where there are counts, has no likelihood: the term is not finite there and the solver
    steps back.
    """
    del weight
    has_counts = call("greater", DATUM, ZERO)
    log_term = call("select", has_counts, mul(DATUM, call("log", value)), ZERO)
    term = mul(const(2.0), sub(value, log_term))
    possible = call("greater_equal", value, ZERO)
    ratio = call("select", has_counts, div(DATUM, value), ZERO)
    inverse = call("select", call("greater", value, ZERO), int_power(value, -1), ZERO)
    return Terms(
        factor=call("select", possible, term, const(float("nan"))),
        slope=sub(ONE, ratio),
        weight=inverse,
        curvature=mul(ratio, inverse),
        has_slope=False,
    )


STATISTICS: dict[str, Callable[[Node, Node], Terms]] = {"chi2": chi2, "cash": cash}
