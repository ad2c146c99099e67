"""Labels of stars by a trained model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.blocks import Block, executor_for, plan, run
from manyfit.errors import InputError

from ._expansion import Expansion, SearchOptions, Solutions, hidden_columns
from ._flags import FlagLimits, flags_of, leverage, mahalanobis
from ._label_table import LabelTable
from ._model import CannonModel
from ._nuisance import Nuisance, NuisanceSolver

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
) -> LabelTable:
    """Labels of stars, with errors and flags: what `CannonModel.infer` does."""
    spectra = _checked(model, flux, ivar, mask)
    _check_wavelength(model, wavelength)
    _check_counts(n_starts=n_starts, max_iterations=max_iterations)
    search = SearchOptions(n_starts, max_iterations, second_derivatives)
    solver = solver_for(model, search, nuisance)
    executor = executor_for(scheduler, workers)
    n_stars, n_pixels = spectra[0].shape
    parts: dict[int, LabelTable] = {}
    stars = plan((n_stars,), bytes_per_element=16 * n_pixels, n_workers=executor.n_workers, max_elements=BLOCK)

    def work(block: Block) -> LabelTable:
        flux, ivar, mask = (piece(array, block.slices[0]) for array in spectra)
        return infer_block(model, solver, flux, ivar, mask, limits or FlagLimits())

    run(stars, work, collect=lambda b, part: parts.update({b.index: part}), executor=executor, progress=progress)
    if not parts:
        return infer_block(model, solver, np.empty((0, n_pixels)), np.empty((0, n_pixels)), None, FlagLimits())
    return LabelTable.concatenate([parts[index] for index in sorted(parts)])


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


def piece(array: NDArray[Any] | None, rows: slice) -> Any:
    """Rows of an array, contiguous and in a number format that kernels take."""
    if array is None:
        return None
    piece = np.asarray(array[rows])
    kind = piece.dtype if piece.dtype in {np.dtype("f4"), np.dtype("f8"), np.dtype(bool)} else np.dtype("f8")
    return np.ascontiguousarray(piece, dtype=kind)


def _checked(
    model: CannonModel, flux: ArrayLike, ivar: ArrayLike, mask: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """The arrays with a row for each star, or an error that says what does not belong together."""
    arrays = [None if a is None else _rows(a) for a in (flux, ivar, mask)]
    n_pixels, shape = len(model.wavelength), arrays[0].shape if arrays[0] is not None else ()
    for name, array in zip(("flux", "ivar", "mask"), arrays, strict=True):
        if array is not None and (array.shape != shape or array.ndim != 2 or shape[-1] != n_pixels):
            raise InputError(
                f"{name} has the shape {array.shape}; give (stars, {n_pixels}) like the model, the same for flux, ivar "
                "and mask. Resample spectra of another wavelength grid first (manyfit.spectra)."
            )
    return arrays[0], arrays[1], arrays[2]  # type: ignore[return-value]


def _rows(array: Any) -> NDArray[Any]:
    """An array with a row for each star, without reading a file that it is mapped to."""
    given: NDArray[Any] = array if isinstance(array, np.ndarray) else np.asarray(array)
    return given[None, :] if given.ndim == 1 else given


def _check_wavelength(model: CannonModel, wavelength: ArrayLike | None) -> None:
    if wavelength is None:
        return
    given = np.asarray(wavelength, dtype=float)
    if given.shape != model.wavelength.shape or not np.allclose(given, model.wavelength, rtol=SAME_WAVELENGTH, atol=0):
        raise InputError(
            f"wavelength differs from that of the model: {_described(given)} against {_described(model.wavelength)}. "
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
