"""The steps of ``manyfit tsmap``, from files of counts to the folder of results."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyfit import tsmap
from manyfit.cli._fit import _scheduler as scheduler_at
from manyfit.cli._tsmap_options import DEMO, SkyFiles, SkyFit, SkyOutput, channels, numbers
from manyfit.cube._times import Times
from manyfit.errors import InputError
from manyfit.fitting._folder import check_folder, filling

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

    from manyfit.tsmap import Counts, TSMap

    AnyResponse = tsmap.DetectorResponse | tsmap.PointSourceResponse
    Say = Callable[[str], object]


def run(options: dict[str, Any], given: str, times: Times, say: Say) -> None:
    """Read, fit, write.

    Raises
    ------
    InputError
        Input that cannot be used.
    OutputExists
        Something would be overwritten.
    """
    output = _output(options, given)
    fitting = _fitting(options)
    demo = options["demo"]
    check_folder(output.folder, output.names(demo=demo), overwrite=output.overwrite)
    with filling(output.folder, overwrite=output.overwrite) as folder:
        if demo:
            files, fitting, output = _simulated(folder / DEMO, fitting, output, times, say)
        else:
            files = _files(options)
        counts, background = _counts(files, times, say)
        with scheduler_at(options["scheduler"]) as scheduler:
            fitting = replace(fitting, keywords=fitting.keywords | {"scheduler": scheduler})
            found = _fitted(files, counts, background, fitting, times, say, quiet=options["quiet"])
        say(f"\n{found.summary()}")
        _write(found, folder, output, (counts, background), times)
        written = sorted(path.name for path in folder.iterdir())
    shares = ", ".join(f"{step} {seconds:.2f} s" for step, seconds in times.seconds.items())
    stored = "" if options["store"] is None else f" and {options['store']}"
    say(f"\ntime: {times.total:.2f} s ({shares})\nWrote {output.folder}: {', '.join(written)}{stored}.")


# -- options -------------------------------------------------------------------------------------------------


def _output(options: dict[str, Any], given: str) -> SkyOutput:
    folder = options["output"] or Path("manyfit-tsmap" if options["demo"] else f"{options['counts'].stem}_tsmap")
    mark = options["true_position"]
    position = None if mark is None else numbers("--true-position", mark, 2, "LON,LAT")
    report, overwrite = not options["no_report"], options["overwrite"]
    return SkyOutput(folder, options["containment"], position, report, overwrite, given)  # type: ignore[arg-type]


def _fitting(options: dict[str, Any]) -> SkyFit:
    names = ("nside", "order", "frame", "signed", "free_background", "confidence", "occultation", "workers", "store")
    keywords = {name: options[name] for name in names}
    keywords["joint"] = not options["summed"]
    keywords["index"] = not options["no_index"]
    keywords["zero_background"] = _rule(options["zero_background"])
    keywords["spectral_indices"] = options["spectral_index"] or None
    if options["energy_channels"] is not None:
        keywords["energy_channels"] = channels(options["energy_channels"])
    if options["spectrum"] is not None:
        keywords["spectrum"] = tsmap.parse_spectrum(options["spectrum"])
    region = options["region"]
    cone = None if region is None else numbers("--region", region, 3, "LON,LAT,RADIUS")
    return SkyFit(keywords, options["refine"], cone)  # type: ignore[arg-type]


def _rule(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _files(options: dict[str, Any]) -> SkyFiles:
    for name in ("counts", "background", "response", "orientation"):
        path = options[name]
        if path is not None and not path.is_file():
            raise InputError(f"--{name}: there is no file {str(path)!r}.")
    window = options["during"]
    during = None if window is None else numbers("--during", window, 2, "START:STOP")
    paths = (options["counts"], options["background"], options["response"], options["orientation"])
    return SkyFiles(*paths, during, options["off_source"], options["livetime"])  # type: ignore[arg-type]


# -- steps ---------------------------------------------------------------------------------------------------


def _simulated(
    folder: Path, fitting: SkyFit, output: SkyOutput, times: Times, say: Say
) -> tuple[SkyFiles, SkyFit, SkyOutput]:
    """Files of a burst, with what is known of it."""
    with times.step("simulating"):
        sky = tsmap.simulate(folder)
    names = ("observation.hdf5", "background.hdf5", "response.h5", "orientation.ori")
    observation, background, response, orientation = (folder / name for name in names)
    files = SkyFiles(observation, background, response, orientation, sky.window)
    lon, lat = sky.position
    say(f"simulated: a burst at l = {lon:g}, b = {lat:g} deg, {len(names)} files in {output.folder / DEMO}")
    keywords = fitting.keywords | {"spectrum": sky.spectrum}
    if output.true_position is None and fitting.keywords["frame"] == "galactic":
        output = replace(output, true_position=sky.position)
    return files, replace(fitting, keywords=keywords), output


def _counts(files: SkyFiles, times: Times, say: Say) -> tuple[Counts, Counts]:
    """Counts, and the background scaled to their time."""
    with times.step("reading"):
        if files.off_source:
            observation = tsmap.Counts.read(files.counts)
            assert files.window is not None
            counts, background = observation.during(files.window), observation.excluding(files.window)
        else:
            assert files.background is not None
            counts = tsmap.Counts.read(files.counts, during=files.window)
            background = tsmap.Counts.read(files.background)
        if counts.windows and background.windows:
            orientation = None
            if files.livetime and files.orientation is not None:
                orientation = tsmap.Orientation.read(files.orientation)
            background = background.scaled_to(counts.time_range, orientation=orientation)
    say(f"counts: {counts.total:,.10g} in {counts.compton().index.size:,} bins; background: {background.total:,.6g}")
    return counts, background


def _fitted(
    files: SkyFiles, counts: Counts, background: Counts, fitting: SkyFit, times: Times, say: Say, *, quiet: bool
) -> TSMap:
    with times.step("reading"):
        response = open_response(files.response)
        orientation = None if files.orientation is None else tsmap.Orientation.read(files.orientation)
    say(f"response: {response!r}")
    _check_axes(files, counts, background, response)
    keywords = dict(fitting.keywords)
    if fitting.region is not None:
        keywords["region"] = _cone(fitting.region, keywords["frame"])
    with times.step("fitting"):
        with _progress(quiet) as progress:
            found = tsmap.fit(counts, background, response, orientation=orientation, progress=progress, **keywords)
        if fitting.refine is not None:
            found = found.refine(fitting.refine, scheduler=keywords["scheduler"], workers=keywords["workers"])
    return found


def _check_axes(files: SkyFiles, counts: Counts, background: Counts, response: AnyResponse) -> None:
    """Compare axes and frames here, where the names of the files are known."""
    from manyfit.tsmap._axes import check_same

    sources = ((files.counts, counts), (files.background or files.counts, background))
    for path, found in sources:
        names = (repr(str(path)), repr(str(files.response)))
        check_same(found.axes, response.axes, found.compton().axes.labels, names)


def open_response(path: Path) -> AnyResponse:
    """A response of either kind, told by what the file holds."""
    from manyfit.tsmap._hdf5 import opened

    with opened(path) as file:
        is_of_the_sky = "hist" in file
    return (tsmap.PointSourceResponse if is_of_the_sky else tsmap.DetectorResponse).open(path)


def _cone(region: tuple[float, float, float], frame: str) -> tuple[SkyCoord, Any]:
    from astropy import units as u

    return _position(region[:2], frame), region[2] * u.deg


def _position(lonlat: tuple[float, float], frame: str) -> SkyCoord:
    from astropy.coordinates import SkyCoord

    return SkyCoord(*lonlat, unit="deg", frame=frame)


@contextmanager
def _progress(quiet: bool) -> Generator[Any]:
    from manyfit.blocks import progress_for, rich_progress

    with progress_for(None) if quiet else rich_progress("Fitting", "positions") as progress:
        yield progress


# -- writing -------------------------------------------------------------------------------------------------


def _write(found: TSMap, folder: Path, output: SkyOutput, data: tuple[Counts, Counts], times: Times) -> None:
    from manyfit.tsmap._table import write_table

    with times.step("writing"):
        if found.grid.nside is not None:
            found.to_fits(folder / "skymap.fits")
        found.to_fits(folder / "skymap.multiorder.fits")
        write_table(found.peaks(), folder / "peaks.ecsv")
    if output.report:
        with times.step("report"):
            _write_report(found, folder, output, data)


def _write_report(found: TSMap, folder: Path, output: SkyOutput, data: tuple[Counts, Counts]) -> None:
    from manyfit.plot import png
    from manyfit.tsmap._report import figures, report_text

    truth = None if output.true_position is None else _position(output.true_position, found.grid.frame)
    drawn = {name: png(figure) for name, figure in figures(found, output.containment, truth)}
    counts, background = data
    drawn["counts"] = png(counts.plot(background=background).figure)  # type: ignore[arg-type]
    (folder / "figures").mkdir()
    for name, content in drawn.items():
        (folder / "figures" / f"{name}.png").write_bytes(content)
    page = report_text(found, drawn, output.containment, truth, output.folder.name, output.options)
    (folder / "report.html").write_text(page, encoding="utf-8")
