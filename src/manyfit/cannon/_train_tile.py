"""Coefficients and scatter of the pixels of one tile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._lasso_kernel import lasso_pixels
from ._normal_equations import Design
from ._normal_kernel import normal_sums, solve_pixels
from ._scatter import estimator
from ._scatter_kernel import add_label_variance, squared_residuals

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAX_ROUNDS = 50
TOLERANCE = 1e-8  # relative change of s2 at which re-weighting ends; a round gains three digits


@dataclass(frozen=True)
class Recipe:
    """How each pixel is trained.

    Attributes
    ----------
    scatter
        Name of the estimate of s2, or None for coefficients only.
    reweight
        Whether the coefficients use weights with s2, until both agree.
    rounds
        Most rounds of coefficients and s2.
    """

    scatter: str | None
    reweight: bool
    rounds: int = MAX_ROUNDS


@dataclass(frozen=True, eq=False)
class Trained:
    """What was learned for B pixels: coefficients (T, B) and scatter (B,), infinite where nothing could be."""

    theta: Floats
    s2: Floats


def train_tile(
    flux: Floats, ivar: Floats, design: Design, used: Bools, penalty: Floats, recipe: Recipe, start: Floats
) -> Trained:
    """Train the pixels of a tile.

    Parameters
    ----------
    flux, ivar
        Cleaned tile, (N, B).
    design
        Terms of the stars.
    used
        False for terms that a pixel must not use, (T, B).
    penalty
        L1 penalty of each pixel, (B,).
    recipe
        How.
    start
        First guess of s2, (B,); infinite values count as zeros.
    """
    theta, s2 = np.zeros(used.shape), np.where(np.isfinite(start), start, 0.0)
    known = np.count_nonzero(ivar, axis=0) > np.where(penalty > 0, 1, np.count_nonzero(used, axis=0))
    active = known.copy()
    for _ in range(recipe.rounds if recipe.reweight else 1):
        _coefficients(flux, ivar, s2, design, used, penalty, theta, active)
        active &= np.isfinite(theta[0])
        before = s2.copy()
        if recipe.scatter is not None:
            estimator(recipe.scatter)(ivar, _squares(flux, design, theta), s2, active)
        active &= np.abs(s2 - before) > TOLERANCE * s2
        if not active.any():
            break
    return _without_unknown(theta, s2, known & np.isfinite(theta[0]))


def _coefficients(
    flux: Floats, ivar: Floats, s2: Floats, design: Design, used: Bools, penalty: Floats, theta: Floats, active: Bools
) -> None:
    """Coefficients of the active pixels, in place, for the weights that s2 makes."""
    matrix, vector, _ = normal_sums(flux, ivar, s2, design.shared_terms, design.products)
    solve_pixels(matrix, vector, used, theta, active & (penalty == 0))
    lasso_pixels(matrix, vector, penalty, used, theta, active & (penalty > 0))


def _squares(flux: Floats, design: Design, theta: Floats) -> Floats:
    """Expected squares of the residuals, (N, B)."""
    squares = np.empty(flux.shape)
    squared_residuals(flux, design.terms, theta, squares)
    add_label_variance(design.covariance, design.uncertain, theta[len(theta) - design.n_uncertain :], squares)
    return squares


def _without_unknown(theta: Floats, s2: Floats, known: Bools) -> Trained:
    """A flux of one with infinite scatter where nothing could be learned."""
    theta[:, ~known] = 0.0
    theta[0, ~known] = 1.0
    s2[~known] = np.inf
    return Trained(theta, s2)
