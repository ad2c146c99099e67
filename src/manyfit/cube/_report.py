"""A report of a cube and its fit: one HTML page with everything in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube import _figures
from manyfit.cube._decomposition import Decomposition
from manyfit.cube._products import noise_of
from manyfit.cube._times import Times
from manyfit.errors import InputError
from manyfit.fitting._atomic import check_output, replacing
from manyfit.kernels._status import Status
from manyfit.plot import KeyFigures, Listing, Notes, Picture, Section, Table, Words, png, report_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._moments import Moments
    from manyfit.cube._signal import SignalMask
    from manyfit.fitting._summary import Summary

CAPTIONS = {
    "signal": "Standard deviation of each spectrum, how many of its channels have signal, and the connected regions.",
    "moments": "Moments of the voxels with signal. Colours span the 1st to 99th percentile; blanks are grey.",
    "comparison": "What the moments give, what the fit gives, and the first minus the second.",
    "maps": "Fitted parameters and their standard deviations; grey where there is no good fit.",
    "components": "Parameters of each component, and the number of components of each spectrum.",
    "spectra": "Grey: data; red: fit; band: one standard deviation of the data. Places are (y, x), counted from 0.",
}
MOST_ROWS = 20


def write_report(
    fit: CubeFit | Decomposition,
    path: str | Path,
    *,
    moments: Moments | None = None,
    times: Times | None = None,
    command: str = "",
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
    moments
        Moments to compare with. Default: those of the mask of signal, if the fit has one.
    times
        How long the steps took.
    command
        The command that was run.
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
    moments = moments_of(fit) if moments is None else moments
    pictures = draw(fit, moments) if drawn is None else drawn
    page = report_text(fit, pictures, times=times, command=command)
    with replacing(path, overwrite=overwrite) as file:
        file.write(page.encode())


def moments_of(fit: CubeFit | Decomposition) -> Moments | None:
    """Moments of the signal that selected the spectra."""
    from manyfit.cube._moments import moments

    return None if fit.signal is None else moments(fit.cube, fit.signal)


def draw(fit: CubeFit | Decomposition, moments: Moments | None = None) -> dict[str, bytes]:
    """All figures of a report by name, as PNG files.

    Raises
    ------
    InputError
        The fit is not of a cube with two spatial axes, or not computed.
    """
    if len(fit.result.shape) != 2 or fit.result.is_lazy:
        raise InputError(
            f"A report is of maps of two axes that are computed; these have the shape {fit.result.shape}. Look at a "
            "single spectrum by plot_spectrum(); compute() a fit that is lazy."
        )
    return {name: png(figure) for name, figure in _draw(fit, moments)}


def _draw(fit: CubeFit | Decomposition, moments: Moments | None) -> Iterator[tuple[str, Figure]]:
    result, is_sum = fit.result, isinstance(fit, Decomposition)
    if fit.signal is not None:
        yield "signal", _figures.signal_maps(fit.signal, fit.wcs)
    if moments is not None:
        yield "moments", _figures.moment_maps(moments)
    if isinstance(fit, Decomposition):
        yield "components", fit.plot_all()
    else:
        yield "maps", _figures.parameter_maps(result)
        if moments is not None and (figure := comparison(fit, moments)) is not None:
            yield "comparison", figure
    goodness = _goodness(fit)
    places = _figures.chosen(goodness, result.good, result.status != Status.NOT_FITTED)
    if any(places.values()):
        curve = (_figures.sum_of if is_sum else _figures.curve_of)(result)
        noise = noise_of(fit)
        yield (
            "spectra",
            _figures.example_spectra(fit.cube, result, places, goodness=goodness, curve=curve, noise=noise),
        )


def comparison(fit: CubeFit, moments: Moments) -> Figure | None:
    """Guess, fit and difference; None for a model that moments say nothing about."""
    compared = fit.compare(moments)
    return compared.plot() if len(compared) else None


def _goodness(fit: CubeFit | Decomposition) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(fit.statistic) / np.asarray(fit.dof)


# -- the page ------------------------------------------------------------------------------------------------


def report_text(
    fit: CubeFit | Decomposition, drawn: Mapping[str, bytes], *, times: Times | None = None, command: str = ""
) -> str:
    """The page of a report, from a fit and its figures."""
    from manyfit import __version__

    cube = fit.cube
    sections = [
        _summary(fit, times),
        _data(fit, command),
        *_signal(fit.signal, drawn),
        *_pictures("Moments and fit", ("moments", "comparison"), drawn),
        *_pictures("Maps", ("maps", "components"), drawn),
        *_pictures("Example spectra", ("spectra",), drawn),
        *_coherence(fit),
        *_times(times),
    ]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    name = str((cube.header or {}).get("OBJECT", "")).strip()
    model = fit.result.summary().model
    return report_page(
        f"{name}: {model}" if name else model,
        sections,
        subtitle=repr(cube).strip("<>"),
        footer=f"Written by manyfit {__version__}, {when}.",
    )


def _summary(fit: CubeFit | Decomposition, times: Times | None) -> Section:
    summary = fit.result.summary()
    parts = [KeyFigures(tuple(_key_figures(fit, summary, times)))]
    statuses = [
        (line.name, f"{line.count:,}", f"{line.percent:.1f}", f"{line.sentence} {line.remedy}")
        for line in summary.statuses
    ]
    tables = [Table(("status", "spectra", "%", "what it means, what to do"), statuses)]
    if isinstance(fit, Decomposition):
        return Section("Summary", (*parts, *tables, Listing(fit.summary())))
    rows = [
        (line.name, *(_number(v) for v in (line.median, line.low, line.high, line.error)), line.unit, line.kind)
        for line in summary.parameters
    ]
    head = ("parameter", "median", "16 %", "84 %", "median error", "unit", "")
    return Section("Summary", (*parts, *tables, Table(head, rows, "Parameters of the spectra that converged")))


def _key_figures(fit: CubeFit | Decomposition, summary: Summary, times: Times | None) -> Iterator[tuple[str, str]]:
    fitted = np.asarray(fit.status) != Status.NOT_FITTED
    count = int(np.count_nonzero(fitted))
    good = int(np.count_nonzero(np.asarray(fit.result.good) & fitted))
    goodness = _goodness(fit)[np.asarray(fit.result.good) & fitted]
    finite = goodness[np.isfinite(goodness)]
    yield f"{fitted.size:,}", "spectra"
    yield f"{count:,}", "with signal, fitted"
    yield (f"{100 * good / count:.1f} %" if count else "–"), "of these converged"
    yield (f"{np.median(finite):.3f}" if finite.size else "–"), f"median {fit.result.options.statistic} / dof"
    if summary.seconds:
        yield f"{count / summary.seconds:,.0f} /s", "spectra fitted"
    if times is not None:
        yield f"{times.total:.1f} s", "for everything"


def _data(fit: CubeFit | Decomposition, command: str) -> Section:
    """What was read, and what was done with it."""
    notes = fit.cube.notes or ("Nothing to be noted: the data were read as they are.",)
    return Section("Data", (Notes(tuple(notes)), *((Listing(command),) if command else ())))


def _signal(signal: SignalMask | None, drawn: Mapping[str, bytes]) -> Iterator[Section]:
    if signal is None:
        return
    finite = signal.noise.value[np.isfinite(signal.noise.value)]
    low, median, high = np.percentile(finite, [5, 50, 95]) if finite.size else (np.nan,) * 3
    words = f"Noise: median {median:.4g} {signal.noise.unit}, {low:.4g} to {high:.4g} for nine of ten spectra."
    head, rows = regions_text(signal.regions)
    left = f" The first {MOST_ROWS} are shown." if len(rows) > MOST_ROWS else ""
    table = Table(head, rows[:MOST_ROWS], f"{len(rows)} connected region{'' if len(rows) == 1 else 's'}.{left}")
    yield Section("Noise and signal", (Words(words), *_picture("signal", drawn), *((table,) if rows else ())))


def regions_text(regions: Any) -> tuple[list[str], list[tuple[str, ...]]]:
    """A table with units as text: its head and its rows."""
    units = {name: getattr(regions[name], "unit", None) for name in regions.colnames}
    head = [f"{name} ({unit})" if unit is not None and str(unit) else name for name, unit in units.items()]
    columns = [getattr(regions[name], "value", regions[name]) for name in regions.colnames]
    return head, [tuple(_number(cell) for cell in row) for row in zip(*columns, strict=True)]


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


def _number(value: Any) -> str:
    if isinstance(value, str | np.str_):
        return str(value)
    if isinstance(value, int | np.integer):
        return f"{value:d}"
    return f"{value:.5g}" if np.isfinite(value) else "–"
