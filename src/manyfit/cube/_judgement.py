"""How far the fit of a spectrum is from those of its neighbours.

A fit is judged against the fits among its (eight) neighbours that converged off their bounds: by the distance of each
free parameter from their median, in units of ``sqrt(own error**2 + median error**2 + scatter**2)``; the scatter is
1.48 times the median absolute deviation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._neighbours import neighbours
from manyfit.cube._robust import MAD_TO_STD
from manyfit.kernels import Status
from manyfit.kernels._status import LAST_GOOD

if TYPE_CHECKING:
    from manyfit.fitting._parameters import Parameters

Array = NDArray[np.float64]
Flags = NDArray[np.bool]

#: Distance from the neighbours, in combined standard deviations, above which a fit is an outlier.
OUTLIER = 5.0
#: Fewest good neighbours that a fit is judged by.
FEWEST = 3
#: An error larger than this many times that of the neighbours is no excuse: a bad fit often has a large error.
EXCUSE = 3.0
#: Spectra that are judged together: each takes half a kilobyte.
AT_ONCE = 16384
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
class Maps:
    """What fits are judged by, flat; the only arrays here that are changed in place.

    Attributes
    ----------
    shape
        Of the maps.
    good
        Where a fit converged.
    inside
        Where it did so off its bounds: a value on a bound is no witness.
    hopeless
        Where nothing can be fitted.
    statistic
        Value of the statistic.
    values, errors
        Those of the free parameters (parameters, n).
    """

    shape: tuple[int, ...]
    good: Flags
    inside: Flags
    hopeless: Flags
    statistic: Array
    values: Array
    errors: Array

    @classmethod
    def of(cls, parameters: Parameters) -> Maps:
        """Those of parameters, which are read once where they are in a store."""
        solution, names = parameters.solution, parameters.columns.free
        values, errors, status, statistic = _computed(
            [parameters.value(name) for name in names],
            [parameters.error(name) for name in names],
            solution.status,
            solution.statistic,
        )
        status, statistic = status.reshape(-1), np.array(statistic).reshape(-1)
        good = (status <= LAST_GOOD) & np.isfinite(statistic)
        rows = (np.array(each, np.float64).reshape(len(names), -1) for each in (values, errors))
        hopeless = np.isin(status, HOPELESS)
        return cls(parameters.shape, good, good & (status != Status.AT_BOUND), hopeless, statistic, *rows)

    def at(self, places: NDArray[np.intp]) -> Maps:
        """Those of some spectra, a copy."""
        arrays = {name: getattr(self, name)[..., places] for name in _ARRAYS}
        return Maps(shape=places.shape, **arrays)

    def put(self, places: NDArray[np.intp], others: Maps) -> None:
        """Take other fits of some spectra."""
        for name in _ARRAYS:
            getattr(self, name)[..., places] = getattr(others, name)


_ARRAYS = tuple(f.name for f in fields(Maps) if f.name != "shape")


def _computed(*arrays: Any) -> Any:
    """NumPy arrays, of dask arrays those that they give."""
    if isinstance(arrays[-1], np.ndarray):
        return arrays
    from dask.base import compute

    return compute(*arrays)


def judge(maps: Maps, places: NDArray[np.intp]) -> Judgement:
    """Judge spectra, given by flat indices, against their neighbours."""
    return _joined([_judged(maps, part) for part in _parts(places)])


def outliers(maps: Maps, places: NDArray[np.intp]) -> Judgement:
    """The judgement of those of some spectra that are to be fitted again."""
    pieces = (_judged(maps, part) for part in _parts(places))
    return _joined([piece.only(piece.wanted) for piece in pieces])


def _parts(places: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    return (places[i : i + AT_ONCE] for i in range(0, max(len(places), 1), AT_ONCE))


def _joined(pieces: list[Judgement]) -> Judgement:
    joined = {f.name: np.concatenate([getattr(piece, f.name) for piece in pieces], -1) for f in fields(Judgement)}
    return Judgement(**joined)


def _judged(maps: Maps, places: NDArray[np.intp]) -> Judgement:
    around = neighbours(places, maps.shape)
    usable = maps.inside[around] & (around >= 0)
    judged = (usable.sum(axis=1) >= FEWEST) & ~maps.hopeless[places]
    n = len(maps.values)
    distances, medians = np.zeros((n, places.size)), np.full((n, places.size), np.nan)
    for i, (value, error) in enumerate(zip(maps.values, maps.errors, strict=True)):
        distances[i], medians[i] = _distance(value, error, places, around, usable)
    worst = np.argmax(distances, axis=0) if n else np.zeros(places.size, np.intp)
    distance = np.max(distances, axis=0, initial=0.0)
    return Judgement(places, judged, judged & ~maps.good[places], distance, worst, medians)


def _distance(
    value: Array, error: Array, places: NDArray[np.intp], around: NDArray[np.intp], usable: Flags
) -> tuple[Array, Array]:
    """Distance of values from the medians of their neighbours, in combined standard deviations; and the medians."""
    near = np.where(usable, value[around], np.nan)
    middle = median(near)
    scatter = MAD_TO_STD * median(np.abs(near - middle[:, None]))
    typical = np.nan_to_num(median(np.where(usable, error[around], np.nan)))
    own = np.minimum(np.nan_to_num(error[places]), EXCUSE * typical)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.abs(value[places] - middle) / np.sqrt(own**2 + typical**2 + scatter**2)
    return np.nan_to_num(distance, nan=0.0, posinf=0.0), middle


def median(values: Array) -> Array:
    """Medians of rows without their NaN; NaN for a row of NaN."""
    ordered = np.sort(values, axis=1)  # NaN last
    count = np.isfinite(values).sum(axis=1)
    row, last = np.arange(len(values)), values.shape[1] - 1
    middle: Array = 0.5 * (ordered[row, np.maximum(count - 1, 0) // 2] + ordered[row, np.minimum(count // 2, last)])
    return middle
