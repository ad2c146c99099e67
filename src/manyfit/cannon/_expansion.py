"""The coefficients of a model laid out for sums over pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._infer_kernel import infer_stars
from ._model import CannonModel
from ._normal_equations import half_products
from ._sums_kernel import UNROLLED, label_sums

Floats = NDArray[np.float64]
Powers = Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class SearchOptions:
    """How the minimum of a star is looked for.

    Attributes
    ----------
    n_starts
        From how many of the training stars kept in the model, those that fit best.
    max_iterations
        Most Newton steps of each run.
    second_derivatives
        Whether the second derivatives of the terms are used. Without them (Gauss-Newton) stars that fit badly
        converge slowly.
    """

    n_starts: int = 4
    max_iterations: int = 50
    second_derivatives: bool = True


@dataclass(frozen=True, eq=False)
class Solutions:
    """What inference found for S stars with M scaled unknowns: labels first, then nuisance terms.

    Attributes
    ----------
    unknowns, covariance
        Scaled unknowns (S, M) and their covariance (S, M, M).
    chip_chi2, chip_pixels
        Chi-squared and pixels used in each chip, (S, K).
    status, n_iter, best_start
        Code, steps and start of each star, (S,).
    gap
        By how much chi-squared is higher in the next other minimum, (S,); infinite if there is none.
    """

    unknowns: Floats
    covariance: Floats
    chip_chi2: Floats
    chip_pixels: NDArray[np.int64]
    status: NDArray[np.int64]
    n_iter: NDArray[np.int64]
    best_start: NDArray[np.int64]
    gap: Floats


@dataclass(frozen=True, eq=False)
class Expansion:
    """A polynomial model of M unknowns, ready for sums over pixels.

    Attributes
    ----------
    base
        Coefficient of the constant, (P,).
    theta, products
        The other coefficients and their products, with rows of zeros at the end, (P + 8, T), (P + 8, T (T + 1) / 2).
    s2
        Scatter, (P,).
    exponents
        Powers of the unknowns in each term, (T, M).
    chips
        First and last-plus-one pixel of each chip, (K, 2).
    prior
        Precision of each term about zero, (T,): one for hidden labels.
    starts, designs
        Scaled starts (S, M), and their terms (S, T).
    """

    base: Floats
    theta: Floats
    products: Floats
    s2: Floats
    exponents: NDArray[np.int64]
    chips: NDArray[np.int64]
    prior: Floats
    starts: Floats
    designs: Floats

    @classmethod
    def of(cls, model: CannonModel, theta: Floats, s2: Floats, powers: Powers) -> Expansion:
        """The expansion of coefficients (P, 1 + T) of a model that may have nuisance terms besides its labels."""
        rest = np.pad(theta[:, 1:], ((0, UNROLLED), (0, 0)))
        exponents = np.array(powers[1:], dtype=np.int64)
        labels = model.scaling.to_scaled(model.training.starts)
        starts = np.pad(labels, ((0, 0), (0, exponents.shape[1] - labels.shape[1])))
        return cls(
            base=np.ascontiguousarray(theta[:, 0]),
            theta=rest,
            products=half_products(rest),
            s2=s2,
            exponents=exponents,
            prior=prior_of(exponents, labels.shape[1], model.n_hidden),
            chips=np.array(model.chips, dtype=np.int64).reshape(-1, 2),
            starts=starts,
            designs=np.prod(starts[:, None, :] ** exponents, axis=-1),
        )

    def solve(self, flux: NDArray[np.floating], ivar: NDArray[np.floating], search: SearchOptions) -> Solutions:
        """The unknowns of stars (S, P), all in the calling thread."""
        matrix, vector, constant, pixels = label_sums(
            flux, ivar, self.base, self.theta, self.products, self.s2, self.chips
        )
        unknowns, covariance, chip_chi2, status, n_iter, best_start, gap = infer_stars(
            matrix,
            vector,
            constant,
            pixels,
            self.exponents,
            self.prior,
            self.starts,
            self.designs,
            search.n_starts,
            search.max_iterations,
            search.second_derivatives,
        )
        return Solutions(unknowns, covariance, chip_chi2, pixels, status, n_iter, best_start, gap)


def prior_of(exponents: NDArray[np.int64], n_labels: int, n_hidden: int) -> Floats:
    """One for the terms that are hidden labels, which follow the labels, and zero for others.

    >>> prior_of(np.array([[1, 0], [0, 1], [1, 1]]), 1, 1).tolist()
    [0.0, 1.0, 0.0]
    """
    hidden = exponents[:, n_labels : n_labels + n_hidden].sum(axis=1) == 1
    return np.where(hidden & (exponents.sum(axis=1) == 1), 1.0, 0.0)


def hidden_columns(solutions: Solutions, n_labels: int, n_hidden: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Hidden labels of stars and their errors, by name."""
    columns = {f"hidden_{k + 1}": n_labels + k for k in range(n_hidden)}
    values = {name: solutions.unknowns[:, column] for name, column in columns.items()}
    return values, {name: np.sqrt(solutions.covariance[:, column, column]) for name, column in columns.items()}
