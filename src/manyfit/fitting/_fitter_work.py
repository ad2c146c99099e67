"""The work on one block with an astropy fitter: one element at a time."""

from __future__ import annotations

import threading
import traceback
import warnings
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels import Solution, Status

from ._diagnostics import Diagnostics
from ._element import Element, elements
from ._element_fit import ElementFit, fit_element, refusal
from ._fit_info import evaluations, record
from ._parameters import Parameters
from ._tile import Tiles
from ._work import Columns

if TYPE_CHECKING:
    from astropy.modeling import Model

    from ..blocks import Block

Array = NDArray[np.float64]

#: The most tracebacks that one block keeps: the same few errors repeat.
MOST_ERRORS = 100
#: What astropy's fitters warn of when they stop before convergence.
STOPPED = "fit may be unsuccessful"
# Recording warnings changes a setting of the whole process, so only one thread at a time can do it. Threads
# lose nothing by that: the fitters hold the GIL.
_RECORDING = threading.Lock()


@dataclass(frozen=True)
class FitterOutcome:
    """What became of the elements of a block, or of all of them.

    Attributes
    ----------
    solution
        As from a kernel.
    tied, tied_variance
        The tied parameters (elements, tied) and their variances, not scaled by the residuals.
    errors
        Tracebacks by flat index of the element; not more than the first `MOST_ERRORS` of a block.
    info
        Records of the fitter (elements,), None for elements without; None if they are not kept.
    """

    solution: Solution
    tied: Array
    tied_variance: Array
    errors: dict[int, str] = field(default_factory=dict)
    info: NDArray[np.object_] | None = None

    @classmethod
    def empty(cls, n: int, columns: Columns, *, with_info: bool) -> FitterOutcome:
        """Room for some elements, NaN so far."""
        return cls(
            Solution.empty(n, len(columns.free)),
            np.full((n, len(columns.tied)), np.nan),
            np.full((n, len(columns.tied)), np.nan),
            {},
            np.full(n, None, object) if with_info else None,
        )


@dataclass(frozen=True)
class FitterWork:
    """Fits blocks with an astropy fitter. It can be pickled if the model and the fitter can.

    Attributes
    ----------
    tiles
        Reads the data.
    model
        Model without units, with one number per parameter.
    columns
        Kinds of its parameters.
    fitter
        Called as ``fitter(model, *x, y, weights=..., inplace=True)``; each block has a copy of its own.
    fitter_kwargs
        Other arguments of the call.
    nan_is_masked
        Whether data that are not finite are left out; if not, they are left to the fitter.
    with_covariance
        Whether to compute the covariance.
    keep
        Which entries of ``fitter.fit_info`` to keep: True, False or names.
    diagnostics
        What to write to files, or None.
    """

    tiles: Tiles
    model: Model
    columns: Columns
    fitter: Any
    fitter_kwargs: Mapping[str, Any] = field(default_factory=dict)
    nan_is_masked: bool = True
    with_covariance: bool = True
    keep: bool | tuple[str, ...] = False
    diagnostics: Diagnostics | None = None

    def __call__(self, block: Block) -> FitterOutcome:
        """Fit the elements of a block."""
        outcome = FitterOutcome.empty(block.n_elements, self.columns, with_info=bool(self.keep))
        model, fitter = self.model.copy(), deepcopy(self.fitter)
        for i, element in enumerate(elements(self.tiles, block.slices, nan_is_masked=self.nan_is_masked)):
            outcome.solution.n_points[i] = element.n_points
            if element.n_points == 0:
                outcome.solution.status[i] = Status.NO_VALID_POINTS
                continue
            attempt = self._attempt(model, fitter, element)
            self._store(outcome, i, attempt, fitter)
            if self.diagnostics is not None:
                fitted = None if attempt.fit is None else attempt.fit.model
                self.diagnostics.write(_index(block, i), element, fitted, attempt.error, attempt.warned)
        return outcome

    def _attempt(self, model: Model, fitter: Any, element: Element) -> _Attempt:
        if (refused := refusal(element, len(self.columns.free))) is not None:
            return _Attempt(*refused)
        with _RECORDING, warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                call = partial(fitter, inplace=True, **self.fitter_kwargs)
                fit = fit_element(model, call, element, self.columns, with_covariance=self.with_covariance)
            except Exception:  # noqa: BLE001 - whatever a model or a fitter raises belongs to its element
                return _Attempt(Status.WORKER_ERROR, traceback.format_exc(), tuple(warned))
        stopped = fit.status == Status.FALLBACK and any(STOPPED in str(w.message) for w in warned)
        return _Attempt(Status.MAX_ITERATIONS if stopped else fit.status, "", tuple(warned), fit)

    def _store(self, outcome: FitterOutcome, i: int, attempt: _Attempt, fitter: Any) -> None:
        solution = outcome.solution
        solution.status[i] = attempt.status
        if attempt.error and len(outcome.errors) < MOST_ERRORS:
            outcome.errors[i] = attempt.error
        if attempt.fit is None or attempt.status == Status.NON_FINITE:
            return
        fit, info = attempt.fit, getattr(fitter, "fit_info", None)
        solution.values[i], solution.statistic[i] = fit.values, fit.statistic
        solution.covariance[i] = fit.covariance[np.tril_indices(len(fit.values))]
        outcome.tied[i], outcome.tied_variance[i] = fit.tied, fit.tied_variance
        solution.n_iter[i] = evaluations(info)
        if outcome.info is not None:
            outcome.info[i] = record(info, self.keep)


@dataclass(frozen=True)
class _Attempt:
    """The fit of one element, or the error that stopped it, and the warnings on the way."""

    status: Status
    error: str = ""
    warned: tuple[warnings.WarningMessage, ...] = ()
    fit: ElementFit | None = None


def tied_of(outcome: FitterOutcome, parameters: Parameters) -> dict[str, tuple[Any, Any]]:
    """Values and errors of the tied parameters of a model that is not compiled."""
    errors = np.sqrt(outcome.tied_variance * np.expand_dims(parameters.variance_factor, -1))
    return {name: (outcome.tied[..., i], errors[..., i]) for i, name in enumerate(parameters.columns.tied)}


def _index(block: Block, i: int) -> tuple[int, ...]:
    """Where an element of a block is in the iterating shape."""
    within = np.unravel_index(i, block.shape) if block.shape else ()
    return tuple(int(k) + part.start for k, part in zip(within, block.slices, strict=True))
