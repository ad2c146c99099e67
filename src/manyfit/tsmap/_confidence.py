"""Levels of TS that belong to confidences."""

from __future__ import annotations

from math import log
from statistics import NormalDist

from manyfit.errors import InputError


def one_sided_level(confidence: float) -> float:
    """How far TS falls from its maximum up to a one-sided limit: the square of the normal quantile.

    Examples
    --------
    >>> round(one_sided_level(0.95), 6)
    2.705543
    """
    if not 0.5 < confidence < 1.0:
        raise InputError(f"confidence is {confidence}. Give a number between 0.5 and 1, such as 0.95.")
    return NormalDist().inv_cdf(confidence) ** 2


def containment_level(containment: float) -> float:
    """How far TS falls from its peak up to the edge of a region that holds the true position, by Wilks' theorem.

    The quantile of chi-square with two degrees of freedom, longitude and latitude.

    Examples
    --------
    >>> round(containment_level(0.9), 3)
    4.605
    """
    if not 0.0 < containment < 1.0:
        raise InputError(f"containment is {containment}. Give a number between 0 and 1, such as 0.9.")
    return -2.0 * log(1.0 - containment)
