"""Estimates of the scatter of stars about the model, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import unknown_name

from ._scatter_kernel import likeliest, mean_one, median_one

Estimator = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]], None]

ESTIMATORS: dict[str, Estimator] = {"ml": likeliest, "mean": mean_one, "median": median_one}
"""How s2 is found. ml: the likeliest. mean, median: the s2 for which that of chi-squared over the stars is one; they
are the conventions of published programs (the median of chi-squared is 0.455 for a right s2, so it finds far too
little scatter)."""


def estimator(name: str) -> Estimator:
    """The estimator with a name: "ml", "mean" or "median".

    Raises
    ------
    InputError
        For another name.
    """
    if name not in ESTIMATORS:
        raise unknown_name("scatter", name, ESTIMATORS)
    return ESTIMATORS[name]
