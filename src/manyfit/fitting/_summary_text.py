"""The words of a summary: fixed-width text, and HTML for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from math import isnan
from textwrap import wrap
from typing import TYPE_CHECKING

from ..kernels import Status
from ..kernels._status import TABLE

if TYPE_CHECKING:
    from ._summary import ParameterLine, StatusLine, Summary

WIDTH = 88
STATUS_HEAD = ("status", "elements", "%")
PARAMETER_HEAD = ("parameter", "median", "16 %", "84 %", "median error", "unit", "")


def text_lines(s: Summary) -> Iterable[str]:
    """Lines of the text."""
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
    if s.every > 1:
        yield f"medians are of one element in {s.every}; counts are of all"
    yield f"median {s.options.split(',', maxsplit=1)[0]} / dof: {_number(s.reduced_statistic)}"
    yield f"evaluations per element: {_number(s.evaluations)}"
    if s.seconds is not None:
        rate = f", {s.n_fitted / s.seconds:.3g} elements/s" if s.seconds > 0 else ""
        yield f"time: {s.seconds:.3g} s{rate}"


def _table(rows: list[tuple[str, ...]], alignment: str) -> Iterable[str]:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, alignment, widths, strict=True)
        yield "  ".join(f"{cell:{side}{width}}" for cell, side, width in cells).rstrip()


# -- HTML ----------------------------------------------------------------------------------------------------


def html_lines(s: Summary) -> Iterable[str]:
    """Lines of the HTML."""
    yield f"<div><p><b>{escape(_title(s))}</b></p>"
    if s.statuses:
        whys = [f"{t.sentence} {t.remedy}" if t in _troubles(s) else "" for t in s.statuses]
        statuses = [(*_status_cells(t), why) for t, why in zip(s.statuses, whys, strict=True)]
        yield from _html_table([(*STATUS_HEAD, "")], statuses)
        yield from _html_table([PARAMETER_HEAD], [_parameter_cells(line) for line in s.parameters])
        yield f"<p>{'<br>'.join(map(escape, _closing(s)))}</p>"
    else:
        yield f"<p>{escape(list(text_lines(s))[-1])}</p>"
    yield "</div>"


def _html_table(head: list[tuple[str, ...]], body: list[tuple[str, ...]]) -> Iterable[str]:
    def rows(lines: list[tuple[str, ...]], cell: Callable[[str], str]) -> str:
        return "".join(f"<tr>{''.join(map(cell, line))}</tr>" for line in lines)

    yield "<table>"
    yield f"<thead>{rows(head, lambda text: f'<th>{escape(text)}</th>')}</thead>"
    yield f"<tbody>{rows(body, lambda text: f'<td>{escape(text)}</td>')}</tbody>"
    yield "</table>"
