"""The page of a report: what it says of a fit, section by section."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube._decomposition import Decomposition
from manyfit.cube._regions_text import number_text, regions_text
from manyfit.cube._times import Times
from manyfit.fitting._template import shown
from manyfit.kernels._status import TABLE, Status
from manyfit.plot import KeyFigures, Listing, Notes, Picture, Section, Table, Words, report_page

if TYPE_CHECKING:
    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._report import Subject
    from manyfit.fitting._summary import StatusLine, Summary

CAPTIONS = {
    "signal": "Standard deviation of each spectrum, how many of its channels have signal, and the connected regions.",
    "moments": "Moments of the voxels with signal. Colours span the 1st to 99th percentile; blanks are grey.",
    "comparison": "What the moments give, what the fit gives, and the first minus the second.",
    "maps": "Fitted parameters and their standard deviations; grey where there is no good fit.",
    "components": "Parameters of each component, and the number of components of each spectrum.",
    "spectra": "Grey: data; red: fit; band: one standard deviation of the data. Places are (y, x), counted from 0.",
}
MOST_ROWS = 20
#: Median chi2 / dof outside of these is remarked on.
LOW, HIGH = 0.7, 1.5


def report_text(
    subject: Subject,
    drawn: Mapping[str, bytes],
    *,
    times: Times | None = None,
    title: str | None = None,
    options: str = "",
) -> str:
    """The page of a report, from a fit and its figures."""
    from manyfit import __version__

    fit, cube = subject.fit, subject.fit.cube
    sections = [
        _summary(fit, times),
        _data(fit, options),
        *_signal(subject, drawn),
        *_pictures("Moments and fit", ("moments", "comparison"), drawn),
        *_pictures("Maps", ("maps", "components"), drawn),
        *_pictures("Example spectra", ("spectra",), drawn),
        *_coherence(fit),
        *_times(times),
    ]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    name = title or str((cube.header or {}).get("OBJECT", "")).strip() or "Spectral cube"
    return report_page(
        name,
        sections,
        subtitle=f"{shown(fit.result.template)} fitted to {repr(cube).strip('<>').removeprefix('Cube: ')}",
        footer=f"Written by manyfit {__version__}, {when}.",
    )


def _summary(fit: CubeFit | Decomposition, times: Times | None) -> Section:
    summary = fit.result.summary()
    parts: list[Any] = [KeyFigures(tuple(_key_figures(fit, summary, times)))]
    parts += [Notes(tuple(remarks(fit)))] if remarks(fit) else []
    statuses = [(line.name, f"{line.count:,}", f"{line.percent:.1f}", _meaning(line)) for line in summary.statuses]
    tables = [Table(("status", "spectra", "%", "what it means, what to do"), statuses)]
    if isinstance(fit, Decomposition):
        return Section("Summary", (*parts, *tables, Listing(fit.summary())))
    rows = [
        (line.name, *(_short(v) for v in (line.median, line.low, line.high, line.error)), line.unit, line.kind)
        for line in summary.parameters
    ]
    head = ("parameter", "median", "16 %", "84 %", "median error", "unit", "")
    return Section("Summary", (*parts, *tables, Table(head, rows, "Parameters of the spectra that converged")))


def remarks(fit: CubeFit | Decomposition) -> list[str]:
    """What in the numbers of a fit asks for a second look."""
    ratio = _typical(fit)
    start = f"The median chi2 / dof is {ratio:.2f}: "
    if ratio < LOW:
        advice = (
            f"the noise seems {ratio**-0.5:.1f} times too large, and so are the errors. Where lines fill much of the "
            "band, take the noise from channels without lines, or from the differences of neighbouring channels."
        )
        return [start + advice]
    if ratio > HIGH:
        advice = "the noise is too small, or the model too simple for the lines. Look at the example spectra."
        return [start + advice]
    return []


def _typical(fit: CubeFit | Decomposition) -> float:
    """Median of chi2 / dof over the good fits; NaN if there are none."""
    fitted = np.asarray(fit.result.good) & (np.asarray(fit.status) != Status.NOT_FITTED)
    finite = (ratio := goodness_of(fit)[fitted])[np.isfinite(ratio)]
    return float(np.median(finite)) if finite.size else np.nan


def _meaning(line: StatusLine) -> str:
    if line.name == TABLE[Status.NOT_FITTED].name:
        return "The spectrum has no signal, or was not selected."
    return line.sentence if line.name == TABLE[Status.CONVERGED].name else f"{line.sentence} {line.remedy}"


def _key_figures(fit: CubeFit | Decomposition, summary: Summary, times: Times | None) -> Iterator[tuple[str, str]]:
    fitted = np.asarray(fit.status) != Status.NOT_FITTED
    count = int(np.count_nonzero(fitted))
    good = int(np.count_nonzero(np.asarray(fit.result.good) & fitted))
    yield f"{fitted.size:,}", "spectra"
    yield f"{count:,}", "with signal, fitted"
    yield (f"{100 * good / count:.1f} %" if count else "–"), "of these converged"
    yield number_text(round(_typical(fit), 3)), f"median {fit.result.options.statistic} / dof"
    if summary.seconds:
        yield f"{count / summary.seconds:,.0f} /s", "spectra fitted"
    if times is not None:
        yield f"{times.total:.1f} s", "for everything"


def _data(fit: CubeFit | Decomposition, options: str) -> Section:
    """What was read, and what was done with it."""
    notes = fit.cube.notes or ("Nothing to be noted: the data were read as they are.",)
    return Section("Data", (Notes(tuple(notes)), *((Listing(options),) if options else ())))


def _signal(subject: Subject, drawn: Mapping[str, bytes]) -> Iterator[Section]:
    signal, used = subject.signal, subject.noise
    if signal is None:
        return
    words = f"Noise of the thresholds: {_spread(signal.noise)}."
    if used is not None and not np.array_equal(used, signal.noise, equal_nan=True):
        words += f" Noise of the fit: {_spread(used)}."
    head, rows = regions_text(signal.regions)
    left = f" The first {MOST_ROWS} are shown." if len(rows) > MOST_ROWS else ""
    table = Table(head, rows[:MOST_ROWS], f"{len(rows)} connected region{'' if len(rows) == 1 else 's'}.{left}")
    yield Section("Noise and signal", (Words(words), *_picture("signal", drawn), *((table,) if rows else ())))


def _spread(noise: Any) -> str:
    """Median of a map, and where nine of ten values are."""
    finite = noise.value[np.isfinite(noise.value)]
    low, median, high = np.percentile(finite, [5, 50, 95]) if finite.size else (np.nan,) * 3
    return f"median {median:.4g} {noise.unit}, {low:.4g} to {high:.4g} for nine of ten spectra"


def _pictures(title: str, names: Sequence[str], drawn: Mapping[str, bytes]) -> Iterator[Section]:
    parts = [part for name in names for part in _picture(name, drawn)]
    if parts:
        yield Section(title, tuple(parts))


def _picture(name: str, drawn: Mapping[str, bytes]) -> Iterable[Picture]:
    return [Picture(drawn[name], name, CAPTIONS[name])] if name in drawn else []


def _coherence(fit: CubeFit | Decomposition) -> Iterator[Section]:
    refits = getattr(fit, "refits", None)
    if refits is not None:
        yield Section("Spatial coherence", (Listing(str(refits)),))


def _times(times: Times | None) -> Iterator[Section]:
    if times is not None:
        yield Section("Time", (Table(("step", "seconds", "share"), times.rows()),))


def _short(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else "–"


def goodness_of(fit: CubeFit | Decomposition) -> Any:
    """Map of chi2 / dof; NaN or infinite without any degrees of freedom."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(fit.statistic) / np.asarray(fit.dof)
