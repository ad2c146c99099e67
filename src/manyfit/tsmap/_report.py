"""A report of a TS map: one page of HTML with everything in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from manyfit.fitting._atomic import check_output, replacing
from manyfit.plot import KeyFigures, Listing, Notes, Picture, Section, Table, Words, png, report_page

from ._figure_parts import View
from ._figures import draw
from ._spectrum_text import spectrum_text
from ._summary import region_rows, status_rows

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from matplotlib.figure import Figure

    from manyfit.plot._report import Part

    from ._containment import Region
    from ._ts_map import TSMap

CAPTIONS = {
    "sky": "Significance of a source at each position. Blanks and positions without a fit are grey.",
    "zoom": "TS around the peak, pixel by pixel, with the region outlined.",
    "counts": "Counts by measured energy: data, and the background as it was taken for the fit.",
}
MOST_PEAKS = 10
SMALLEST, LARGEST = 10.0, 90.0  # deg, of the part that is drawn around the peak


def write_report(
    tsmap: TSMap,
    path: Path,
    containment: float,
    true_position: SkyCoord | None,
    title: str,
    options: str,
    *,
    overwrite: bool,
) -> None:
    """Write the page; see `TSMap.report`."""
    check_output(path, overwrite=overwrite)
    drawn = {name: png(figure) for name, figure in figures(tsmap, containment, true_position)}
    page = report_text(tsmap, drawn, containment, true_position, title, options)
    with replacing(path, overwrite=overwrite) as file:
        file.write(page.encode())


def figures(tsmap: TSMap, containment: float, true_position: SkyCoord | None) -> Iterator[tuple[str, Figure]]:
    """The figures of a report by name; none of a map without any fit."""
    if np.all(np.isnan(tsmap.ts)):
        return
    has_pixels = tsmap.grid.uniq is not None
    outlined = containment if has_pixels else None
    yield "sky", draw(tsmap, View("sqrt_ts", tsmap.grid.frame, outlined, true_position=true_position))
    if has_pixels:
        region = tsmap.containment(containment)
        view = View("ts", tsmap.grid.frame, outlined, true_position=true_position)
        yield "zoom", draw(tsmap, view, part_width(region))


def part_width(region: Region) -> float:
    """A width in deg that shows a region and what is around it."""
    radius = np.sqrt(region.area.value / np.pi)
    pixel = np.degrees(np.sqrt(region.grid.area[region.pixels].max()))
    return float(np.clip(max(5.0 * radius, 10.0 * pixel), SMALLEST, LARGEST))


def report_text(
    tsmap: TSMap,
    drawn: Mapping[str, bytes],
    containment: float,
    true_position: SkyCoord | None,
    title: str,
    options: str,
) -> str:
    """The page, from a map and its figures."""
    from manyfit import __version__

    sections = [
        _summary(tsmap, containment, true_position),
        *_pictures(drawn),
        *_peaks(tsmap),
        _input(tsmap, options),
    ]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    subtitle = repr(tsmap).strip("<>").partition(";")[0]
    return report_page(title, sections, subtitle=subtitle, footer=f"Written by manyfit {__version__}, {when}.")


def _summary(tsmap: TSMap, containment: float, true_position: SkyCoord | None) -> Section:
    statuses = [(name, f"{n:,}", f"{percent:.1f}", meaning) for name, n, percent, meaning in status_rows(tsmap)]
    table = Table(("status", "positions", "%", "what it means, what to do"), statuses)
    if np.all(np.isnan(tsmap.ts)):
        return Section("Summary", (Words("No position could be fitted."), table))
    levels = tuple(sorted({0.5, containment}))
    regions = region_rows(tsmap, levels)
    head = ("containment", "method", "area", "pixels")
    parts: list[Part] = [KeyFigures(tuple(_key_figures(tsmap, containment))), *_truth(tsmap, true_position)]
    parts += [Table(head, regions, "Regions that hold the source")] if regions else []
    return Section("Summary", (*parts, table))


def _key_figures(tsmap: TSMap, containment: float) -> Iterator[tuple[str, str]]:
    peak = tsmap.peak
    frame = "l, b" if tsmap.grid.frame == "galactic" else "RA, Dec"
    lon, lat = tsmap.grid.lon[peak.index], tsmap.grid.lat[peak.index]
    yield f"{lon:.2f}°, {lat:+.2f}°", f"peak ({frame})"
    yield f"{peak.ts:.1f}", "TS"
    if tsmap.grid.uniq is not None:
        yield f"{tsmap.containment(containment).area.value:,.3g} deg²", f"{100 * containment:g} % region"
    yield f"{peak.norm:.4g} ± {peak.norm_err:.2g}", "factor on the spectrum"
    if peak.flux is not None and peak.flux_err is not None:
        yield f"{peak.flux.value:.3g} ± {peak.flux_err.value:.2g}", f"ph cm⁻² s⁻¹, {_energies(tsmap)}"
    limits = tsmap.flux_ul
    if limits is not None and np.isfinite(limits.value).any():
        yield f"{np.nanmedian(limits.value):.2g}", f"median {100 * tsmap.confidence:g} % limit, ph cm⁻² s⁻¹"


def _energies(tsmap: TSMap) -> str:
    assert tsmap.energies is not None
    low, high = tsmap.energies
    return f"{low:g} to {high:g} keV"


def _truth(tsmap: TSMap, true_position: SkyCoord | None) -> list[Words]:
    if true_position is None:
        return []
    apart = tsmap.peak.position.separation(true_position).deg
    where = true_position.transform_to(tsmap.grid.frame).to_string("decimal", precision=2)
    return [Words(f"The true position is {tsmap.grid.frame} {where}: the peak is {apart:.2f}° from it.")]


def _pictures(drawn: Mapping[str, bytes]) -> Iterator[Section]:
    if drawn:
        yield Section("Maps", tuple(Picture(content, name, CAPTIONS[name]) for name, content in drawn.items()))


def _peaks(tsmap: TSMap) -> Iterator[Section]:
    table = tsmap.peaks()
    if len(table) == 0:
        yield Section("Peaks", (Words("No position has a TS of 25 or more."),))
        return
    has_flux = "flux" in table.colnames
    head = ("RA (°)", "Dec (°)", "TS", "norm", "error", *(("flux", "error") if has_flux else ()))
    names = ("ts", "norm", "norm_err", *(("flux", "flux_err") if has_flux else ()))
    rows = [
        (f"{row['ra'].value:.3f}", f"{row['dec'].value:+.3f}", *(f"{_plain(row[name]):.4g}" for name in names))
        for row in table[:MOST_PEAKS]
    ]
    words = "Positions whose TS is above that of all others within 10°. Flux in ph cm⁻² s⁻¹."
    yield Section("Peaks", (Table(head, rows, words),))


def _plain(value: object) -> float:
    return float(getattr(value, "value", value))  # type: ignore[arg-type]


def _input(tsmap: TSMap, options: str) -> Section:
    notes = list(tsmap.notes)
    if tsmap.spectrum is not None:
        notes.insert(0, f"Spectrum: {spectrum_text(tsmap.spectrum)}.")
    notes.append(f"Upper limits at {100 * tsmap.confidence:g} %, one-sided.")
    return Section("Input", (Notes(tuple(notes)), *((Listing(options),) if options else ())))
