"""How many hidden labels: as many as make the labels of held-out stars better."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ._hidden import standard_residuals
from ._model import CannonModel
from ._normal_equations import Design
from ._train_tile import Trained
from ._training_set import TrainingSet
from ._uncertain_labels import LabelGuess, certain
from ._vectorizer import Vectorizer

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST = 3  # hidden labels that are tried
STARS_PER_TERM = 10  # in each half; with fewer stars the choice would be by chance
SIGNIFICANT = 2.0  # standard errors by which labels must be better


Fit = Callable[[TrainingSet, LabelGuess, int], CannonModel]


def choose_number(stars: TrainingSet, scaled: Floats, known: Bools, vectorizer: Vectorizer, fit: Fit) -> int:
    """The number of hidden labels, by cross-validation over two halves of the stars.

    One more is taken as long as the labels of held-out stars get better: the mean over the labels of the logarithm of
    their root mean square must fall by two standard errors. Labels are the measure, not spectra: components that are
    errors of the training labels explain spectra too, but make labels worse. Halves, because a choice among models is
    consistent only if many stars are held out (Shao 1993, J. Am. Statist. Assoc. 88, 486). Components of the residuals
    that may be noise are not tried.

    Parameters
    ----------
    stars, scaled
        The training set and its scaled labels, (N, L).
    known
        Which stars have certain labels, (N,); the others take no part.
    vectorizer
        The terms of the model.
    fit
        Trains a number of hidden labels on stars and what is known of their labels.
    """
    halves = np.array_split(np.random.default_rng(0).permutation(np.flatnonzero(known)), 2)
    if len(halves[1]) < STARS_PER_TERM * vectorizer.n_terms:
        return 0
    parts = [(stars.select(np.sort(half)), scaled[np.sort(half)]) for half in halves]
    models = [fit(part, certain(labels), 0) for part, labels in parts]
    most = min(MOST, *(_candidates(model, *part, vectorizer) for model, part in zip(models, parts, strict=True)))
    number, best = 0, _held_out(models, parts) if most else np.zeros((0, 0))
    while number < most:
        more = _held_out([fit(part, certain(labels), number + 1) for part, labels in parts], parts)
        if not is_better(more, best):
            break
        number, best = number + 1, more
    return number


def _candidates(model: CannonModel, stars: TrainingSet, scaled: Floats, vectorizer: Vectorizer) -> int:
    """How many components of the residuals of a model are more than noise."""
    trained = Trained(np.ascontiguousarray(model.theta.T), model.s2)
    return above_noise(standard_residuals(stars, Design.of(vectorizer.design(scaled)), trained))


def _held_out(models: Sequence[CannonModel], parts: Sequence[tuple[TrainingSet, Floats]]) -> Floats:
    """Inferred minus known labels, scaled, of each part by the model of the other; NaN without a fit, (N, L)."""
    offsets = []
    for model, (stars, scaled) in zip(reversed(models), parts, strict=True):
        table = model.infer(stars.flux, stars.ivar, mask=stars.mask)
        offsets.append(np.where(table.good[:, None], model.scaling.to_scaled(table.labels) - scaled, np.nan))
    return np.concatenate(offsets)


def is_better(new: Floats, old: Floats) -> bool:
    """Whether labels (N, L) scatter less than before, on average over the labels, and not by chance.

    >>> rng = np.random.default_rng(1)
    >>> old = rng.normal(size=(500, 2))
    >>> is_better(0.8 * old, old), is_better(rng.permutation(old), old)
    (True, False)
    """
    both = np.isfinite(new).all(axis=1) & np.isfinite(old).all(axis=1)
    after, before = new[both] ** 2, old[both] ** 2
    if len(after) < 2 or not np.all((after.mean(axis=0) > 0) & (before.mean(axis=0) > 0)):
        return False
    gain = 0.5 * np.mean(np.log(before.mean(axis=0)) - np.log(after.mean(axis=0)))
    by_star = 0.5 * np.mean(before / before.mean(axis=0) - after / after.mean(axis=0), axis=1)
    return bool(gain > SIGNIFICANT * by_star.std() / np.sqrt(len(by_star)))


def above_noise(residuals: Floats) -> int:
    """How many principal components of scaled residuals (N, M) have larger eigenvalues than noise alone makes.

    Those of noise end at ``(sqrt(N) + sqrt(M))^2`` for residuals of unit variance (Marchenko & Pastur 1967, Math. USSR
    Sb. 1, 457).

    >>> noise = np.random.default_rng(1).normal(size=(400, 60))
    >>> above_noise(noise), above_noise(noise + np.outer(noise[:, 0], np.ones(60)))
    (0, 1)
    """
    size = np.sqrt(np.mean(residuals**2, axis=0))
    unit = residuals[:, size > 0] / size[size > 0]
    values = np.linalg.eigvalsh(unit.T @ unit)
    return int(np.count_nonzero(values > (np.sqrt(unit.shape[0]) + np.sqrt(unit.shape[1])) ** 2))
