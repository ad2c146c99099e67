"""Warnings about the labels of a star: bits that say why they may be wrong though the fit converged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from ._label_table import LabelTable
from ._model import CannonModel

Floats = NDArray[np.float64]


class LabelFlag(IntFlag):
    """Why labels may be wrong.

    >>> LabelFlag(5)
    <LabelFlag.OUTSIDE_RANGE|HIGH_LEVERAGE: 5>
    """

    OUTSIDE_RANGE = 1
    FAR_FROM_TRAINING = 2
    HIGH_LEVERAGE = 4
    POOR_FIT = 8
    POOR_CHIP = 16
    SEVERAL_MINIMA = 32


FLAG_SENTENCES: dict[LabelFlag, str] = {
    LabelFlag.OUTSIDE_RANGE: "A label is outside of the range of the training labels.",
    LabelFlag.FAR_FROM_TRAINING: "The labels are far from the training labels, in units of their covariance.",
    LabelFlag.HIGH_LEVERAGE: "The model extrapolates: the errors of its coefficients are as large as its scatter.",
    LabelFlag.POOR_FIT: "Chi-squared is too large for the number of pixels.",
    LabelFlag.POOR_CHIP: "Chi-squared is too large in at least one chip.",
    LabelFlag.SEVERAL_MINIMA: "Other labels fit nearly as well.",
}


@dataclass(frozen=True)
class FlagLimits:
    """Where flags begin.

    Attributes
    ----------
    mahalanobis
        Largest distance from the mean of the training labels. Default: that which a thousandth of normally
        distributed training stars are beyond.
    leverage
        Largest leverage. At 1 the variance of the prediction by errors of the coefficients is that of one star.
    reduced_chi2
        Largest chi-squared for each degree of freedom, in the whole spectrum and in a chip, if it is also five standard
        deviations above one.
    gap
        Another minimum counts if its chi-squared is higher by less than this times the reduced chi-squared.
    """

    mahalanobis: float | None = None
    leverage: float = 1.0
    reduced_chi2: float = 3.0
    gap: float = 25.0


SIGNIFICANT = 5.0  # standard deviations of chi-squared
RARE = 0.999  # part of training stars that are nearer than the limit


def mahalanobis(model: CannonModel, labels: Floats) -> Floats:
    """Distance from the mean of the training labels in units of their covariance, (N,)."""
    offset = labels - model.training.mean
    inverse = np.linalg.pinv(model.training.covariance, hermitian=True)
    distance: Floats = np.sqrt(np.einsum("ni,ij,nj->n", offset, inverse, offset))
    return distance


def leverage(model: CannonModel, labels: Floats) -> Floats:
    """Leverage ``v (V^T V)^-1 v`` of each star in the training design, (N,)."""
    terms = model.vectorizer.design(model.scaling.to_scaled(labels))
    values: Floats = np.einsum("ni,ij,nj->n", terms, model.training.leverage, terms)
    return values


def flags_of(model: CannonModel, table: LabelTable, gap: Floats, limits: FlagLimits) -> NDArray[np.int64]:
    """Bits of `LabelFlag` for each star; none for stars without labels."""
    labels, training = table.labels, model.training
    with np.errstate(invalid="ignore"):
        true = {
            LabelFlag.OUTSIDE_RANGE: np.any((labels < training.minimum) | (labels > training.maximum), axis=1),
            LabelFlag.FAR_FROM_TRAINING: table.mahalanobis > _farthest(limits, labels.shape[1]),
            LabelFlag.HIGH_LEVERAGE: table.leverage > limits.leverage,
            LabelFlag.POOR_FIT: is_poor(table.chi2, table.dof, limits.reduced_chi2),
            LabelFlag.POOR_CHIP: is_poor(table.chip_chi2, table.chip_pixels, limits.reduced_chi2).any(axis=1),
            LabelFlag.SEVERAL_MINIMA: gap < limits.gap * np.maximum(table.reduced_chi2, 1.0),
        }
    flags = np.zeros(len(labels), dtype=np.int64)
    for bit, where in true.items():
        flags[where] |= int(bit)
    return flags


def is_poor(chi2: Floats, dof: NDArray[np.int64], limit: float) -> NDArray[np.bool_]:
    """Whether chi-squared is above a limit for each degree of freedom, and not by chance.

    >>> is_poor(np.array([8.0, 4000.0]), np.array([2, 1000]), 3.0).tolist()
    [False, True]
    """
    n = np.maximum(dof, 1)
    return np.asarray((chi2 > limit * n) & (chi2 > n + SIGNIFICANT * np.sqrt(2.0 * n)))


def _farthest(limits: FlagLimits, n_labels: int) -> float:
    if limits.mahalanobis is not None:
        return limits.mahalanobis
    from scipy.stats import chi2

    return float(np.sqrt(chi2.ppf(RARE, n_labels)))
