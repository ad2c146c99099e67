"""Training labels that are missing or have large errors, found together with the model (errors in variables).

Stars with all labels known well make a first model, and their labels stay as they are: small errors change slopes by
less than the harm that a label does which is taken from the very spectrum that it is to explain. The labels of the
other stars have a normal distribution: what was observed (nothing for a missing label) times what the spectrum says by
the first model. The errors of the latter are not the formal ones, which are far too small because errors of the model
are alike in many pixels, but those that make spectra and known labels agree. The final model is trained on the
expectation of the terms over these distributions. If few stars are well known all stars take part from the start, and
rounds go on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import ManyfitWarning

from ._model import CannonModel
from ._normal_equations import Design, half_products
from ._training_set import TrainingSet
from ._vectorizer import Vectorizer

Floats = NDArray[np.float64]

WELL_KNOWN = 0.1  # scaled error up to which a label is well known: slopes change by its square, one in a hundred
ENOUGH = 3  # well-known stars for each term that make a first model on their own
SHARE = 0.3  # of a star with labels by a spectrum that the model misfits: more bends the model to itself
ROUNDS = 4  # if there are fewer
STEPS = 50  # of the small iterations for means and covariances
CERTAIN = 1e-9  # scaled error of a label without an error
TINY = 1e-12  # added to the diagonal of covariances, in scaled units


@dataclass(frozen=True, eq=False)
class LabelGuess:
    """What is known of the scaled labels of each star.

    Attributes
    ----------
    mean
        Expectation, (N, L).
    covariance
        Its covariance, (N, L, L).
    share
        Share of uncertain stars in the coefficients.
    """

    mean: Floats
    covariance: Floats
    share: float = 1.0

    def design(self, vectorizer: Vectorizer) -> Design:
        """Expected terms and their covariance, by a rule of 2 L points that is exact up to third powers."""
        uncertain = np.flatnonzero(np.trace(self.covariance, axis1=1, axis2=2) > CERTAIN)
        terms = vectorizer.design(self.mean)
        if not len(uncertain):
            return Design.of(terms)
        n_labels = self.mean.shape[1]
        factor = np.linalg.cholesky(self.covariance[uncertain] + TINY * np.eye(n_labels))
        offsets = np.sqrt(n_labels) * np.moveaxis(factor, 2, 0)
        points = vectorizer.design(self.mean[uncertain] + np.concatenate([offsets, -offsets]))
        terms[uncertain] = points.mean(axis=0)
        second = np.mean([half_products(p) for p in points], axis=0)
        share = np.ones(len(terms))
        share[uncertain] = self.share
        return Design(terms, uncertain, second - half_products(terms[uncertain]), share)


Fit = Callable[[TrainingSet, LabelGuess], CannonModel]


def is_certain(stars: TrainingSet) -> bool:
    """Whether every label is there and has no error."""
    errors = stars.label_errors
    return bool(np.isfinite(stars.labels).all()) and (errors is None or not np.any(np.nan_to_num(errors) > 0))


def train_uncertain(
    stars: TrainingSet, scaled: Floats, scaled_errors: Floats | None, n_terms: int, fit: Fit
) -> CannonModel:
    """Train, find uncertain labels by their spectra, and train again.

    Parameters
    ----------
    stars
        The training set.
    scaled, scaled_errors
        Observed labels and their errors, (N, L), scaled; NaN for missing ones.
    n_terms
        Number of terms of the model.
    fit
        Trains a model on stars and what is known of their labels.
    """
    precision = _precision(scaled, scaled_errors)
    observed = np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0)
    known = well_known(scaled, scaled_errors)
    if known.all():
        return fit(stars, certain(observed))
    if np.count_nonzero(known) > ENOUGH * n_terms:
        first = fit(stars.select(known), certain(observed[known]))
        guess = _by_spectra(stars, first, observed, precision)
        guess.mean[known], guess.covariance[known] = observed[known], 0.0
        # With hidden labels in the model errors of labels by spectra are nearly independent, as EM takes them to be.
        return fit(stars, replace(guess, share=SHARE if first.hidden is None else 1.0))
    warnings.warn(
        f"Only {np.count_nonzero(known)} stars have all labels without large errors; the model of {n_terms} terms "
        "starts from guesses of the others. Compare its labels with known ones before you use them.",
        ManyfitWarning,
        stacklevel=3,
    )
    guess = combined(observed, precision, *population(observed, precision))
    for _ in range(ROUNDS - 1):
        guess = _by_spectra(stars, fit(stars, guess), observed, precision)
    return fit(stars, guess)


def well_known(scaled: Floats, scaled_errors: Floats | None) -> NDArray[np.bool_]:
    """Which stars have all labels without large errors, (N,)."""
    return np.asarray(np.all(_precision(scaled, scaled_errors) >= 1.0 / WELL_KNOWN**2, axis=1))


def certain(scaled: Floats) -> LabelGuess:
    """Labels without errors."""
    return LabelGuess(scaled.copy(), np.zeros((*scaled.shape, scaled.shape[1])))


def _by_spectra(stars: TrainingSet, model: CannonModel, observed: Floats, precision: Floats) -> LabelGuess:
    """Observed labels and those of the spectra, combined; stars without a spectrum have the population instead."""
    table = model.infer(stars.flux, stars.ivar, mask=stars.mask)
    good = table.good
    spectra = np.where(good[:, None], model.scaling.to_scaled(table.labels), 0.0)
    bias, noise = population((spectra - observed)[good], precision[good])
    by_spectrum = combined(observed, precision, spectra - bias, noise)
    by_population = combined(observed, precision, *population(observed, precision))
    return LabelGuess(
        np.where(good[:, None], by_spectrum.mean, by_population.mean),
        np.where(good[:, None, None], by_spectrum.covariance, by_population.covariance),
    )


def population(values: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Mean and covariance of a normal population, of which each member is seen with its own errors (EM).

    Parameters
    ----------
    values
        Observed values, (N, L).
    precision
        Inverse variance of each, (N, L); zero for values that are not known.
    """
    known = precision > 0
    weight = known / np.maximum(known.sum(axis=0), 1)
    mean = np.sum(weight * values, axis=0)
    covariance = np.diag(np.sum(weight * (values - mean) ** 2, axis=0) + TINY)
    for _ in range(STEPS):
        guess = combined(values, precision, mean, covariance)
        mean = guess.mean.mean(axis=0)
        offset = guess.mean - mean
        covariance = offset.T @ offset / len(values) + guess.covariance.mean(axis=0) + TINY * np.eye(len(mean))
    return mean, covariance


def combined(values: Floats, precision: Floats, mean: Floats, covariance: Floats) -> LabelGuess:
    """Observed values with their precision times a normal distribution of `mean`, (L,) or (N, L), and `covariance`.

    The formula ``C - C (C + E)^-1 C`` holds for exact values too; for those that are not known E is huge.
    """
    with np.errstate(divide="ignore"):
        variance = np.minimum(1.0 / precision, 1e12)
    total = covariance + np.eye(values.shape[1]) * variance[:, None, :]
    gain = np.swapaxes(np.linalg.solve(total, np.broadcast_to(covariance, total.shape)), 1, 2)
    centre = mean + np.einsum("nij,nj->ni", gain, values - mean)
    after = covariance - gain @ covariance
    exact = np.asarray(np.all(variance <= CERTAIN**2, axis=1))
    return LabelGuess(
        np.where(exact[:, None], values, centre),
        np.where(exact[:, None, None], 0.0, 0.5 * (after + np.swapaxes(after, 1, 2))),
    )


def _precision(scaled: Floats, errors: Floats | None) -> Floats:
    """Inverse variance of each observed label; zero for missing ones, also for those with infinite errors."""
    sigma = np.zeros(scaled.shape) if errors is None else np.nan_to_num(np.abs(errors), nan=0.0, posinf=np.inf)
    return np.where(np.isfinite(scaled), 1.0 / np.maximum(sigma, CERTAIN) ** 2, 0.0)
