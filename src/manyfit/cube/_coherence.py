"""Refit of spectra whose fit is an outlier among its neighbours, from the neighbours' values, until nothing changes.

A fit is judged against the fits among its (eight) neighbours that converged off their bounds: by the distance of each
free parameter from their median, in units of ``sqrt(own error**2 + median error**2 + scatter**2)``; the scatter is
1.48 times the median absolute deviation. Outliers, and failed fits, start again from the medians. All spectra of a pass
are judged before any is changed, so the order of spectra, blocks and threads does not matter.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._refit_report import RefitReport, report_of
from manyfit.errors import StartWarning
from manyfit.kernels import Solution, Status

if TYPE_CHECKING:
    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._task import Task
    from manyfit.fitting._result import FitResult

Array = NDArray[np.float64]
Flags = NDArray[np.bool]

#: Distance from the neighbours, in combined standard deviations, above which a fit is an outlier.
OUTLIER = 5.0
#: Fewest good neighbours that a fit is judged by.
FEWEST = 3
#: An error larger than this many times that of the neighbours is no excuse: a bad fit often has a large error.
EXCUSE = 3.0
#: Statistics that differ by less than this part of them are equal.
EQUAL = 1e-6
#: Passes after which it is given up that nothing changes.
MOST_PASSES = 50
MAD = 1.482602218505602
HOPELESS = (Status.NO_VALID_POINTS, Status.TOO_FEW_POINTS, Status.NOT_FITTED)


@dataclass(frozen=True, eq=False)
class Judgement:
    """Some spectra against their neighbours.

    Attributes
    ----------
    places
        Flat indices of the spectra (n,).
    judged
        Which have enough good neighbours (n,).
    failed
        Which of those are no good fits (n,).
    distance
        Largest distance of a parameter from the median, in combined standard deviations (n,).
    worst
        Number of that parameter (n,).
    medians
        Medians of the good neighbours (parameters, n).
    """

    places: NDArray[np.intp]
    judged: Flags
    failed: Flags
    distance: Array
    worst: NDArray[np.intp]
    medians: Array

    @property
    def wanted(self) -> Flags:
        """Which are to be fitted again."""
        return self.judged & (self.failed | (self.distance > OUTLIER))

    def only(self, which: Flags) -> Judgement:
        """Some of them."""
        return Judgement(
            self.places[which],
            self.judged[which],
            self.failed[which],
            self.distance[which],
            self.worst[which],
            self.medians[:, which],
        )


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
        todo = _near(done.changed, fit.task.select)
    return replace(fit, result=result, refits=report_of(passes, result, len(passes) < MOST_PASSES))


def judge(result: FitResult, places: NDArray[np.intp]) -> Judgement:
    """Judge spectra, given by flat indices, against their neighbours."""
    good = np.asarray(result.good) & np.asarray(result.parameters.fitted)
    around = _neighbours(places, result.shape)
    inside = good & (np.asarray(result.status) != Status.AT_BOUND)  # a value on a bound is no witness
    usable = inside.reshape(-1)[around] & (around >= 0)
    names = result.parameters.columns.free
    judged = (usable.sum(axis=1) >= FEWEST) & ~np.isin(result.status.reshape(-1)[places], HOPELESS)
    distances, medians = np.zeros((len(names), places.size)), np.full((len(names), places.size), np.nan)
    for i, name in enumerate(names):
        value, error = (np.asarray(f(name)).reshape(-1) for f in (result.parameters.value, result.parameters.error))
        distances[i], medians[i] = _distance(value, error, places, around, usable)
    worst = np.argmax(distances, axis=0) if names else np.zeros(places.size, np.intp)
    distance = np.max(distances, axis=0, initial=0.0)
    return Judgement(places, judged, judged & ~good.reshape(-1)[places], distance, worst, medians)


def _distance(
    value: Array, error: Array, places: NDArray[np.intp], around: NDArray[np.intp], usable: Flags
) -> tuple[Array, Array]:
    """Distance of values from the medians of their neighbours, in combined standard deviations; and the medians."""
    near = np.where(usable, value[around], np.nan)
    median = _median(near)
    scatter = MAD * _median(np.abs(near - median[:, None]))
    typical = np.nan_to_num(_median(np.where(usable, error[around], np.nan)))
    own = np.minimum(np.nan_to_num(error[places]), EXCUSE * typical)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.abs(value[places] - median) / np.sqrt(own**2 + typical**2 + scatter**2)
    return np.nan_to_num(distance, nan=0.0, posinf=0.0), median


def _median(values: Array) -> Array:
    """Medians of rows without their NaN; NaN for a row of NaN."""
    ordered = np.sort(values, axis=1)  # NaN last
    count = np.isfinite(values).sum(axis=1)
    row, last = np.arange(len(values)), values.shape[1] - 1
    middle: Array = 0.5 * (ordered[row, np.maximum(count - 1, 0) // 2] + ordered[row, np.minimum(count // 2, last)])
    return middle


def _offsets(n_axes: int) -> Iterator[tuple[int, ...]]:
    return (offset for offset in product((-1, 0, 1), repeat=n_axes) if any(offset))


def _neighbours(places: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Flat indices of the neighbours (n, neighbours), -1 outside of the map."""
    index = np.array(np.unravel_index(places, shape))
    columns = []
    for offset in _offsets(len(shape)):
        moved = index + np.array(offset)[:, None]
        inside = np.all((moved >= 0) & (moved < np.array(shape)[:, None]), axis=0)
        columns.append(np.where(inside, np.ravel_multi_index(tuple(moved), shape, mode="clip"), -1))
    return np.stack(columns, axis=1)


def _near(changed: NDArray[np.intp], select: Flags) -> NDArray[np.intp]:
    """The selected spectra whose neighbours have changed: only they can be judged otherwise than before."""
    near = np.unique(np.concatenate([changed, _neighbours(changed, select.shape).reshape(-1)]))
    near = near[near >= 0]
    return np.asarray(near[select.reshape(-1)[near]])


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
        name: tuple(taken(a, b) for a, b in zip(pair, theirs.stored[name], strict=True))
        for name, pair in ours.stored.items()
    }
    return replace(result, parameters=replace(ours, solution=Solution(**arrays), stored=stored))


__all__ = ["RefitReport", "coherent", "judge"]
