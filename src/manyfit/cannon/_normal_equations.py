"""The design of a training set, and the pieces of its spectra that are read together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ._normal_kernel import clean
from ._training_set import TrainingSet

Floats = NDArray[np.float64]

TILE = 64  # pixels that are trained together: their matrices stay in the first cache


@dataclass(frozen=True, eq=False)
class Design:
    """Terms of each star, or their expectation for stars with uncertain labels.

    Attributes
    ----------
    terms
        Expected terms, (N, T).
    uncertain
        Indices of the stars with uncertain labels, (K,).
    covariance
        Covariance of their last H terms (all T, or those of hidden labels), upper halves row by row,
        (K, H (H + 1) / 2).
    share
        Share of each star in the coefficients, (N,).
    """

    terms: Floats
    uncertain: NDArray[np.int64]
    covariance: Floats
    share: Floats

    @classmethod
    def of(cls, terms: Floats) -> Design:
        """The design of stars with certain labels."""
        n_products = len(np.triu_indices(terms.shape[1])[0])
        return cls(
            np.ascontiguousarray(terms), np.zeros(0, dtype=np.int64), np.zeros((0, n_products)), np.ones(len(terms))
        )

    @property
    def n_uncertain(self) -> int:
        """How many of the last terms have a covariance, H."""
        return math.isqrt(2 * self.covariance.shape[1])

    @cached_property
    def products(self) -> Floats:
        """Expected products of two terms, times the share, (N, T (T + 1) / 2), upper halves row by row."""
        products = half_products(self.terms)
        # The upper half of the last terms lies at the end.
        products[self.uncertain, products.shape[1] - self.covariance.shape[1] :] += self.covariance
        return products * self.share[:, None]

    @cached_property
    def shared_terms(self) -> Floats:
        """Expected terms times the share, (N, T)."""
        return self.terms * self.share[:, None]


def half_products(terms: Floats) -> Floats:
    """Products of two terms of each row, upper halves row by row.

    >>> half_products(np.array([[1.0, 3.0]])).tolist()
    [[1.0, 3.0, 9.0]]
    """
    first, second = np.triu_indices(terms.shape[1])
    return np.ascontiguousarray(terms[:, first] * terms[:, second])


def read_tile(stars: TrainingSet, pixels: slice) -> tuple[Floats, Floats]:
    """Flux and inverse variance of some pixels of all stars, (N, B); zeros where they cannot be used."""
    flux, ivar = np.ascontiguousarray(stars.flux[:, pixels]), np.ascontiguousarray(stars.ivar[:, pixels])
    mask = np.zeros((0, 0), dtype=bool) if stars.mask is None else np.ascontiguousarray(stars.mask[:, pixels])
    clean_flux, clean_ivar = np.empty(flux.shape), np.empty(flux.shape)
    clean(flux, ivar, mask, clean_flux, clean_ivar)
    return clean_flux, clean_ivar
