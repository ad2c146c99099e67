"""Labels of stars by a trained model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.blocks import Block, Executor, executor_for, plan, run
from manyfit.errors import InputError
from manyfit.fitting._source import source_of

from ._expansion import Expansion, SearchOptions, Solutions, hidden_columns
from ._flags import FlagLimits, flags_of, leverage, mahalanobis
from ._label_table import LabelTable
from ._model import CannonModel
from ._nuisance import Nuisance, NuisanceSolver
from ._stars import ArrayStars

Floats = NDArray[np.float64]

BLOCK = 256  # stars of a piece of work
SAME_WAVELENGTH = 1e-6  # relative; a tenth of a pixel of APOGEE


def infer(
    model: CannonModel,
    flux: ArrayLike,
    ivar: ArrayLike,
    *,
    wavelength: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    n_starts: int = 4,
    second_derivatives: bool = True,
    max_iterations: int = 50,
    nuisance: Nuisance | None = None,
    limits: FlagLimits | None = None,
    scheduler: object = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    store: str | Path | None = None,
) -> LabelTable:
    """Labels of stars, with errors and flags: what `CannonModel.infer` does."""
    stars = _checked(model, flux, ivar, mask)
    if wavelength is not None:
        check_wavelength(model.wavelength, np.asarray(wavelength, dtype=float))
    _check_counts(n_starts=n_starts, max_iterations=max_iterations)
    search = SearchOptions(n_starts, max_iterations, second_derivatives)
    labelling, executor = Labelling(model, search, nuisance, limits or FlagLimits()), executor_for(scheduler, workers)
    if store is not None:
        from ._label_store import label_into

        label_into(store, labelling, stars, executor, progress)
        return LabelTable.open(store)
    return _in_memory(labelling, stars, executor, progress)


def _in_memory(
    labelling: Labelling, stars: ArrayStars, executor: Executor, progress: Callable[[int, int], None] | None
) -> LabelTable:
    parts, n_pixels = {-1: labelling.nothing()}, len(labelling.model.wavelength)
    shape = (stars.n_stars,)
    blocks = plan(shape, bytes_per_element=16 * n_pixels, n_workers=executor.n_workers, max_elements=BLOCK)

    def collect(block: Block, part: LabelTable) -> None:
        parts[block.index] = part

    run(blocks, MemoryWork(labelling, stars), collect=collect, executor=executor, progress=progress)
    return LabelTable.concatenate([parts[index] for index in sorted(parts)])


@dataclass(frozen=True, eq=False)
class MemoryWork:
    """Labels a block of stars, and gives the labels back."""

    labelling: Labelling
    stars: ArrayStars

    def __call__(self, block: Block) -> LabelTable:
        """The labels."""
        part = self.stars.read(block)
        return self.labelling(part.flux, part.ivar, part.mask)


@dataclass(frozen=True, eq=False)
class Labelling:
    """How stars are labelled.

    Attributes
    ----------
    model
        The model.
    search
        How the minimum is looked for.
    nuisance
        What is fitted besides the labels.
    limits
        Where flags begin.
    """

    model: CannonModel
    search: SearchOptions
    nuisance: Nuisance | None
    limits: FlagLimits

    @cached_property
    def solver(self) -> Solver:
        """What solves a block; each worker makes its own."""
        return solver_for(self.model, self.search, self.nuisance)

    def __call__(self, flux: NDArray[Any], ivar: NDArray[Any], mask: NDArray[np.bool_] | None = None) -> LabelTable:
        """Labels of stars (S, P) that are in memory."""
        return infer_block(self.model, self.solver, flux, ivar, mask, self.limits)

    def nothing(self) -> LabelTable:
        """The table of no stars."""
        flux, ivar = np.empty((2, 0, len(self.model.wavelength)))
        return self(flux, ivar)

    def __reduce__(self) -> tuple[type[Labelling], tuple[Any, ...]]:
        return (Labelling, (self.model, self.search, self.nuisance, self.limits))


Solver = Callable[[NDArray[Any], NDArray[Any]], tuple[Solutions, dict[str, Floats], dict[str, Floats]]]


def solver_for(model: CannonModel, search: SearchOptions, nuisance: Nuisance | None) -> Solver:
    """What solves a block of spectra: the labels alone, or labels and nuisance terms."""
    if nuisance is not None:
        return NuisanceSolver(model, search, nuisance).solve
    expansion = Expansion.of(model, model.coefficients, model.s2, model.powers)

    def solve(flux: NDArray[Any], ivar: NDArray[Any]) -> tuple[Solutions, dict[str, Floats], dict[str, Floats]]:
        solutions = expansion.solve(flux, ivar, search)
        return solutions, *hidden_columns(solutions, len(model.label_names), model.n_hidden)

    return solve


def infer_block(
    model: CannonModel,
    solver: Solver,
    flux: NDArray[Any],
    ivar: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    limits: FlagLimits,
) -> LabelTable:
    """Labels of a block of stars that is in memory; no number depends on how stars are put into blocks."""
    solutions, nuisance, errors = solver(flux, ivar if mask is None else np.where(mask, ivar.dtype.type(0), ivar))
    n_labels, scale = len(model.label_names), model.scaling.scale
    formal = solutions.covariance[:, :n_labels, :n_labels] * np.outer(scale, scale)
    labels = model.scaling.to_labels(solutions.unknowns[:, :n_labels])
    pixels = solutions.chip_pixels.sum(axis=1)
    table = LabelTable(
        label_names=model.label_names,
        labels=labels,
        covariance=formal if model.calibration is None else model.calibration.calibrated(formal),
        formal_covariance=formal,
        chi2=solutions.chip_chi2.sum(axis=1),
        dof=np.maximum(pixels - solutions.unknowns.shape[1], 0),
        n_pixels=pixels,
        status=solutions.status,
        flags=np.zeros(len(labels), dtype=np.int64),
        best_start=solutions.best_start,
        n_iter=solutions.n_iter,
        mahalanobis=mahalanobis(model, labels),
        leverage=leverage(model, labels),
        chip_chi2=solutions.chip_chi2,
        chip_pixels=solutions.chip_pixels,
        nuisance=nuisance,
        nuisance_error=errors,
    )
    return replace(table, flags=flags_of(model, table, solutions.gap, limits))


def _checked(model: CannonModel, flux: ArrayLike, ivar: ArrayLike, mask: ArrayLike | None) -> ArrayStars:
    """The arrays with a row for each star, or an error that says what does not belong together."""
    given = {"flux": flux, "ivar": ivar} | ({} if mask is None else {"mask": mask})
    sources = {name: source_of(_rows(array), name) for name, array in given.items()}
    n_pixels, shape = len(model.wavelength), sources["flux"].shape
    for name, source in sources.items():
        if source.shape != shape or len(shape) != 2 or shape[-1] != n_pixels:
            raise InputError(
                f"{name} has the shape {source.shape}; give (stars, {n_pixels}) like the model, the same for flux, "
                "ivar and mask. Resample spectra of another wavelength grid first (manyfit.spectra)."
            )
    return ArrayStars(**sources)


def _rows(array: Any) -> Any:
    """An array with a row for each star, without reading what is in a file or a cluster."""
    given = array if hasattr(array, "shape") and hasattr(array, "dtype") else np.asarray(array)
    return np.asarray(given)[None, :] if given.ndim == 1 else given


def check_wavelength(wanted: Floats, given: Floats) -> None:
    """That spectra are on the wavelengths of a model.

    Raises
    ------
    InputError
        They are not.
    """
    if given.shape != wanted.shape or not np.allclose(given, wanted, rtol=SAME_WAVELENGTH, atol=0):
        raise InputError(
            f"wavelength differs from that of the model: {_described(given)} against {_described(wanted)}. "
            "Resample the spectra to model.wavelength first (manyfit.spectra)."
        )


def _described(wavelength: Floats) -> str:
    if wavelength.size == 0:
        return "none"
    return f"{wavelength.size} pixels from {wavelength.flat[0]:.3f} to {wavelength.flat[-1]:.3f}"


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise InputError(f"{name} is {count}; give 1 or more.")
