"""Label stars from files, a block at a time: memory is that of a few blocks, however many stars there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from manyfit import __version__
from manyfit.blocks import executor_for
from manyfit.errors import InputError

from ._expansion import SearchOptions
from ._flags import FlagLimits
from ._infer import _check_wavelength, infer_block, piece, solver_for
from ._label_status import LABEL_STATUS_TABLE, LabelStatus
from ._label_table import LabelTable
from ._label_writer import LabelWriter, check_table, writing
from ._model import CannonModel
from ._sources import StarFile, open_stars, rows_of

if TYPE_CHECKING:
    from astropy.table import Table

    from manyfit.spectra import Block, Spectra

    from ._nuisance import Nuisance

BLOCK = 256  # stars
MAX_ITERATIONS = 50
FILES = 256  # of a block of survey files
T = TypeVar("T")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class InferOptions:
    """The options of `CannonModel.infer` for many blocks."""

    n_starts: int = 4
    nuisance: Nuisance | None = None
    limits: FlagLimits | None = None
    scheduler: object = None
    workers: int | None = None


@dataclass
class StreamSummary:
    """What became of the stars of a run.

    Attributes
    ----------
    path
        The table that was written.
    statuses
        Number of stars with each status.
    flagged
        Number of good stars with a flag.
    failed_files
        Files that could not be read, with the reason.
    seconds
        How long it took.
    """

    path: Path
    statuses: dict[LabelStatus, int] = field(default_factory=dict)
    flagged: int = 0
    failed_files: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def n_stars(self) -> int:
        """Number of stars."""
        return sum(self.statuses.values())

    def add(self, table: LabelTable) -> None:
        """Count the stars of a block."""
        for code, count in zip(*np.unique(table.status, return_counts=True), strict=True):
            status = LabelStatus(int(code))
            self.statuses[status] = self.statuses.get(status, 0) + int(count)
        self.flagged += int(np.count_nonzero(table.good & (table.flags != 0)))

    def __str__(self) -> str:
        rate = f", {self.n_stars / self.seconds:,.0f} stars/s" if self.seconds > 0 else ""
        lines = [f"{self.n_stars:,} stars in {self.seconds:.1f} s{rate}"]
        for status in sorted(self.statuses):
            text = LABEL_STATUS_TABLE[status]
            what = "" if status == LabelStatus.CONVERGED else f"  {text.sentence} {text.remedy}"
            lines.append(f"  {text.name:<16} {self.statuses[status]:>9,}{what}")
        lines.append(f"  {'flagged':<16} {self.flagged:>9,}  of those that converged; see the column flags")
        lines += [f"  {path}: {why}" for path, why in self.failed_files[:5]]
        lines += [f"  ... and {len(self.failed_files) - 5} more files"] * (len(self.failed_files) > 5)
        return "\n".join(lines)


def infer_file(
    model: CannonModel,
    source: str | Path,
    output: str | Path,
    *,
    options: InferOptions | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> StreamSummary:
    """Label all stars of a file; spectra are read, and labels written, in parts.

    Parameters
    ----------
    model
        The model. Its calibration goes into the errors.
    source
        Normalised spectra on the wavelengths of the model: npz, FITS images or HDF5 with `flux` (N, P), `ivar` and
        perhaps `wavelength` and `ids`, or a folder with flux.npy and ivar.npy.
    output
        The table: ``.parquet``, ``.fits``, or ``.ecsv`` (which is kept in memory until all is done).
    options
        Options of the inference.
    progress
        Called as ``progress(done, total)`` in stars.
    overwrite
        Whether a file may be there already.

    Returns
    -------
    StreamSummary

    Raises
    ------
    InputError
        The file cannot be read, or has other wavelengths than the model.
    OutputExists
        There is a table and `overwrite` is not set.
    """
    output, started = Path(output), time.perf_counter()
    check_table(output, overwrite=overwrite)
    with open_stars(source) as stars, writing(output, _meta(model, source), overwrite=overwrite) as writer:
        _check_source(model, stars, str(source))
        summary, blocks = StreamSummary(output), rows_of(stars, BLOCK)
        for rows, table in labelled(model, blocks, options or InferOptions()):
            ids = np.arange(rows.start, rows.stop) if stars.ids is None else stars.ids[rows]
            _write(ids, table, writer, summary)
            if progress is not None:
                progress(rows.stop, stars.n_stars)
    summary.seconds = time.perf_counter() - started
    return summary


def infer_files(
    model: CannonModel,
    paths: Iterable[str | PathLike[str]],
    output: str | Path,
    *,
    prepare: Callable[[Spectra], Spectra],
    options: InferOptions | None = None,
    block: int = FILES,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> StreamSummary:
    """Label the spectra of many survey files; a file that cannot be used is named, and the others go on.

    Parameters
    ----------
    model
        The model.
    paths
        Files that `manyfit.spectra.read` knows.
    output
        The table; a row for each spectrum, with the file it is of.
    prepare
        What makes the spectra of one file normalised, at rest, on the wavelengths of the model: see `survey_spectra`.
    options, progress, overwrite
        As for `infer_file`; progress is in files.
    block
        Files that are read at a time.

    Returns
    -------
    StreamSummary

    Raises
    ------
    InputError
        No file could be used.
    OutputExists
        There is a table and `overwrite` is not set.
    """
    from manyfit.spectra import read_many

    files, output, started = list(map(Path, paths)), Path(output), time.perf_counter()
    check_table(output, overwrite=overwrite)
    summary, done, width = StreamSummary(output), 0, max((len(str(f)) for f in files), default=1)
    with writing(output, _meta(model, f"{len(files)} files"), overwrite=overwrite) as writer:
        blocks = _spectra_of(model, read_many(files, block=block, prepare=prepare))
        for part, table in labelled(model, blocks, options or InferOptions()):
            summary.failed_files += [(r["path"], r["message"]) for r in part if r["status"] != "ok"]
            if len(table):
                ids = np.repeat(np.asarray(part["path"], dtype=f"U{width}"), np.asarray(part["n_rows"]))
                _write(ids, table, writer, summary)
            done += len(part)
            if progress is not None:
                progress(done, len(files))
        if not summary.n_stars:
            why = f" The first: {summary.failed_files[0][1]}" if summary.failed_files else ""
            raise InputError(f"None of {len(files)} files could be used.{why}")
    summary.seconds = time.perf_counter() - started
    return summary


def survey_spectra(
    model: CannonModel, *, continuum_regions: Any = None, velocity: float | None = None
) -> Callable[[Spectra], Spectra]:
    """What prepares survey spectra for a model: one row for a star, rest frame, the model's grid, continuum.

    The coadd of a file that has one is taken, else all its visits. The continuum is that of APOGEE's Cannon
    (`manyfit.spectra.sinusoidal_continuum`).

    Parameters
    ----------
    model
        Whose wavelengths (vacuum, rest frame) are wanted.
    continuum_regions
        Pairs of wavelengths, Å, with continuum pixels: see `manyfit.spectra.read_regions`. None: all pixels, clipped.
    velocity
        Velocity of the stars in the frame of the files, km/s. Default: that of each file.
    """
    from astropy import units as u

    from manyfit.spectra import Clip, normalize, resample, sinusoidal_continuum, to_vacuum

    grid = u.Quantity(model.wavelength, u.AA)

    def prepare(spectra: Spectra) -> Spectra:
        chosen = spectra.coadd if len(spectra.coadds) else spectra
        chosen = chosen if chosen.medium == "unknown" else to_vacuum(chosen)
        if velocity is None and chosen.frame == "rest":
            rest = resample(chosen, grid)
        else:
            rest = resample(chosen, grid, velocity=chosen.rows["velocity"] if velocity is None else velocity)
        clip = Clip() if continuum_regions is None else None
        found = sinusoidal_continuum(grid, rest.flux, rest.ivar, continuum_regions=continuum_regions, clip=clip)
        return normalize(rest, found)

    return prepare


def labelled(
    model: CannonModel, blocks: Iterator[tuple[T, NDArray[Any], NDArray[Any]]], options: InferOptions
) -> Iterator[tuple[T, LabelTable]]:
    """Blocks of flux and ivar, each with what it is called, as tables in the same order.

    Each thread takes the next block, one at a time, and labels it while another reads: so what was just read is still
    near to the processor.
    """
    search = SearchOptions(options.n_starts, MAX_ITERATIONS, second_derivatives=True)
    solver, limits, lock = solver_for(model, search, options.nuisance), options.limits or FlagLimits(), Lock()
    numbered, nothing = enumerate(blocks), (-1, None)

    def work() -> tuple[int, tuple[T, LabelTable] | None]:
        with lock:
            number, block = next(numbered, nothing)
        if block is None:
            return number, None
        name, flux, ivar = block
        rows = slice(0, len(flux))
        return number, (name, infer_block(model, solver, piece(flux, rows), piece(ivar, rows), None, limits))

    n_workers = executor_for(options.scheduler, options.workers).n_workers
    with ThreadPoolExecutor(n_workers) as pool:
        running = deque(pool.submit(work) for _ in range(2 * n_workers))
        waiting: dict[int, tuple[T, LabelTable]] = {}
        expected = 0
        try:
            while running:
                number, result = running.popleft().result()
                if result is not None:
                    running.append(pool.submit(work))
                    waiting[number] = result
                while expected in waiting:
                    yield waiting.pop(expected)
                    expected += 1
        finally:
            pool.shutdown(cancel_futures=True)


def _meta(model: CannonModel, source: str | Path) -> dict[str, Any]:
    calibrated = model.calibration is not None
    return {
        "written_by": f"manyfit {__version__}",
        "source": str(source),
        "label_names": list(model.label_names),
        "errors": "calibrated by cross-validation" if calibrated else "formal: noise and scatter alone",
    }


def _write(ids: NDArray[Any], labels: LabelTable, writer: LabelWriter, summary: StreamSummary) -> None:
    """A part of the table, with names of stars before everything else."""
    table = labels.to_table()
    table.add_column(ids, name="id", index=0)
    writer.write(table)
    summary.add(labels)


def _check_source(model: CannonModel, stars: StarFile, source: str) -> None:
    """That there are stars, on the grid of the model."""
    if not stars.n_stars:
        raise InputError(f"{source!r} has no stars.")
    if stars.n_pixels != len(model.wavelength):
        raise InputError(
            f"{source!r} has {stars.n_pixels} pixels and the model {len(model.wavelength)}. Resample the spectra to "
            "model.wavelength first (manyfit.spectra)."
        )
    _check_wavelength(model, stars.wavelength)


def _spectra_of(model: CannonModel, parts: Iterator[Block]) -> Iterator[tuple[Table, NDArray[Any], NDArray[Any]]]:
    """Flux and ivar of blocks of files, each with the table of its files."""
    nothing = np.empty((0, len(model.wavelength)))
    for part in parts:
        if part.spectra is None:
            yield part.files, nothing, nothing
        else:
            _check_wavelength(model, part.spectra.wavelength.to_value("Angstrom"))
            yield part.files, part.spectra.flux, part.spectra.ivar
