"""A report of a cube and its fit: one HTML page with everything in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube import _figures
from manyfit.cube._decomposition import Decomposition
from manyfit.cube._decomposition_cubes import curve_of as curve_of_sum
from manyfit.cube._moments import moments as moments_of
from manyfit.cube._report_page import goodness_of, report_text
from manyfit.cube._times import Times
from manyfit.errors import InputError
from manyfit.fitting._atomic import check_output, replacing
from manyfit.kernels._status import Status
from manyfit.plot import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from manyfit.cube._cube_fit import CubeFit
    from manyfit.cube._moments import Moments
    from manyfit.cube._signal import SignalMask


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
    result = fit.result
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
    goodness = goodness_of(fit)
    places = _figures.chosen(goodness, result.good, result.status != Status.NOT_FITTED)
    if any(places.values()):
        curve = curve_of_sum(fit) if isinstance(fit, Decomposition) else _figures.curve_of(result)
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
