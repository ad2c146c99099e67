"""How sparse a model should be: coefficients for a range of penalties, and the best one by cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.blocks import Block, executor_for, plan, run
from manyfit.errors import InputError

from ._lasso_kernel import lasso_pixels
from ._normal_equations import TILE, Design, read_tile
from ._normal_kernel import normal_sums
from ._scaling import Scaling
from ._train import uncensored, vectorizer_for
from ._train_pixels import train_pixels
from ._train_tile import Recipe
from ._training_set import TrainingSet

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RegularizationPath:
    """Models for a range of penalties, and how well each predicts stars that it was not trained on.

    Attributes
    ----------
    penalties
        The penalties Λ, growing, (K,).
    theta
        Coefficients of all stars, (K, P, T).
    held_out
        Chi-squared of held-out stars, by fold, (K, F).
    """

    penalties: Floats
    theta: Floats
    held_out: Floats

    @property
    def total(self) -> Floats:
        """Chi-squared of all stars, each predicted without itself, (K,)."""
        total: Floats = self.held_out.sum(axis=1)
        return total

    @property
    def best(self) -> float:
        """The penalty that predicts best."""
        return float(self.penalties[np.argmin(self.total)])

    @property
    def sparsest(self) -> float:
        """The largest penalty that is within one standard error of the best, over the folds."""
        excess = self.held_out - self.held_out[np.argmin(self.total)]
        n_folds = excess.shape[1]
        error = excess.std(axis=1, ddof=1) / np.sqrt(n_folds)
        return float(self.penalties[np.flatnonzero(excess.mean(axis=1) <= error)[-1]])

    @property
    def sparsity(self) -> Floats:
        """Part of the coefficients, without the constants, that are zero, (K,)."""
        known = np.any(self.theta[:, :, 1:] != 0, axis=(0, 2))
        part: Floats = np.mean(self.theta[:, known, 1:] == 0, axis=(1, 2))
        return part


def regularization_path(
    training_set: TrainingSet,
    penalties: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    order: int = 2,
    terms: Sequence[str] | None = None,
    folds: int = 5,
    censors: Mapping[str, ArrayLike] | None = None,
    scheduler: object = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RegularizationPath:
    """Train for a range of L1 penalties, and predict each fold of stars from the others.

    Spectra are read twice, whatever the number of penalties and folds: all else is done on the sums of the folds.
    Weights contain the scatter of the model without penalty. Star n is in fold ``n % folds``.

    Parameters
    ----------
    training_set
        Stars with complete labels.
    penalties
        Penalties Λ, zero or more.
    labels, order, terms, censors, scheduler, workers, progress
        As in `train`.
    folds
        Number of folds.

    Returns
    -------
    RegularizationPath

    Raises
    ------
    InputError
        For penalties or folds that are not possible, or missing labels.

    Examples
    --------
    >>> import numpy as np
    >>> from manyfit import cannon
    >>> rng = np.random.default_rng(1)
    >>> labels = rng.uniform(-1, 1, (60, 2))
    >>> flux = 1 + labels @ [[0.1], [0.0]] + rng.normal(0, 1e-2, (60, 1))
    >>> stars = cannon.TrainingSet(np.array([1.0]), flux, np.full((60, 1), 1e4), labels, ("A", "B"))
    >>> path = cannon.regularization_path(stars, [0.0, 1e3, 1e6], order=1)
    >>> path.theta[1, 0].round(2).tolist(), path.sparsity.tolist()
    ([1.01, 0.16, 0.0], [0.0, 0.5, 1.0])
    """
    stars = training_set if labels is None else training_set.subset(labels)
    grid = _checked(stars, penalties, folds)
    vectorizer = vectorizer_for(stars.label_names, order, terms)
    used = uncensored(vectorizer, censors or {}, stars.n_pixels)
    design = Design.of(vectorizer.design(Scaling.of(stars.labels).to_scaled(stars.labels)))
    no_penalty = np.zeros(stars.n_pixels)
    s2 = train_pixels(stars, design, used, no_penalty, Recipe("ml", reweight=True), scheduler, workers).s2
    executor = executor_for(scheduler, workers)
    theta, held_out = np.zeros((len(grid), *used.shape)), np.zeros((len(grid), folds))
    n_bytes = 24 * stars.n_stars
    tiles = plan((stars.n_pixels,), bytes_per_element=n_bytes, n_workers=executor.n_workers, max_elements=TILE)

    def work(block: Block) -> tuple[Floats, Floats]:
        pixels = block.slices[0]
        return _tile_path(stars, pixels, design, np.ascontiguousarray(used[:, pixels]), s2[pixels], grid, folds)

    def collect(block: Block, part: tuple[Floats, Floats]) -> None:
        theta[:, :, block.slices[0]] = part[0]
        by_tile[block.index] = part[1]

    by_tile: dict[int, Floats] = {}
    run(tiles, work, collect=collect, executor=executor, progress=progress)
    held_out = np.sum([by_tile[index] for index in sorted(by_tile)], axis=0)
    return RegularizationPath(grid, np.ascontiguousarray(np.moveaxis(theta, 1, 2)), held_out)


def _tile_path(
    stars: TrainingSet, pixels: slice, design: Design, used: Bools, s2: Floats, grid: Floats, folds: int
) -> tuple[Floats, Floats]:
    """Coefficients (K, T, B) of all stars, and held-out chi-squared by fold (K, F), of a tile."""
    flux, ivar = read_tile(stars, pixels)
    active = np.isfinite(s2)
    finite = np.where(active, s2, 0.0)
    sums = [_fold_sums(flux, ivar, finite, design, slice(k, None, folds)) for k in range(folds)]
    matrix: Floats = np.sum([s[0] for s in sums], axis=0)
    vector: Floats = np.sum([s[1] for s in sums], axis=0)
    theta = _path(matrix, vector, grid, used, active)
    part = (folds - 1) / folds  # of the stars, and so of the penalty
    held_out = np.empty((len(grid), folds))
    for k, (own_matrix, own_vector, own_constant) in enumerate(sums):
        others = _path(matrix - own_matrix, vector - own_vector, part * grid, used, active)
        held_out[:, k] = (chi2_of(own_matrix, own_vector, others) + own_constant)[:, active].sum(axis=1)
    return theta, held_out


def _fold_sums(flux: Floats, ivar: Floats, s2: Floats, design: Design, rows: slice) -> tuple[Floats, Floats, Floats]:
    """Normal equations of the stars of one fold."""
    own_flux, own_ivar, terms, products = (
        np.ascontiguousarray(array[rows]) for array in (flux, ivar, design.terms, design.products)
    )
    matrix, vector, constant = normal_sums(own_flux, own_ivar, s2, terms, products)
    return matrix, vector, constant


def _path(matrix: Floats, vector: Floats, grid: Floats, used: Bools, active: Bools) -> Floats:
    """Coefficients (K, T, B) for growing penalties; each starts from the next larger one."""
    theta = np.zeros((len(grid), *vector.shape))
    current = np.zeros(vector.shape)
    for k in reversed(range(len(grid))):
        lasso_pixels(matrix, vector, np.full(vector.shape[1], grid[k]), used, current, active)
        theta[k] = current
    return theta


def chi2_of(matrix: Floats, vector: Floats, theta: Floats) -> Floats:
    """``theta A theta - 2 b theta`` for coefficients (K, T, B): (K, B).

    >>> chi2_of(np.array([[2.0], [0.5], [3.0]]), np.array([[1.0], [0.0]]), np.array([[[1.0], [2.0]]])).tolist()
    [[14.0]]
    """
    first, second = np.triu_indices(theta.shape[1])
    twice = np.where(first == second, 1.0, 2.0)[:, None] * matrix
    form: Floats = np.einsum("cb,kcb->kb", twice, theta[:, first] * theta[:, second])
    form -= 2.0 * np.einsum("tb,ktb->kb", vector, theta)
    return form


def _checked(stars: TrainingSet, penalties: ArrayLike, folds: int) -> Floats:
    """The penalties in order, or an error."""
    grid = np.unique(np.asarray(penalties, dtype=float))
    if not len(grid) or not np.all(np.isfinite(grid) & (grid >= 0)):
        raise InputError("penalties must be finite numbers, zero or more.")
    if not 2 <= folds <= stars.n_stars:
        raise InputError(f"folds is {folds}; give 2 up to the number of stars, {stars.n_stars}.")
    if not np.isfinite(stars.labels).all():
        raise InputError("A regularization path needs complete labels; select the stars that have all of them.")
    return grid
