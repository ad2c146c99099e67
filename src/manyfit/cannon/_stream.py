"""Label stars from files, a block at a time: memory is that of a few blocks, however many stars there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from manyfit import __version__
from manyfit.errors import InputError

from ._infer import _check_wavelength
from ._label_status import LABEL_STATUS_TABLE, LabelStatus
from ._label_table import LabelTable
from ._label_writer import LabelWriter, check_table, writing
from ._model import CannonModel
from ._sources import block_size, open_stars, rows_of

if TYPE_CHECKING:
    from astropy.table import Table

    from manyfit.spectra import Spectra

    from ._flags import FlagLimits
    from ._nuisance import Nuisance

MEMORY = 128 * 2**20  # bytes of a block of spectra
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
    memory: int = MEMORY,
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
    memory
        Bytes of the spectra of a block; about four blocks are in memory.
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
        _check_wavelength(model, stars.wavelength)
        summary, used = StreamSummary(output), options or InferOptions()
        if not stars.n_stars:
            raise InputError(f"{str(source)!r} has no stars.")
        for rows, flux, ivar in _ahead(rows_of(stars, block_size(stars, memory))):
            ids = np.arange(rows.start, rows.stop) if stars.ids is None else stars.ids[rows]
            _label(model, ids, flux, ivar, used, writer, summary)
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
        for part in _ahead(read_many(files, block=block, prepare=prepare)):
            table, done = part.files, done + len(part.files)
            summary.failed_files += [(r["path"], r["message"]) for r in table if r["status"] != "ok"]
            if part.spectra is not None:
                _check_wavelength(model, part.spectra.wavelength.to_value("Angstrom"))
                ids = np.repeat(np.asarray(table["path"], dtype=f"U{width}"), np.asarray(table["n_rows"]))
                _label(model, ids, part.spectra.flux, part.spectra.ivar, options or InferOptions(), writer, summary)
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


def _label(
    model: CannonModel,
    ids: NDArray[Any],
    flux: NDArray[Any],
    ivar: NDArray[Any],
    options: InferOptions,
    writer: LabelWriter,
    summary: StreamSummary,
) -> None:
    """Infer one block and write it."""
    labels = model.infer(
        flux,
        ivar,
        n_starts=options.n_starts,
        nuisance=options.nuisance,
        limits=options.limits,
        scheduler=options.scheduler,
        workers=options.workers,
    )
    writer.write(_rows(ids, labels))
    summary.add(labels)


def _rows(ids: NDArray[Any], labels: LabelTable) -> Table:
    table = labels.to_table()
    table.add_column(ids, name="id", index=0)
    return table


def _meta(model: CannonModel, source: str | Path) -> dict[str, Any]:
    calibrated = model.calibration is not None
    return {
        "written_by": f"manyfit {__version__}",
        "source": str(source),
        "label_names": list(model.label_names),
        "errors": "calibrated by cross-validation" if calibrated else "formal: noise and scatter alone",
    }


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each read in another thread while the one before is worked on."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = pool.submit(next, items, end)
            yield item  # type: ignore[misc]
