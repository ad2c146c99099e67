"""The steps of ``manyfit cube``, from the file to the folder of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit import cube as cubes
from manyfit.cli import _values
from manyfit.cli._cube_options import Fitting, Masking, Output, Reading
from manyfit.cube._chosen import noise_of_chosen
from manyfit.cube._exports import check_format, write_table, write_zarr
from manyfit.cube._products import write_fit, write_moments, write_signal
from manyfit.cube._regions_text import regions_text
from manyfit.cube._report import Subject, draw, subject_of
from manyfit.cube._report_page import remarks, report_text
from manyfit.cube._times import Times
from manyfit.errors import InputError
from manyfit.fitting._folder import check_folder, filling

if TYPE_CHECKING:
    from manyfit.cube import Cube, CubeFit, Decomposition, SignalMask

    Say = Callable[[str], object]

WIDTH = 88  # of text, in characters
PRODUCTS = {
    *("fit.fits", "moments.fits", "mask.fits", "figures", "report.html", "fit.zarr", "table.ecsv", "table.parquet")
}
SOURCES = {
    "auto": "from differences of channels",
    "mad": "from the median absolute deviation of each spectrum",
    "difference": "from the differences of neighbouring channels",
    "std": "from the standard deviation of each spectrum",
}


def run(reading: Reading, masking: Masking, fitting: Fitting, output: Output, times: Times, say: Say) -> None:
    """Read, find signal, fit, write.

    Raises
    ------
    InputError
        Input that cannot be used, or a cube without any signal.
    OutputExists
        Something would be overwritten.
    """
    check_folder(output.folder, output.names, overwrite=output.overwrite)
    if output.table:
        check_format(output.table)
    cube = _read(reading, times, say)
    found = _fit(cube, masking, fitting, times, say)
    say("\n".join(["", found.fit.summary(), *(f"\n{fill(remark, WIDTH)}" for remark in remarks(found.fit))]))
    with filling(output.folder, overwrite=output.overwrite) as folder:
        _write(found, folder, output, times, Path(reading.file).name)
        written = {path.name for path in folder.iterdir()}
    say(f"\n{_spent(times)}")
    say(f"Wrote {output.folder}: {', '.join(sorted(written))}.")
    if old := sorted(name for name in PRODUCTS - written if (output.folder / name).exists()):
        say(f"Of an earlier run, and not of this one: {', '.join(old)}.")


def _read(reading: Reading, times: Times, say: Say) -> Cube:
    with times.step("reading"):
        cube = cubes.read(
            reading.file,
            hdu=_name_or_number(reading.hdu),
            stokes=_name_or_number(reading.stokes),
            unit=reading.unit,
            spectral_unit=reading.spectral_unit,
            convention=reading.convention,
            rest=None if reading.rest is None else _values.quantity(reading.rest),
            medium=reading.medium,
            mask=reading.bad,
            uncertainty=None if reading.uncertainty is None else _noise_given(reading.uncertainty),
            gain=reading.gain,
        )
    if cube.is_spectrum:
        raise InputError(
            f"{reading.file!r} is one spectrum. Fit it by manyfit.cube.fit_lines(manyfit.cube.read(file))."
        )
    say(f"{reading.file}: {repr(cube).strip('<>').removeprefix('Cube: ')}")
    for note in cube.notes:
        say(f"  {note}")
    return cube


def _name_or_number(text: str | None) -> str | int | None:
    return int(text) if text is not None and text.isdigit() else text


def _noise_given(text: str) -> Any:
    """A path, a number with or without unit, or the name of an extension."""
    try:
        return _values.uncertainty(text)
    except InputError:
        return text


def _fit(cube: Cube, masking: Masking, fitting: Fitting, times: Times, say: Say) -> Subject:
    with times.step("noise"):
        noise = _noise(cube, masking)
    say(f"noise: {_noise_text(noise, SOURCES[masking.method] if cube.uncertainty is None else 'as given')}")
    signal = None if masking.everything else _signal(cube, masking, noise, times, say)
    if signal is not None and cube.uncertainty is None and masking.needs_second:
        with times.step("noise"):
            noise = noise_of_chosen(cube, signal.spatial, without=signal.labels)
        say(f"noise: {_noise_text(noise, 'in channels without signal; it is what is used from here')}")
    with times.step("moments"):
        moments = cubes.moments(cube, signal, noise=noise)
    with times.step("fitting"), fitting.progress() as progress:
        return subject_of(_lines(cube, signal, noise, fitting, progress), signal, moments, noise)


def _noise(cube: Cube, masking: Masking) -> Any:
    """That of the cube where it has some, else an estimate."""
    if cube.uncertainty is not None:
        return cube.uncertainty * cube.unit
    channels = [_values.channels(text) for text in masking.noise_channels]
    return cubes.noise(cube, method=masking.method, channels=channels or None)


def _noise_text(noise: Any, source: str) -> str:
    finite = noise.value[np.isfinite(noise.value)]
    low, median, high = np.percentile(finite, [5, 50, 95]) if finite.size else (np.nan,) * 3
    return f"{median:.4g} {noise.unit} ({low:.4g} to {high:.4g} for nine of ten), {source}"


def _signal(cube: Cube, masking: Masking, noise: Any, times: Times, say: Say) -> SignalMask:
    low, high = masking.thresholds
    with times.step("mask"):
        signal = cubes.signal_mask(
            cube,
            low=low,
            high=high,
            noise=noise,
            min_voxels=masking.min_voxels,
            min_bright_voxels=masking.min_bright_voxels,
            grow_channels=masking.grow_channels,
            grow_pixels=masking.grow_pixels,
        )
    count, total = int(np.count_nonzero(signal.spatial)), signal.spatial.size
    if count == 0:
        raise InputError(
            f"No region has signal: {masking.min_voxels} voxels above {low:g} and {masking.min_bright_voxels} above "
            f"{high:g} times the noise. Lower --mask-low, --mask-high or --min-voxels, or give --no-mask."
        )
    regions = f"{len(signal.regions)} region{'' if len(signal.regions) == 1 else 's'}"
    say(f"signal: {regions}, {count:,} of {total:,} spectra")
    say(_columns(*regions_text(signal.regions)))
    return signal


def _lines(
    cube: Cube, signal: SignalMask | None, noise: Any, fitting: Fitting, progress: Any
) -> CubeFit | Decomposition:
    if fitting.max_components is not None:
        return cubes.decompose(
            cube,
            signal,
            max_components=fitting.max_components,
            criterion=fitting.criterion,
            noise=noise,
            baseline=fitting.baseline,
            coherence=fitting.coherence,
            scheduler=fitting.scheduler,
            workers=fitting.workers,
            progress=progress,
            store=fitting.store,
        )
    fit: CubeFit = cubes.fit_lines(
        cube,
        signal,
        model=fitting.model,
        noise=noise if cube.uncertainty is None else None,
        baseline=fitting.baseline,
        bounds=fitting.bounds or None,
        coherence=fitting.coherence,
        scheduler=fitting.scheduler,
        workers=fitting.workers,
        progress=progress,
        store=fitting.store,
    )
    return fit.compute()


# -- writing -------------------------------------------------------------------------------------------------


def _write(found: Subject, folder: Path, output: Output, times: Times, title: str) -> None:
    """Everything into a folder; the report last, as it tells of the time."""
    history = [f"manyfit cube: {line}" for line in output.options.splitlines()]
    with times.step("writing"):
        write_fit(found.fit, folder / "fit.fits", noise=found.noise, history=history)
        if found.moments is not None:
            write_moments(found.moments, folder / "moments.fits", cube=found.fit.cube, history=history)
        if found.signal is not None:
            write_signal(found.signal, found.fit.cube, folder / "mask.fits", history=history)
        if output.table:
            write_table(found.fit.to_table(), folder / f"table.{output.table}")
        if output.zarr:
            write_zarr(found.fit.result.to_xarray(), folder / "fit.zarr")
    if output.report:
        with times.step("figures"):
            drawn = draw(found)
        (folder / "figures").mkdir()
        for name, content in drawn.items():
            (folder / "figures" / f"{name}.png").write_bytes(content)
        page = report_text(found, drawn, times=times, title=title, options=output.options)
        (folder / "report.html").write_text(page, encoding="utf-8")


def _spent(times: Times) -> str:
    """One line: the time, and the share of each step."""
    total = times.total
    shares = ", ".join(f"{step} {100 * seconds / total:.0f} %" for step, seconds in times.seconds.items())
    return f"time: {total:.2f} s ({shares})"


def _columns(head: list[str], rows: list[tuple[str, ...]], most: int = 10) -> str:
    """A table of fixed width, indented; no more than some rows."""
    cells = [tuple(head), *rows[:most]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in cells]
    more = [f"... and {len(rows) - most} more"] if len(rows) > most else []
    return "\n".join(f"  {line}" for line in [*lines, *more])
