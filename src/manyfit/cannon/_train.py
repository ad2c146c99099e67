"""Train a model of The Cannon."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError, ManyfitWarning, unknown_name

from ._hidden import train_hidden
from ._hidden_number import choose_number
from ._model import CannonModel, TrainingSummary
from ._normal_equations import Design
from ._scaling import Scaling
from ._scatter import estimator
from ._train_pixels import train_pixels
from ._train_tile import Recipe, Trained
from ._training_set import TrainingSet
from ._uncertain_labels import LabelGuess, certain, is_certain, train_uncertain, well_known
from ._vectorizer import Vectorizer

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CORRELATED = 0.9  # labels that are more correlated cannot well be told apart
GAP = 50  # pixels without a model that part two chips


def train(
    training_set: TrainingSet,
    *,
    labels: Sequence[str] | None = None,
    order: int = 2,
    terms: Sequence[str] | None = None,
    regularization: ArrayLike = 0.0,
    scatter: str = "ml",
    reweight: bool | None = None,
    hidden: int | str | None = None,
    censors: Mapping[str, ArrayLike] | None = None,
    chips: Sequence[tuple[int, int]] | None = None,
    scheduler: object = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CannonModel:
    """Train a model: in each pixel the flux as a polynomial in the labels, and the scatter about it.

    The coefficients θ of a pixel minimise ``sum_n w_n (f_n - θ v_n)² + Λ sum_t |θ_t|``, without the constant in the
    second sum, with ``w_n = 1 / (σ_n² + s²)`` (Ness et al. 2015, ApJ 808, 16; Casey et al. 2016, arXiv:1603.03040). By
    default θ and s² together have the largest likelihood.

    Parameters
    ----------
    training_set
        Stars with known labels. Missing labels (NaN) and label errors are taken into account.
    labels
        Which labels, in which order. Default: all of the training set.
    order
        Largest total power of the polynomial: 1, 2 or 3.
    terms
        The terms instead, such as ``["TEFF", "LOGG", "TEFF^2", "TEFF*LOGG"]``; the constant is always there.
    regularization
        Λ, for all pixels or one for each, (P,). Its minimum is found exactly.
    scatter
        "ml": the likeliest. "mean" and "median": the conventions of published programs, in which the mean or the median
        of chi-squared over the stars is one.
    reweight
        Whether the weights of θ contain the scatter. Default: with "ml" only, as published for the others.
    hidden
        How many hidden labels: what no label tells but many pixels of a star do, found from the residuals by factor
        analysis (Rubin & Thayer 1982, Psychometrika 47, 69), ``f = θ v + φ z + noise`` with a standard normal z for
        each star and loadings φ for each pixel. Inference marginalises over them. "auto": as many, up to three, as
        make the labels of held-out stars better. Default: "auto" with re-weighted "ml" and no regularization, and
        none otherwise.
    censors
        For a label the pixels, (P,), in which it must not be used: True is censored.
    chips
        First and last-plus-one pixel of each chip. Default: the pieces between gaps of 50 pixels without a model.
    scheduler, workers
        Where tiles of pixels are trained: "threads" (default) or "serial", and in how many threads.
    progress
        Called as ``progress(done, total)`` in pixels, for each model that is trained on the way.

    Returns
    -------
    CannonModel

    Raises
    ------
    InputError
        For unknown names, more terms than stars, or a training set in which no pixel can be trained.

    Warns
    -----
    ManyfitWarning
        If two labels are correlated or anticorrelated by 0.9 or more.

    Examples
    --------
    >>> import numpy as np
    >>> from manyfit import cannon
    >>> rng = np.random.default_rng(1)
    >>> labels = rng.uniform(-1, 1, (60, 2))
    >>> flux = 1 + labels @ [[0.1, 0.0], [0.0, 0.2]] + rng.normal(0, 1e-3, (60, 2))
    >>> stars = cannon.TrainingSet(np.array([1.0, 2.0]), flux, np.full((60, 2), 1e6), labels, ("A", "B"))
    >>> model = cannon.train(stars, order=1)
    >>> model.predict([0.5, -0.5]).round(2).tolist()
    [[1.05, 0.9]]
    """
    stars = training_set if labels is None else training_set.subset(labels)
    vectorizer = vectorizer_for(stars.label_names, order, terms)
    recipe = recipe_for(scatter, reweight)
    penalty = penalties(regularization, stars.n_pixels)
    used = uncensored(vectorizer, censors or {}, stars.n_pixels)
    number = checked_hidden(hidden, default=scatter == "ml" and recipe.reweight and not penalty.any())
    check_stars(stars, vectorizer, regularized=bool(np.all(penalty > 0)))
    warn_of_correlations(stars)
    scaling = Scaling.of(stars.labels)
    scaled = scaling.to_scaled(stars.labels)

    def fit(stars: TrainingSet, guess: LabelGuess, n_hidden: int) -> CannonModel:
        design = guess.design(vectorizer)
        trained = train_pixels(stars, design, used, penalty, recipe, scheduler, workers, progress)
        if n_hidden:
            wide = np.pad(used, ((0, n_hidden), (0, 0)), constant_values=True)
            again = partial(_again, stars, wide, penalty, recipe, scheduler, workers)
            trained = train_hidden(stars, design, n_hidden, trained, again, scheduler, workers)
        return CannonModel(
            wavelength=stars.wavelength,
            vectorizer=vectorizer,
            scaling=scaling,
            theta=np.ascontiguousarray(trained.theta[: vectorizer.n_terms].T),
            s2=trained.s2,
            training=TrainingSummary.of(scaling.to_labels(guess.mean), scaling, vectorizer),
            chips=checked_chips(chips, np.isfinite(trained.s2)),
            meta={
                "scatter": scatter,
                "reweight": recipe.reweight,
                "regularization": float(penalty[0]) if np.all(penalty == penalty[0]) else None,
                "censored": bool(censors),
                "n_stars": stars.n_stars,
            },
            hidden=np.ascontiguousarray(trained.theta[vectorizer.n_terms :].T) if n_hidden else None,
        )

    errors = None if stars.label_errors is None else stars.label_errors / scaling.scale
    if number is None:
        number = choose_number(stars, scaled, well_known(scaled, errors), vectorizer, fit)
    if is_certain(stars):
        return fit(stars, certain(scaled), number)
    return train_uncertain(stars, scaled, errors, vectorizer.n_terms, partial(fit, n_hidden=number))


def _again(
    stars: TrainingSet,
    used: Bools,
    penalty: Floats,
    recipe: Recipe,
    scheduler: object,
    workers: int | None,
    design: Design,
    s2: Floats,
) -> Trained:
    """One round of training with hidden labels among the terms, from a guess of the scatter."""
    start = s2 if recipe.reweight else None
    return train_pixels(stars, design, used, penalty, replace(recipe, rounds=1), scheduler, workers, start=start)


def vectorizer_for(label_names: tuple[str, ...], order: int, terms: Sequence[str] | None) -> Vectorizer:
    """The polynomial of an order, or of explicit terms."""
    return Vectorizer.polynomial(label_names, order) if terms is None else Vectorizer.of_terms(label_names, terms)


def recipe_for(scatter: str, reweight: bool | None) -> Recipe:
    """The recipe with a name; re-weighted by default if it is by likelihood."""
    estimator(scatter)
    return Recipe(scatter, scatter == "ml" if reweight is None else reweight)


def checked_hidden(hidden: int | str | None, *, default: bool) -> int | None:
    """The number of hidden labels, or None where it is to be found, as by default for likelihoods without a penalty."""
    if hidden == "auto" or (hidden is None and default):
        return None
    if hidden is None or (isinstance(hidden, int) and hidden >= 0):
        return hidden or 0
    raise InputError(f"hidden is {hidden!r}; give a number of zero or more, or 'auto'.")


def penalties(regularization: ArrayLike, n_pixels: int) -> Floats:
    """The penalty of each pixel."""
    given = np.asarray(regularization, dtype=float)
    if given.shape not in {(), (n_pixels,)} or not np.all((given >= 0) & np.isfinite(given)):
        raise InputError(f"regularization must be zero or more and finite: one number, or one for each of {n_pixels}.")
    return np.ascontiguousarray(np.broadcast_to(given, n_pixels))


def uncensored(vectorizer: Vectorizer, censors: Mapping[str, ArrayLike], n_pixels: int) -> Bools:
    """Which terms each pixel uses, (T, P): all but those with a label that is censored there."""
    used = np.ones((vectorizer.n_terms, n_pixels), dtype=bool)
    for name, mask in censors.items():
        if name not in vectorizer.label_names:
            raise unknown_name("label in censors", name, vectorizer.label_names)
        censored = np.asarray(mask)
        if censored.dtype != bool or censored.shape != (n_pixels,):
            raise InputError(f"The censor of {name!r} must be {n_pixels} booleans, True where the label is not used.")
        has_label = vectorizer.exponents[:, vectorizer.label_names.index(name)] > 0
        used &= ~np.outer(has_label, censored)
    return used


def check_stars(stars: TrainingSet, vectorizer: Vectorizer, *, regularized: bool) -> None:
    """That there are more stars than terms, unless a penalty chooses among terms."""
    if stars.n_stars <= vectorizer.n_terms and not regularized:
        raise InputError(
            f"{vectorizer.n_terms} terms cannot be trained on {stars.n_stars} stars. Use fewer labels, a lower order, "
            "or regularization > 0."
        )


def warn_of_correlations(stars: TrainingSet) -> None:
    """Warn of labels that can hardly be told apart, by stars that have both."""
    names = stars.label_names
    for i, j in combinations(range(len(names)), 2):
        pair = stars.labels[:, [i, j]]
        pair = pair[np.isfinite(pair).all(axis=1)]
        if len(pair) < 3 or not np.all(np.ptp(pair, axis=0) > 0):
            continue
        correlation = float(np.corrcoef(pair[:, 0], pair[:, 1])[0, 1])
        if abs(correlation) >= CORRELATED:
            warnings.warn(
                f"Labels {names[i]!r} and {names[j]!r} have a correlation of {correlation:.3f} in the training set: "
                "the model can hardly tell them apart.",
                ManyfitWarning,
                stacklevel=3,
            )


def checked_chips(chips: Sequence[tuple[int, int]] | None, known: Bools) -> tuple[tuple[int, int], ...]:
    """The chips as given, or those between gaps.

    Raises
    ------
    InputError
        If no pixel was trained, or a trained pixel is in no chip or in two.
    """
    if not known.any():
        raise InputError(
            "No pixel could be trained: none has more usable stars than terms, or labels depend on others."
        )
    if chips is None:
        return chips_of(known)
    count = np.zeros(len(known), dtype=int)
    for first, last in chips:
        count[first:last] += 1
    if np.any(count[known] != 1):
        raise InputError(
            f"chips {list(chips)} leave out trained pixels or hold some twice; give ranges that part them."
        )
    return tuple((int(first), int(last)) for first, last in chips)


def chips_of(known: Bools) -> tuple[tuple[int, int], ...]:
    """The pieces of the spectrum between gaps of `GAP` or more unknown pixels.

    >>> chips_of(np.arange(200) % 100 < 40)
    ((0, 40), (100, 140))
    """
    pixels = np.flatnonzero(known)
    breaks = np.flatnonzero(np.diff(pixels) > GAP)
    firsts, lasts = np.concatenate([pixels[:1], pixels[breaks + 1]]), np.concatenate([pixels[breaks], pixels[-1:]])
    return tuple((int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True))
