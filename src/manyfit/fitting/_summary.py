"""What a fit came to: how many elements converged, what became of the others, typical values and errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import nan, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels import Status
from ..kernels._status import TABLE
from ._summary_text import html_lines, text_lines
from ._template import shown

if TYPE_CHECKING:
    from ._result import FitResult


@dataclass(frozen=True)
class StatusLine:
    """How many elements have one status, and what to do about it."""

    name: str
    count: int
    percent: float
    sentence: str
    remedy: str


@dataclass(frozen=True)
class ParameterLine:
    """Median, 16th and 84th percentile of one parameter and its median error, over the good fits."""

    name: str
    kind: str
    median: float
    low: float
    high: float
    error: float
    unit: str


@dataclass(frozen=True, repr=False)
class Summary:
    """What a fit came to; its text is ``str(summary)``.

    Attributes
    ----------
    model
        Classes of the model.
    shape
        Shape of the maps.
    options
        Statistic and precision, in words.
    statuses
        One line for each status that occurs; empty for a result that is not computed.
    parameters
        One line for each parameter; likewise.
    reduced_statistic
        Median of statistic / dof over the good fits.
    evaluations
        Mean number of evaluations of the model for each element that was fitted.
    seconds
        Time of the fit, None if it is not known.
    every
        Medians are of every so-many-th element: 1 for all.
    """

    model: str
    shape: tuple[int, ...]
    options: str
    statuses: tuple[StatusLine, ...]
    parameters: tuple[ParameterLine, ...]
    reduced_statistic: float
    evaluations: float
    seconds: float | None
    every: int = 1

    @property
    def n_elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def n_fitted(self) -> int:
        """Number of elements that were selected and reached."""
        left_out = TABLE[Status.NOT_FITTED].name
        return self.n_elements - sum(line.count for line in self.statuses if line.name == left_out)

    def __str__(self) -> str:
        """Fixed-width text."""
        return "\n".join(text_lines(self))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return "\n".join(html_lines(self))


def summary(result: FitResult) -> Summary:
    """The summary of a result; of one that is not computed, only what is known before.

    A store is read block by block.
    """
    if result.is_lazy and result.store is not None:
        from ._store_summary import summary_of_store

        return summary_of_store(result, result.store)
    options = f"{result.options.statistic}, {result.options.precision}"
    model, shape = shown(result.template), result.shape
    if result.is_lazy:
        return Summary(model, shape, options, (), (), nan, nan, None)
    good = np.asarray(result.good) & result.parameters.fitted
    dof = np.asarray(result.dof)[good]
    reduced = np.asarray(result.statistic)[good][dof > 0] / dof[dof > 0]
    return Summary(
        model=model,
        shape=shape,
        options=options,
        statuses=tuple(status_lines(np.bincount(np.asarray(result.status).reshape(-1)))),
        parameters=tuple(_parameter_line(result, name, good) for name in result.names),
        reduced_statistic=_percentiles(reduced)[1],
        evaluations=_mean(np.asarray(result.n_iter)[np.asarray(result.status) != Status.NOT_FITTED]),
        seconds=result.seconds,
    )


def status_lines(counts: Any) -> Iterable[StatusLine]:
    """A line for each code that there are elements of."""
    total = int(counts.sum())
    for code in np.flatnonzero(counts).tolist():
        text, count = TABLE[Status(code)], int(counts[code])
        yield StatusLine(text.name, count, 100.0 * count / total, text.sentence, text.remedy)


def _parameter_line(result: FitResult, name: str, good: Any) -> ParameterLine:
    columns = result.parameters.columns
    kind = next(kind for kind in ("free", "fixed", "tied") if name in getattr(columns, kind))
    low, median, high = _percentiles(np.asarray(result.parameters.value(name))[good])
    error = _percentiles(np.asarray(result.parameters.error(name))[good])[1]
    unit = result.system.parameters[name]
    return ParameterLine(name, kind, median, low, high, error, "" if unit is None else unit.to_string())


def _mean(values: Any) -> float:
    return float(np.mean(values)) if values.size else nan


def _percentiles(values: Any) -> tuple[float, float, float]:
    """16th, 50th and 84th percentile of the finite values; NaN if there are none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return nan, nan, nan
    low, median, high = np.percentile(finite, [16, 50, 84])
    return float(low), float(median), float(high)
