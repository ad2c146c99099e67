"""Refit of spectra whose fit is an outlier among its neighbours, from the neighbours' values, until nothing changes.

Outliers (see `_judgement`), and failed fits, start again from the medians of their neighbours. All spectra of a pass
are judged before any is changed, so the order of spectra, blocks and threads does not matter.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._judgement import Flags, Judgement, judge
from manyfit.cube._neighbours import around
from manyfit.cube._refit_report import report_of
from manyfit.errors import StartWarning
from manyfit.kernels import Solution

if TYPE_CHECKING:
    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._task import Task
    from manyfit.fitting._result import FitResult

Array = NDArray[np.float64]

#: Statistics that differ by less than this part of them are equal.
EQUAL = 1e-6
#: Passes after which it is given up that nothing changes.
MOST_PASSES = 50


@dataclass(frozen=True, eq=False)
class Pass:
    """What was refitted in one pass, and what came of it.

    Attributes
    ----------
    tried
        The spectra and why.
    lower, nearer
        Which were changed, to a lower statistic, or to an equal one nearer to the neighbours (n,).
    gain
        By how much the statistic fell (n,).
    """

    tried: Judgement
    lower: Flags
    nearer: Flags
    gain: Array

    @property
    def changed(self) -> NDArray[np.intp]:
        """Flat indices of the spectra that were changed."""
        return self.tried.places[self.lower | self.nearer]


def coherent(fit: CubeFit) -> CubeFit:
    """A fit with its outliers fitted again from their neighbours; ``fit.refits`` says what was done."""
    passes: list[Pass] = []
    result = fit.result
    todo = np.flatnonzero(fit.task.select)
    while todo.size and result.shape and len(passes) < MOST_PASSES:
        judgement = judge(result, todo)
        wanted = judgement.only(judgement.wanted)
        if not wanted.places.size:
            break
        result, done = _one_pass(fit.task, result, wanted)
        passes.append(done)
        todo = around(done.changed, fit.task.select)
    return replace(fit, result=result, refits=report_of(passes, result, len(passes) < MOST_PASSES))


# -- one pass --------------------------------------------------------------------------------------------------------


def _one_pass(task: Task, result: FitResult, wanted: Judgement) -> tuple[FitResult, Pass]:
    """Fit spectra again from the medians of their neighbours, and keep what is better."""
    again = _refitted(task, result, wanted)
    old, new = (np.asarray(r.statistic).reshape(-1)[wanted.places] for r in (result, again))
    good = np.asarray(again.good).reshape(-1)[wanted.places]
    room = EQUAL * np.abs(old)
    lower = good & (np.isnan(old) | (new < old - room))
    merged = _merged(result, again, wanted.places[lower])
    equal = good & ~lower & (new <= old + room)
    # judged among the neighbours as they are now, or two spectra could change places for ever
    now = judge(_merged(merged, again, wanted.places[equal]), wanted.places)
    nearer = equal & ((now.distance < 0.5 * wanted.distance) | wanted.failed)
    return _merged(merged, again, wanted.places[nearer]), Pass(wanted, lower, nearer, np.nan_to_num(old - new))


def _refitted(task: Task, result: FitResult, wanted: Judgement) -> FitResult:
    select = np.zeros(result.shape, bool)
    select.reshape(-1)[wanted.places] = True
    with warnings.catch_warnings():
        # bounds of a spectrum may leave out the values of its neighbours: then it starts at its bound
        warnings.simplefilter("ignore", StartWarning)
        return task.of(select, _starts(task, result, wanted)).run()


def _starts(task: Task, result: FitResult, wanted: Judgement) -> Mapping[str, Any]:
    starts = {}
    for name, medians in zip(result.parameters.columns.free, wanted.medians, strict=True):
        values = np.full(result.shape, np.nan)
        values.reshape(-1)[wanted.places] = medians
        unit = result.system.parameters[name]
        starts[name] = values if getattr(task.model, name).unit is None else values * unit
    return starts


def _merged(result: FitResult, again: FitResult, places: NDArray[np.intp]) -> FitResult:
    """A result with some of its spectra taken from another."""
    if not places.size:
        return result

    def taken(old: Any, new: Any) -> Any:
        whole = np.array(old)
        whole.reshape(-1, *whole.shape[len(result.shape) :])[places] = new.reshape(-1, *new.shape[len(result.shape) :])[
            places
        ]
        return whole

    ours, theirs = result.parameters, again.parameters
    arrays = {f.name: taken(getattr(ours.solution, f.name), getattr(theirs.solution, f.name)) for f in fields(Solution)}
    stored = {
        name: (taken(value, theirs.value(name)), taken(error, theirs.error(name)))
        for name, (value, error) in ours.stored.items()
    }
    return replace(result, parameters=replace(ours, solution=Solution(**arrays), stored=stored))
