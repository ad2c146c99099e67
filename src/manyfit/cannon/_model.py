"""A trained model: for each pixel the flux as a polynomial in the labels, and the scatter about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError

from ._calibration import Calibration
from ._scaling import Scaling
from ._vectorizer import Vectorizer

N_STARTS_KEPT = 32  # labels of training stars that are kept as starts of inference
NO_LEVERAGE = 1e-10  # relative size of eigenvalues of the design's matrix that count as zero


@dataclass(frozen=True, eq=False)
class TrainingSummary:
    """What inference must know of the stars that a model was trained on.

    Attributes
    ----------
    n_stars
        Number of stars.
    mean, covariance
        Mean (L,) and covariance (L, L) of their labels.
    minimum, maximum
        Range of each label, (L,).
    starts
        Labels of stars spread over the training set, (K, L).
    leverage
        Inverse of the design's normal matrix, (T, T): the leverage of a star is ``v leverage v``.
    """

    n_stars: int
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    starts: NDArray[np.float64]
    leverage: NDArray[np.float64]

    @classmethod
    def of(cls, labels: NDArray[np.float64], scaling: Scaling, vectorizer: Vectorizer) -> TrainingSummary:
        """The summary of complete labels (N, L)."""
        scaled = scaling.to_scaled(labels)
        design = vectorizer.design(scaled)
        return cls(
            n_stars=len(labels),
            mean=labels.mean(axis=0),
            covariance=np.atleast_2d(np.cov(labels, rowvar=False)),
            minimum=labels.min(axis=0),
            maximum=labels.max(axis=0),
            starts=labels[spread(scaled, N_STARTS_KEPT)],
            leverage=np.asarray(np.linalg.pinv(design.T @ design, rcond=NO_LEVERAGE, hermitian=True), dtype=float),
        )


@dataclass(frozen=True, eq=False)
class CannonModel:
    """A trained model of The Cannon.

    Attributes
    ----------
    wavelength
        Wavelengths, Å, (P,).
    vectorizer
        The terms of the polynomial.
    scaling
        Fiducial value and scale of each label.
    theta
        Coefficient of each term in each pixel, (P, T).
    s2
        Variance of the stars about the model in each pixel, (P,); infinite where nothing could be learned.
    training
        Summary of the training set.
    chips
        First and last-plus-one pixel of each piece of the spectrum, for statistics by detector.
    calibration
        What a cross-validation says about the errors, or None.
    meta
        How the model was made; values that JSON can hold.
    """

    wavelength: NDArray[np.float64]
    vectorizer: Vectorizer
    scaling: Scaling
    theta: NDArray[np.float64]
    s2: NDArray[np.float64]
    training: TrainingSummary
    chips: tuple[tuple[int, int], ...]
    calibration: Calibration | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels."""
        return self.vectorizer.label_names

    @property
    def usable(self) -> NDArray[np.bool_]:
        """The pixels in which something was learned, (P,)."""
        return np.isfinite(self.s2)

    def predict(self, labels: ArrayLike) -> NDArray[np.float64]:
        """Flux of stars with these labels, (N, P), NaN in pixels without a model.

        Parameters
        ----------
        labels
            Labels, (N, L) or (L,).
        """
        values = np.atleast_2d(np.asarray(labels, dtype=float))
        if values.shape[-1] != len(self.label_names):
            raise InputError(f"labels has {values.shape[-1]} columns; give one for each of {self.label_names}.")
        flux = self.vectorizer.design(self.scaling.to_scaled(values)) @ self.theta.T
        flux[:, ~self.usable] = np.nan
        return flux


def spread(scaled: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Indices of stars that are far from each other: the one nearest to the middle, then always the farthest.

    >>> spread(np.array([[0.0], [0.1], [3.0], [-2.0]]), 3).tolist()
    [0, 2, 3]
    """
    chosen = [int(np.argmin(np.sum(scaled**2, axis=1)))]
    distance = np.sum((scaled - scaled[chosen[0]]) ** 2, axis=1)
    while len(chosen) < min(count, len(scaled)) and distance.max() > 0:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.sum((scaled - scaled[chosen[-1]]) ** 2, axis=1))
    return np.array(chosen)
