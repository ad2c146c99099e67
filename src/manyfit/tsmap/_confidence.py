"""Levels of TS that belong to confidences."""

from __future__ import annotations

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
