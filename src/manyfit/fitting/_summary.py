"""What a fit came to: how many elements converged, what became of the others, typical values and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from math import isnan, nan, prod
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels import Status
from ..kernels._status import TABLE
from ._template import shown

if TYPE_CHECKING:
    from ._result import FitResult

WIDTH = 88


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
        Mean number of evaluations of the model for each element.
    seconds
        Time of the fit, None if it is not known.
    """

    model: str
    shape: tuple[int, ...]
    options: str
    statuses: tuple[StatusLine, ...]
    parameters: tuple[ParameterLine, ...]
    reduced_statistic: float
    evaluations: float
    seconds: float | None

    @property
    def n_elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    def __str__(self) -> str:
        """Fixed-width text."""
        return "\n".join(_text(self))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return "\n".join(_html(self))


def summary(result: FitResult) -> Summary:
    """The summary of a result; of one that is not computed, only what is known before."""
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
        statuses=tuple(_status_lines(np.asarray(result.status))),
        parameters=tuple(_parameter_line(result, name, good) for name in result.names),
        reduced_statistic=_percentiles(reduced)[1],
        evaluations=float(np.mean(result.n_iter)) if good.size else nan,
        seconds=result.seconds,
    )


def _status_lines(status: Any) -> Iterable[StatusLine]:
    codes, counts = np.unique(status, return_counts=True)
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        text = TABLE[Status(code)]
        yield StatusLine(text.name, count, 100.0 * count / status.size, text.sentence, text.remedy)


def _parameter_line(result: FitResult, name: str, good: Any) -> ParameterLine:
    columns = result.parameters.columns
    kind = next(kind for kind in ("free", "fixed", "tied") if name in getattr(columns, kind))
    low, median, high = _percentiles(np.asarray(result.parameters.value(name))[good])
    error = _percentiles(np.asarray(result.parameters.error(name))[good])[1]
    unit = result.system.parameters[name]
    return ParameterLine(name, kind, median, low, high, error, "" if unit is None else unit.to_string())


def _percentiles(values: Any) -> tuple[float, float, float]:
    """16th, 50th and 84th percentile of the finite values; NaN if there are none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return nan, nan, nan
    low, median, high = np.percentile(finite, [16, 50, 84])
    return float(low), float(median), float(high)


# -- text ----------------------------------------------------------------------------------------------------

STATUS_HEAD = ("status", "elements", "%")
PARAMETER_HEAD = ("parameter", "median", "16 %", "84 %", "median error", "unit", "")


def _text(s: Summary) -> Iterable[str]:
    yield _title(s)
    if not s.statuses:
        yield "There are no elements." if s.n_elements == 0 else "Not computed yet: result.compute() fits."
        return
    yield ""
    yield from _table([STATUS_HEAD, *map(_status_cells, s.statuses)], "<>>")
    for line in _troubles(s):
        yield ""
        yield from wrap(
            f"{line.name}: {line.sentence} {line.remedy}",
            WIDTH,
            subsequent_indent="  ",
            break_on_hyphens=False,
        )
    yield ""
    yield from _table([PARAMETER_HEAD, *map(_parameter_cells, s.parameters)], "<>>>><<")
    yield ""
    yield from _closing(s)


def _title(s: Summary) -> str:
    shape = " x ".join(map(str, s.shape)) or "1"
    total = f" = {s.n_elements}" if len(s.shape) > 1 else ""
    elements = "element" if s.n_elements == 1 else "elements"
    return f"{s.model} fitted to {shape}{total} {elements} ({s.options})"


def _troubles(s: Summary) -> list[StatusLine]:
    return [line for line in s.statuses if line.name != TABLE[Status.CONVERGED].name]


def _status_cells(line: StatusLine) -> tuple[str, ...]:
    return line.name, str(line.count), f"{line.percent:.1f}"


def _parameter_cells(line: ParameterLine) -> tuple[str, ...]:
    numbers = (line.median, line.low, line.high, line.error)
    return line.name, *map(_number, numbers), line.unit, "" if line.kind == "free" else line.kind


def _number(value: float) -> str:
    return "-" if isnan(value) else f"{value:.4g}"


def _closing(s: Summary) -> Iterable[str]:
    """Goodness of fit and speed."""
    yield f"median {s.options.split(',', maxsplit=1)[0]} / dof: {_number(s.reduced_statistic)}"
    yield f"evaluations per element: {_number(s.evaluations)}"
    if s.seconds is not None:
        rate = f", {s.n_elements / s.seconds:.3g} elements/s" if s.seconds > 0 else ""
        yield f"time: {s.seconds:.3g} s{rate}"


def _table(rows: list[tuple[str, ...]], alignment: str) -> Iterable[str]:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, alignment, widths, strict=True)
        yield "  ".join(f"{cell:{side}{width}}" for cell, side, width in cells).rstrip()


# -- HTML ----------------------------------------------------------------------------------------------------


def _html(s: Summary) -> Iterable[str]:
    yield f"<div><p><b>{escape(_title(s))}</b></p>"
    if s.statuses:
        whys = [f"{t.sentence} {t.remedy}" if t in _troubles(s) else "" for t in s.statuses]
        statuses = [(*_status_cells(t), why) for t, why in zip(s.statuses, whys, strict=True)]
        yield from _html_table([(*STATUS_HEAD, "")], statuses)
        yield from _html_table([PARAMETER_HEAD], [_parameter_cells(line) for line in s.parameters])
        yield f"<p>{'<br>'.join(map(escape, _closing(s)))}</p>"
    else:
        yield f"<p>{escape(list(_text(s))[-1])}</p>"
    yield "</div>"


def _html_table(head: list[tuple[str, ...]], body: list[tuple[str, ...]]) -> Iterable[str]:
    def rows(lines: list[tuple[str, ...]], cell: Callable[[str], str]) -> str:
        return "".join(f"<tr>{''.join(map(cell, line))}</tr>" for line in lines)

    yield "<table>"
    yield f"<thead>{rows(head, lambda text: f'<th>{escape(text)}</th>')}</thead>"
    yield f"<tbody>{rows(body, lambda text: f'<td>{escape(text)}</td>')}</tbody>"
    yield "</table>"
