"""Hidden labels: what changes many pixels of a star together though no label tells, found from residuals.

The flux of star n is ``f_n = theta v_n + phi z_n + noise``: beside the polynomial in its labels, H hidden labels z with
loadings phi (P, H) that are the same for all stars. This is the factor analysis (Rubin & Thayer 1982, Psychometrika 47,
69; with one variance for all pixels it is the probabilistic PCA of Tipping & Bishop 1999, J. R. Statist. Soc. B 61,
611) of the residuals, with the noise of each pixel of each star. Hidden labels have mean zero and unit covariance, and
do not correlate with the terms of the labels: what does is in theta.

The likelihood is raised by EM. The expectation of z and its covariance V follow from the small forms of each star,
``V = (1 + phi w phi)^-1``, ``z = V phi w (f - theta v)``; coefficients, loadings and scatter then are trained on them
as on uncertain labels. Between, z is brought back to unit covariance and out of the space of the terms, which the
likelihood does not notice and without which EM creeps (PX-EM, Liu, Rubin & Wu 1998, Biometrika 85, 755).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block, executor_for, plan, run

from ._normal_equations import Design, half_products
from ._stars import native
from ._sums_kernel import UNROLLED, label_sums
from ._train_tile import Trained
from ._training_set import TrainingSet

Floats = NDArray[np.float64]

ROUNDS = 5  # of EM: a round makes what is missing three times smaller, and a start by 512 pixels misses a tenth
START_PIXELS = 512
BLOCK = 256  # stars of a piece of work


@dataclass(frozen=True, eq=False)
class HiddenLabels:
    """What is known of the hidden labels of each star.

    Attributes
    ----------
    mean
        Expectation, (N, H).
    covariance
        Its covariance, (N, H, H).
    """

    mean: Floats
    covariance: Floats

    @property
    def number(self) -> int:
        """Number of hidden labels, H."""
        return int(self.mean.shape[1])

    def standardised(self, terms: Floats) -> HiddenLabels:
        """Without the part that terms (N, T) explain, and with unit covariance over the stars."""
        mean = self.mean - terms @ np.linalg.lstsq(terms, self.mean, rcond=None)[0]
        size, axes = np.linalg.eigh(mean.T @ mean / len(mean) + self.covariance.mean(axis=0))
        root = (axes / np.sqrt(np.maximum(size, np.finfo(float).tiny))) @ axes.T
        return HiddenLabels(mean @ root, root @ self.covariance @ root)

    def joined(self, design: Design) -> Design:
        """The design with hidden labels as further terms."""
        terms = np.concatenate([design.terms, self.mean], axis=1)
        n_stars, n_terms = terms.shape
        size = self.number if not len(design.uncertain) else n_terms
        covariance = np.zeros((n_stars, size, size))
        if len(design.uncertain):
            covariance[design.uncertain, : -self.number, : -self.number] = unpacked(design.covariance)
        covariance[:, -self.number :, -self.number :] = self.covariance
        first, second = np.triu_indices(size)
        return Design(terms, np.arange(n_stars), np.ascontiguousarray(covariance[:, first, second]), design.share)


def unpacked(half: Floats) -> Floats:
    """Symmetric matrices (N, T, T) of their upper halves row by row.

    >>> unpacked(np.array([[1.0, 2.0, 3.0]])).tolist()
    [[[1.0, 2.0], [2.0, 3.0]]]
    """
    size = int(np.sqrt(2 * half.shape[1]))
    first, second = np.triu_indices(size)
    full = np.empty((len(half), size, size))
    full[:, first, second] = full[:, second, first] = half
    return full


def train_hidden(
    stars: TrainingSet,
    design: Design,
    number: int,
    trained: Trained,
    fit: Callable[[Design, Floats], Trained],
    scheduler: object = None,
    workers: int | None = None,
) -> Trained:
    """Train with hidden labels: coefficients (T + H, P), the last of which are the loadings, strongest first.

    Parameters
    ----------
    stars, design
        The training set and its terms.
    number
        How many hidden labels.
    trained
        The model without them.
    fit
        Trains on a design, one round from a guess of s2.
    """
    n_terms = design.terms.shape[1]
    scores = principal_scores(standard_residuals(stars, design, trained), number)
    hidden = HiddenLabels(scores, np.zeros((len(scores), number, number))).standardised(design.terms)
    for last in [False] * (ROUNDS - 1) + [True]:
        trained = fit(hidden.joined(design), trained.s2)
        if not last:
            hidden = expected(stars, design.terms, trained, scheduler, workers).standardised(design.terms)
    loadings = ordered(trained.theta[n_terms:].T, trained.s2)
    return Trained(np.concatenate([trained.theta[:n_terms], loadings.T]), trained.s2)


def standard_residuals(stars: TrainingSet, design: Design, trained: Trained) -> Floats:
    """Residuals in units of their errors, in `START_PIXELS` pixels spread over the spectrum, (N, M)."""
    known = np.flatnonzero(np.isfinite(trained.s2))
    pixels = known[np.linspace(0, len(known) - 1, min(START_PIXELS, len(known))).astype(int)]
    flux, ivar = (np.asarray(array[:, pixels], dtype=float) for array in (stars.flux, stars.ivar))
    good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
    if stars.mask is not None:
        good &= ~stars.mask[:, pixels]
    ivar = np.where(good, ivar, 0.0)
    residual = np.where(good, flux, 0.0) - design.terms @ trained.theta[: design.terms.shape[1], pixels]
    scaled: Floats = residual * np.sqrt(ivar / (1.0 + ivar * trained.s2[pixels]) * design.share[:, None])
    return scaled


def principal_scores(residuals: Floats, number: int) -> Floats:
    """Scores of the stars on the strongest principal components of residuals, (N, H)."""
    _, axes = np.linalg.eigh(residuals.T @ residuals)
    scores: Floats = residuals @ axes[:, ::-1][:, :number]
    return scores


def expected(
    stars: TrainingSet, terms: Floats, trained: Trained, scheduler: object = None, workers: int | None = None
) -> HiddenLabels:
    """Hidden labels of stars with terms (N, T) by coefficients (T + H, P), from the small forms of each star."""
    executor = executor_for(scheduler, workers)
    rest = np.pad(trained.theta[1:].T, ((0, UNROLLED), (0, 0)))
    base, products, chip = np.ascontiguousarray(trained.theta[0]), half_products(rest), np.array([[0, stars.n_pixels]])
    n_hidden = len(trained.theta) - terms.shape[1]
    hidden = HiddenLabels(np.empty((len(terms), n_hidden)), np.empty((len(terms), n_hidden, n_hidden)))
    size = 16 * stars.n_pixels
    blocks = plan((len(terms),), bytes_per_element=size, n_workers=executor.n_workers, max_elements=BLOCK)

    def work(block: Block) -> HiddenLabels:
        flux, ivar = _spectra(stars, block.slices[0])
        matrix, vector, _, _ = label_sums(flux, ivar, base, rest, products, trained.s2, chip)
        return conditional(unpacked(matrix[:, 0]), vector[:, 0], terms[block.slices[0], 1:])

    def collect(block: Block, part: HiddenLabels) -> None:
        hidden.mean[block.slices[0]], hidden.covariance[block.slices[0]] = part.mean, part.covariance

    run(blocks, work, collect=collect, executor=executor)
    return hidden


def _spectra(stars: TrainingSet, rows: slice) -> tuple[NDArray[Any], NDArray[Any]]:
    flux, ivar = native(stars.flux[rows]), native(stars.ivar[rows])
    return flux, ivar if stars.mask is None else np.where(stars.mask[rows], ivar.dtype.type(0), ivar)


def conditional(matrix: Floats, vector: Floats, terms: Floats) -> HiddenLabels:
    """Hidden labels, with a standard normal prior, for forms (N, M, M), (N, M) of which the first terms are known."""
    n_known = terms.shape[1]
    precision = matrix[:, n_known:, n_known:] + np.eye(matrix.shape[1] - n_known)
    right = vector[:, n_known:] - np.einsum("nij,nj->ni", matrix[:, n_known:, :n_known], terms)
    covariance = np.linalg.inv(precision).astype(np.float64, copy=False)
    return HiddenLabels(np.einsum("nij,nj->ni", covariance, right), covariance)


def ordered(loadings: Floats, s2: Floats) -> Floats:
    """Loadings (P, H) turned so that the hidden labels are independent in them too, strongest first, largest positive.

    A turn changes nothing: the hidden labels have unit covariance in any axes.
    """
    known = np.isfinite(s2)
    weight = 1.0 / (s2[known] + np.mean(loadings[known] ** 2) + np.finfo(float).tiny)
    _, axes = np.linalg.eigh((loadings[known].T * weight) @ loadings[known])
    turned = loadings @ axes[:, ::-1]
    peak = turned[np.argmax(np.abs(turned), axis=0), np.arange(turned.shape[1])]
    return np.ascontiguousarray(turned * np.where(peak < 0, -1.0, 1.0))
