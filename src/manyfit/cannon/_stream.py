"""Label stars from files, a block at a time: memory is that of a few blocks, however many stars there are.

Labels go straight to a table, which appears when it is whole; or to a store, of which a table is written at the end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Serial, Threads, executor_for
from manyfit.errors import InputError
from manyfit.fitting._fingerprint import digest

from ._expansion import SearchOptions
from ._flags import FlagLimits
from ._infer import Labelling, check_wavelength
from ._label_export import StreamSummary, export_labels, summarised, table_meta, write_part
from ._label_store import STARS, label_into
from ._label_table import LabelTable
from ._label_writer import check_table, writing
from ._model import CannonModel
from ._sources import StarFile, open_stars, rows_of
from ._stars import FileStars, Stars, native
from ._survey_stars import SurveyStars

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


def infer_file(
    model: CannonModel,
    source: str | Path,
    output: str | Path | None = None,
    *,
    options: InferOptions | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
    store: str | Path | None = None,
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
        The table: ``.parquet``, ``.fits``, or ``.ecsv`` (which is kept in memory until all is done). It may be left out
        if there is a store.
    options
        Options of the inference.
    progress
        Called as ``progress(done, total)`` in stars.
    overwrite
        Whether a table may be there already.
    store
        Folder or URL to which labels are written block by block, by the workers of a dask cluster too. The same call
        again goes on where an earlier one ended, whatever ended it. The table is written from it at the end.

    Returns
    -------
    StreamSummary

    Raises
    ------
    InputError
        The file cannot be read, or has other wavelengths than the model; or the store is of other labels.
    OutputExists
        There is a table and `overwrite` is not set, or `store` is there and is none.
    """
    started, options = time.perf_counter(), options or InferOptions()
    table = _table_path(output, store, overwrite=overwrite)
    if store is not None:
        stars = FileStars(Path(source))
        _check_source(model, stars.file, str(source))
        return _through(store, model, stars, table, options, progress, started, overwrite=overwrite)
    assert table is not None
    with open_stars(source) as file, writing(table, table_meta(model, source), overwrite=overwrite) as writer:
        _check_source(model, file, str(source))
        summary, blocks = StreamSummary(table), rows_of(file, BLOCK)
        for rows, labels in labelled(model, blocks, options):
            ids = np.arange(rows.start, rows.stop) if file.ids is None else file.ids[rows]
            write_part(replace(labels, ids=ids), writer, summary)
            if progress is not None:
                progress(rows.stop, file.n_stars)
    summary.seconds = time.perf_counter() - started
    return summary


def infer_files(
    model: CannonModel,
    paths: Iterable[str | PathLike[str]],
    output: str | Path | None = None,
    *,
    prepare: Callable[[Spectra], Spectra],
    options: InferOptions | None = None,
    block: int = FILES,
    progress: Progress | None = None,
    overwrite: bool = False,
    store: str | Path | None = None,
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
    store
        As for `infer_file`. It has a row for each file: `prepare` must give one spectrum. What `prepare` does is told
        by its source text (all that it does, for that of `survey_spectra`), and of the files names and sizes.

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

    started, options, files = time.perf_counter(), options or InferOptions(), tuple(map(Path, paths))
    table = _table_path(output, store, overwrite=overwrite)
    if store is not None:
        stars = SurveyStars(files, prepare, model.wavelength)
        return _through(store, model, stars, table, options, progress, started, overwrite=overwrite, most=block)
    assert table is not None
    summary, done, width = StreamSummary(table), 0, max((len(str(f)) for f in files), default=1)
    with writing(table, table_meta(model, f"{len(files)} files"), overwrite=overwrite) as writer:
        blocks = _spectra_of(model, read_many(files, block=block, prepare=prepare))
        for part, labels in labelled(model, blocks, options):
            summary.failed_files += [(r["path"], r["message"]) for r in part if r["status"] != "ok"]
            if len(labels):
                ids = np.repeat(np.asarray(part["path"], dtype=f"U{width}"), np.asarray(part["n_rows"]))
                write_part(replace(labels, ids=ids), writer, summary)
            done += len(part)
            if progress is not None:
                progress(done, len(files))
        summary.check(len(files))
    summary.seconds = time.perf_counter() - started
    return summary


def _table_path(output: str | Path | None, store: str | Path | None, *, overwrite: bool) -> Path | None:
    """Where the table is to be, if there is to be one."""
    if output is None:
        if store is None:
            raise InputError("Neither output nor store was given. Give a name for a table, or a place for a store.")
        return None
    check_table(Path(output), overwrite=overwrite)
    return Path(output)


def _through(
    store: str | Path,
    model: CannonModel,
    stars: Stars,
    table: Path | None,
    options: InferOptions,
    progress: Progress | None,
    started: float,
    *,
    overwrite: bool,
    most: int = STARS,
) -> StreamSummary:
    """Label what a store does not have, and write the table of it."""
    search = SearchOptions(options.n_starts, MAX_ITERATIONS, second_derivatives=True)
    labelling = Labelling(model, search, options.nuisance, options.limits or FlagLimits())
    executor = executor_for(options.scheduler, options.workers)
    written = label_into(store, labelling, stars, executor, progress, most)
    summary = summarised(written) if table is None else export_labels(store, table, overwrite=overwrite)
    summary.seconds = time.perf_counter() - started
    summary.check(stars.n_stars)
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
    regions = None if continuum_regions is None else np.asarray(continuum_regions, dtype=float)
    return SurveyPreparation(model.wavelength, regions, velocity)


@dataclass(frozen=True, eq=False)
class SurveyPreparation:
    """What `survey_spectra` gives: see there."""

    wavelength: NDArray[np.float64]
    continuum_regions: NDArray[np.float64] | None
    velocity: float | None

    def __call__(self, spectra: Spectra) -> Spectra:
        """The spectra at rest, on the grid, divided by their continuum."""
        from astropy import units as u

        from manyfit.spectra import Clip, normalize, resample, sinusoidal_continuum, to_vacuum

        grid, velocity, regions = u.Quantity(self.wavelength, u.AA), self.velocity, self.continuum_regions
        chosen = spectra.coadd if len(spectra.coadds) else spectra
        chosen = chosen if chosen.medium == "unknown" else to_vacuum(chosen)
        if velocity is None and chosen.frame == "rest":
            rest = resample(chosen, grid)
        else:
            rest = resample(chosen, grid, velocity=chosen.rows["velocity"] if velocity is None else velocity)
        clip = Clip() if regions is None else None
        found = sinusoidal_continuum(grid, rest.flux, rest.ivar, continuum_regions=regions, clip=clip)
        return normalize(rest, found)

    def fingerprint(self) -> dict[str, Any]:
        """What it does, as JSON."""
        regions = None if self.continuum_regions is None else digest(self.continuum_regions)
        return {"wavelength": digest(self.wavelength), "continuum regions": regions, "velocity": self.velocity}


def labelled(
    model: CannonModel, blocks: Iterator[tuple[T, NDArray[Any], NDArray[Any]]], options: InferOptions
) -> Iterator[tuple[T, LabelTable]]:
    """Blocks of flux and ivar, each with what it is called, as tables in the same order.

    Each thread takes the next block, one at a time, and labels it while another reads: so what was just read is still
    near to the processor.
    """
    search, limits = SearchOptions(options.n_starts, MAX_ITERATIONS, second_derivatives=True), options.limits
    labelling, lock = Labelling(model, search, options.nuisance, limits or FlagLimits()), Lock()
    numbered, nothing = enumerate(blocks), (-1, None)

    def work() -> tuple[int, tuple[T, LabelTable] | None]:
        with lock:
            number, block = next(numbered, nothing)
        if block is None:
            return number, None
        name, flux, ivar = block
        return number, (name, labelling(native(flux), native(ivar)))

    n_workers = _threads(options)
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


def _threads(options: InferOptions) -> int:
    executor = executor_for(options.scheduler, options.workers)
    if not isinstance(executor, Threads | Serial):
        raise InputError("A table alone is written by threads. Give store= for processes or a dask cluster.")
    return executor.n_workers


def _check_source(model: CannonModel, stars: StarFile, source: str) -> None:
    """That there are stars, on the grid of the model."""
    if not stars.n_stars:
        raise InputError(f"{source!r} has no stars.")
    if stars.n_pixels != len(model.wavelength):
        raise InputError(
            f"{source!r} has {stars.n_pixels} pixels and the model {len(model.wavelength)}. Resample the spectra to "
            "model.wavelength first (manyfit.spectra)."
        )
    if stars.wavelength is not None:
        check_wavelength(model.wavelength, stars.wavelength)


def _spectra_of(model: CannonModel, parts: Iterator[Block]) -> Iterator[tuple[Table, NDArray[Any], NDArray[Any]]]:
    """Flux and ivar of blocks of files, each with the table of its files."""
    nothing = np.empty((0, len(model.wavelength)))
    for part in parts:
        if part.spectra is None:
            yield part.files, nothing, nothing
        else:
            check_wavelength(model.wavelength, part.spectra.wavelength.to_value("Angstrom"))
            yield part.files, part.spectra.flux, part.spectra.ivar
