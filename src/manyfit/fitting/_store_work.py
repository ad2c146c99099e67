"""The work on one block of a store: fit it, and make of the results what is written of its elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block, Field
from manyfit.kernels import Solution, Status
from manyfit.kernels._expression import Node

from ._exports import FLAGS
from ._fitter_work import FitterOutcome, tied_of
from ._parameters import Parameters
from ._start import PerParameter
from ._work import Columns

#: Arrays of a solution that are stored as they are.
PLAIN = ("covariance", "statistic", "n_points", "n_iter", "status")


def fields_of(columns: Columns, units: Mapping[str, Any]) -> dict[str, Field]:
    """The arrays of a store: all parameters in the order of the model, errors, and the rest of a solution."""
    n, pairs = len(columns.names), len(columns.free) * (len(columns.free) + 1) // 2
    said = {"parameters": list(columns.names), "units": [units[name] for name in columns.names]}
    triangle = {"free": list(columns.free), "comment": "lower triangles; not scaled by the residuals"}
    return {
        "values": Field("float64", (n,), dims=("parameter",), attributes=said),
        "errors": Field("float64", (n,), dims=("parameter",), attributes=said),
        "covariance": Field("float64", (pairs,), dims=("pair",), attributes=triangle),
        "statistic": Field("float64"),
        "n_points": Field("int32", fill=0),
        "n_iter": Field("int32", fill=0),
        "status": Field("int8", fill=int(Status.NOT_FITTED), attributes=FLAGS),
    }


@dataclass(frozen=True)
class Kept:
    """Results of a block with the arrays (elements, points) that are kept."""

    outcome: Solution | FitterOutcome
    arrays: dict[str, NDArray[np.float64]]


Outcome = Solution | FitterOutcome | Kept


@dataclass(frozen=True)
class ParametersOf:
    """Makes parameters of the results of a block.

    Attributes
    ----------
    columns
        Order of the parameters.
    tied
        Expressions of the tied parameters, if the model is compiled.
    absolute_sigma
        Whether covariances are absolute.
    """

    columns: Columns
    tied: Mapping[str, Node]
    absolute_sigma: bool

    def __call__(self, outcome: Solution | FitterOutcome, start: NDArray[np.float64]) -> Parameters:
        """Values and errors of all parameters; start values are those of the fixed ones."""
        solution = outcome.solution if isinstance(outcome, FitterOutcome) else outcome
        fixed = {name: start[:, self.columns.names.index(name)] for name in self.columns.fixed}
        parameters = Parameters(self.columns, solution, fixed, self.tied, self.absolute_sigma)
        if isinstance(outcome, FitterOutcome):
            return replace(parameters, stored=tied_of(outcome, parameters))
        return parameters


@dataclass(frozen=True)
class StoreWork:
    """Fits blocks, and makes of the results what a store holds.

    Attributes
    ----------
    work
        Fits a block.
    parameters
        Makes the parameters.
    start
        Start values, for the fixed parameters.
    """

    work: Callable[[Block], Outcome]
    parameters: ParametersOf
    start: PerParameter

    def __call__(self, block: Block) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays of a block by name, and tracebacks as notes about it."""
        done = self.work(block)
        kept, outcome = (done.arrays, done.outcome) if isinstance(done, Kept) else ({}, done)
        notes: dict[str, Any] = {}
        if isinstance(outcome, FitterOutcome) and outcome.errors:
            notes = {"tracebacks": {str(i): text for i, text in outcome.errors.items()}}
        return self._arrays(block, outcome) | kept, notes

    def _arrays(self, block: Block, outcome: Solution | FitterOutcome) -> dict[str, NDArray[Any]]:
        solution, names = (
            outcome.solution if isinstance(outcome, FitterOutcome) else outcome,
            self.parameters.columns.names,
        )
        with np.errstate(all="ignore"):  # an element without errors is NaN, which is said by its status
            parameters = self.parameters(outcome, self.start.read(block.slices))
            values = np.stack([parameters.value(name) for name in names], axis=-1)
            errors = np.stack([parameters.error(name) for name in names], axis=-1)
        return {"values": values, "errors": errors, **{name: getattr(solution, name) for name in PLAIN}}
