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

from manyfit.cube._judgement import Flags, Judgement, Maps, judge, outliers
from manyfit.cube._neighbours import around
from manyfit.cube._refit_report import report_of
from manyfit.cube._refits import Refits, at, rows_of
from manyfit.errors import StartWarning
from manyfit.kernels import Solution

if TYPE_CHECKING:
    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._task import Task
    from manyfit.fitting._parameters import Parameters
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
    rows
        Results of the changed ones, as `Refits` has them.
    """

    tried: Judgement
    lower: Flags
    nearer: Flags
    gain: Array
    rows: Mapping[str, NDArray[Any]]

    @property
    def places(self) -> NDArray[np.intp]:
        """Flat indices of the spectra that were changed."""
        return self.tried.places[self.lower | self.nearer]


def coherent(fit: CubeFit) -> CubeFit:
    """A fit with its outliers fitted again from their neighbours; ``fit.refits`` says what was done."""
    found = refits_of(fit.task, fit.result)
    return replace(fit, result=found.into(fit.result), refits=found.report)


def refits_of(task: Task, result: FitResult) -> Refits:
    """The spectra of a fit that become others when outliers are fitted again; the result stays as it is.

    Of the maps only what fits are judged by is held, and the rows that change.
    """
    maps = Maps.of(result.parameters)
    passes: list[Pass] = []
    todo = np.flatnonzero(task.select)
    while todo.size and result.shape and len(passes) < MOST_PASSES:
        wanted = outliers(maps, todo)
        if not wanted.places.size:
            break
        passes.append(_one_pass(task, result, maps, wanted))
        todo = around(passes[-1].places, task.select)
    report = report_of(passes, result, len(passes) < MOST_PASSES)
    return Refits(*_last(passes, result.parameters), report)


def _last(passes: list[Pass], parameters: Parameters) -> tuple[NDArray[np.intp], dict[str, NDArray[Any]]]:
    """The changed spectra in their order, and of each the rows of its last change."""
    none = np.zeros(0, np.intp)
    every = [none, *(done.places for done in passes)]
    places, last = np.unique(np.concatenate(every)[::-1], return_index=True)
    empty = rows_of(at(_empty(parameters), none, parameters.stored))
    found = [empty, *(done.rows for done in passes)]
    return places, {name: np.concatenate([rows[name] for rows in found])[::-1][last] for name in empty}


def _empty(parameters: Parameters) -> Parameters:
    """Parameters of no spectrum, with the types and trailing axes of some."""
    axes = len(parameters.shape)

    def none(array: Any) -> NDArray[Any]:
        return np.empty((0, *array.shape[axes:]), array.dtype)

    solution = Solution(**{f.name: none(getattr(parameters.solution, f.name)) for f in fields(Solution)})
    stored = {name: (none(value), none(error)) for name, (value, error) in parameters.stored.items()}
    return replace(parameters, solution=solution, stored=stored)


# -- one pass --------------------------------------------------------------------------------------------------------


def _one_pass(task: Task, result: FitResult, maps: Maps, wanted: Judgement) -> Pass:
    """Fit spectra again from the medians of their neighbours, and keep what is better."""
    again = _refitted(task, result, wanted)
    new, old = Maps.of(again), maps.at(wanted.places)
    room = EQUAL * np.abs(old.statistic)
    lower = new.good & (np.isnan(old.statistic) | (new.statistic < old.statistic - room))
    equal = new.good & ~lower & (new.statistic <= old.statistic + room)
    better = lower | equal
    maps.put(wanted.places[better], new.at(np.flatnonzero(better)))
    # judged among the neighbours as they are now, or two spectra could change places for ever
    now = judge(maps, wanted.places)
    nearer = equal & ((now.distance < 0.5 * wanted.distance) | wanted.failed)
    back = equal & ~nearer
    maps.put(wanted.places[back], old.at(np.flatnonzero(back)))
    changed = lower | nearer
    rows = {name: array[changed] for name, array in rows_of(again).items()}
    return Pass(wanted, lower, nearer, np.nan_to_num(old.statistic - new.statistic), rows)


def _refitted(task: Task, result: FitResult, wanted: Judgement) -> Parameters:
    """The parameters of the spectra alone."""
    select = np.zeros(result.shape, bool)
    select.reshape(-1)[wanted.places] = True
    with warnings.catch_warnings():
        # bounds of a spectrum may leave out the values of its neighbours: then it starts at its bound
        warnings.simplefilter("ignore", StartWarning)
        again = task.of(select, _starts(task, result, wanted)).run()
    return at(again.parameters, wanted.places, result.parameters.stored)


def _starts(task: Task, result: FitResult, wanted: Judgement) -> Mapping[str, Any]:
    starts = {}
    for name, medians in zip(result.parameters.columns.free, wanted.medians, strict=True):
        values = np.full(result.shape, np.nan)
        values.reshape(-1)[wanted.places] = medians
        unit = result.system.parameters[name]
        starts[name] = values if getattr(task.model, name).unit is None else values * unit
    return starts
