"""A report of a cube and its fit: one HTML page with everything in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube import _figures
from manyfit.cube._decomposition import Decomposition
from manyfit.cube._moments import moments as moments_of
from manyfit.cube._regions_text import number_text, regions_text
from manyfit.cube._times import Times
from manyfit.errors import InputError
from manyfit.fitting._atomic import check_output, replacing
from manyfit.fitting._template import shown
from manyfit.kernels._status import TABLE, Status
from manyfit.plot import KeyFigures, Listing, Notes, Picture, Section, Table, Words, png, report_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._moments import Moments
    from manyfit.cube._signal import SignalMask
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


@dataclass(frozen=True, eq=False)
class Subject:
    """What a report is about.

    Attributes
    ----------
    fit
        The fit.
    signal
        The mask of signal that selected the spectra, or None.
    moments
        Moments of the signal, or None.
    noise
        Standard deviation of each spectrum, or None if the cube has one for each voxel.
    """

    fit: CubeFit | Decomposition
    signal: SignalMask | None = None
    moments: Moments | None = None
    noise: Any = None


def write_report(
    fit: CubeFit | Decomposition,
    path: str | Path,
    *,
    signal: SignalMask | None = None,
    moments: Moments | None = None,
    noise: Any = None,
    times: Times | None = None,
    title: str | None = None,
    options: str = "",
    drawn: Mapping[str, bytes] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a report as one HTML page that needs no other file.

    It has a summary (how many spectra converged; what failed and why), notes of reading, noise and regions, moments
    beside the fit, maps of parameters and errors, example spectra, refitted outliers, and where the time went.

    Parameters
    ----------
    fit
        What `manyfit.cube.fit_lines` or `manyfit.cube.decompose` gave, of a cube with two spatial axes.
    path
        Where to write the page.
    signal
        The mask of signal. Default: that of the fit.
    moments
        Moments to compare with. Default: those of the mask of signal, if there is one.
    noise
        Map of standard deviations. Default: that of the fit, else of the mask.
    times
        How long the steps took.
    title
        Title of the page. Default: the object that the header names.
    options
        With which options all was made.
    drawn
        Figures as `draw` gave them. Default: they are drawn.
    overwrite
        Whether a file may be there already.

    Raises
    ------
    InputError
        The fit is of a single spectrum, or not computed.
    OutputExists
        There is a file and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.
    """
    path = Path(path)
    check_output(path, overwrite=overwrite)
    subject = subject_of(fit, signal, moments, noise)
    pictures = draw(subject) if drawn is None else drawn
    page = report_text(subject, pictures, times=times, title=title, options=options)
    with replacing(path, overwrite=overwrite) as file:
        file.write(page.encode())


def subject_of(
    fit: CubeFit | Decomposition,
    signal: SignalMask | None = None,
    moments: Moments | None = None,
    noise: Any = None,
) -> Subject:
    """What is known of a fit: what was not given is taken from it, or worked out."""
    signal = getattr(fit, "signal", None) if signal is None else signal
    noise = getattr(fit, "noise", None) if noise is None else noise
    if noise is None and fit.cube.uncertainty is None and signal is not None:
        noise = signal.noise
    if moments is None and signal is not None:
        moments = moments_of(fit.cube, signal)
    return Subject(fit, signal, moments, noise if np.shape(noise) == fit.result.shape else None)


def draw(subject: Subject) -> dict[str, bytes]:
    """All figures of a report by name, as PNG files.

    Raises
    ------
    InputError
        The fit is not of a cube with two spatial axes, or not computed.
    """
    result = subject.fit.result
    if len(result.shape) != 2 or result.is_lazy:
        raise InputError(
            f"A report is of maps of two axes that are computed; these have the shape {result.shape}. Look at a "
            "single spectrum by plot_spectrum(); compute() a fit that is lazy."
        )
    return {name: png(figure) for name, figure in _draw(subject)}


def _draw(subject: Subject) -> Iterator[tuple[str, Figure]]:
    fit, moments = subject.fit, subject.moments
    result, is_sum = fit.result, isinstance(fit, Decomposition)
    if subject.signal is not None:
        yield "signal", _figures.signal_maps(subject.signal, fit.wcs)
    if moments is not None:
        yield "moments", moments.plot()
    if isinstance(fit, Decomposition):
        yield "components", _figures.component_maps(fit)
    else:
        yield "maps", _figures.parameter_maps(result)
        if moments is not None and (figure := comparison(fit, moments)) is not None:
            yield "comparison", figure
    goodness = _goodness(fit)
    places = _figures.chosen(goodness, result.good, result.status != Status.NOT_FITTED)
    if any(places.values()):
        curve = (_figures.sum_of if is_sum else _figures.curve_of)(result)
        noise = subject.noise
        yield (
            "spectra",
            _figures.example_spectra(fit.cube, result, places, goodness=goodness, curve=curve, noise=noise),
        )


def comparison(fit: CubeFit, moments: Moments) -> Figure | None:
    """Guess, fit and difference; None for a model that moments say nothing about."""
    try:
        return fit.compare(moments).plot()
    except InputError:
        return None


def _goodness(fit: CubeFit | Decomposition) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(fit.statistic) / np.asarray(fit.dof)


# -- the page ------------------------------------------------------------------------------------------------


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
    finite = (ratio := _goodness(fit)[fitted])[np.isfinite(ratio)]
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
    if used is not None and used is not signal.noise:
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
