"""The index of a response: one row for each bin, so that a fit reads only the bins that hold counts."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.blocks._progress import progress_for, rich_progress
from manyfit.blocks._threads import cpu_count
from manyfit.errors import InputError, ManyfitWarning
from manyfit.kernels._cache import root

from ._index_build import build, parts
from ._index_file import IndexTables, UnusableIndex, check_source, read_tables
from ._index_kernel import read_rows, reduce_rows
from ._response import check_request

if TYPE_CHECKING:
    from manyfit.blocks._progress import Progress

    from ._axes import Axes
    from ._response import AnyResponse, Bins, Channels, ReducedResponse

VARIABLE = "MANYFIT_INDEX"
"""Environment variable that names a folder for indexes."""

SMALL = 64 << 20  # bytes of a response that is read as fast without an index
GAP = 1 << 12  # bytes between two rows that are read over rather than skipped
COLUMNS = 256  # bins that a thread takes at a time

BUILD_IT = "Build it with ResponseIndex.open_or_build."

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class ResponseIndex:
    """A response with an index beside it: the same numbers, read bin by bin.

    Attributes
    ----------
    response
        The response.
    path
        The index.
    tables
        Places of the rows, and sums.
    """

    response: AnyResponse
    path: Path
    tables: IndexTables

    @classmethod
    def open(cls, response: AnyResponse, *, folder: str | Path | None = None) -> ResponseIndex:
        """Open the index of a response.

        Parameters
        ----------
        response
            The response.
        folder
            Folder of the index; by default that of ``$MANYFIT_INDEX``, else that of the response, or the user's cache
            folder where that one cannot be written.

        Raises
        ------
        InputError
            There is none, it is damaged, or it is of another file.
        """
        path = index_path(response.path, folder)
        try:
            return _usable(response, path)
        except FileNotFoundError:
            raise InputError(f"{str(response.path)!r} has no index at {str(path)!r}. {BUILD_IT}") from None
        except UnusableIndex as error:
            raise InputError(f"The index {str(path)!r} cannot be used: {error}. {BUILD_IT}") from None

    @classmethod
    def open_or_build(
        cls, response: AnyResponse, *, folder: str | Path | None = None, progress: bool | Progress | None = None
    ) -> ResponseIndex:
        """Open the index of a response; build it if there is none, and anew if it is damaged or out of date.

        A build that is interrupted goes on where it was. Two processes build one after the other, not twice.

        Parameters
        ----------
        response
            The response.
        folder
            As in `open`.
        progress
            True for a bar, or a function that is called with the steps that are done and their number.

        Raises
        ------
        OSError
            The index cannot be written.
        """
        path = index_path(response.path, folder)
        with contextlib.suppress(FileNotFoundError), _saying(path):
            return _usable(response, path)
        bar = f"Indexing {response.path.name}"
        with _alone(path), rich_progress(bar, "steps") if progress is True else progress_for(progress) as report:
            with contextlib.suppress(FileNotFoundError, UnusableIndex):
                return _usable(response, path)  # another process has built it while this one waited
            try:
                build(response, path, report)
            except UnusableIndex:  # damaged parts of a build that was killed
                build(response, path, report)
        return _usable(response, path)

    @property
    def axes(self) -> Axes:
        """NuLambda, Ei, Em, Phi, PsiChi."""
        return self.response.axes

    @property
    def unit(self) -> str:
        """Unit of the areas."""
        return self.response.unit

    @property
    def size(self) -> int:
        """Bytes of the index."""
        return self.path.stat().st_size

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """Area summed over all (Phi, PsiChi), (NuLambda, Ei, Em)."""
        return self.tables.sums * self.response.layout.scale[None, :, None]

    def rows(self, bins: Bins) -> NDArray[np.float64]:
        """Area of bins, (bin, Ei, NuLambda).

        Parameters
        ----------
        bins
            Flat bins over (Em, Phi, PsiChi).
        """
        n_pixels, n_ei = self.axes.shape[:2]
        flat, _ = check_request(self.axes, bins, np.ones(n_ei), None)
        out = np.zeros((flat.size, n_ei, n_pixels))
        starts, ends = self._places(flat[:, None])
        for a, b in parts(flat.size, COLUMNS):
            data, words, moved = _fetch(self.path, starts[a:b], ends[a:b])
            if read_rows(data, words, moved[:, 0], moved[:, 0] + ends[a:b, 0] - starts[a:b, 0], out[a:b]) >= 0:
                raise UnusableIndex("a row is damaged")
        return out * self.response.layout.scale[None, :, None]

    def reduced(self, bins: Bins, weights: ArrayLike, channels: Channels | None = None) -> NDArray[np.float64]:
        """Area of bins, summed over Ei with weights, (..., NuLambda, bin): see `ReducedResponse`.

        A damaged row is found by its checksum: the index is removed, which is said in a warning, and the numbers are
        read from the response.
        """
        flat, several = check_request(self.axes, bins, weights, channels)
        out = np.empty((len(several), self.axes.shape[0], flat.size))
        try:
            self._reduce(self._chosen(flat, channels), several * self.response.layout.scale, out)
        except UnusableIndex as error:
            self.path.unlink(missing_ok=True)
            _warn(self.path, f"{error}; it is removed, and the response is read instead, which takes longer")
            return self.response.reduced(bins, weights, channels)
        return out if np.ndim(weights) > 1 else out[0]

    def _chosen(self, flat: Bins, channels: Channels | None) -> Rows:
        """The rows that make up each column, (bin, row), as flat places of the tables."""
        n_em, n_cds = self.tables.starts.shape[0] - 1, self.tables.starts.shape[1]
        if channels is None:
            channel = np.zeros(1, np.int64)  # bins are over channels as well
        elif channels == (0, n_em):
            channel = np.array([n_em])
        else:
            channel = np.arange(*channels)
        return np.asarray(flat[:, None] + channel * n_cds, np.int64)

    def _places(self, rows: Rows) -> tuple[Rows, Rows]:
        starts = self.tables.starts.reshape(-1)[rows]
        return starts, starts + self.tables.lengths.reshape(-1)[rows]

    def _reduce(self, rows: Rows, weights: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        starts, ends = self._places(rows)

        def work(part: tuple[int, int]) -> None:
            a, b = part
            data, words, moved = _fetch(self.path, starts[a:b], ends[a:b])
            damaged = reduce_rows(data, words, moved, moved + ends[a:b] - starts[a:b], weights, a, out)
            if damaged >= 0:
                raise UnusableIndex("a row is damaged")

        with ThreadPoolExecutor(cpu_count(), thread_name_prefix="manyfit") as pool:
            list(pool.map(work, parts(len(rows), max(8, COLUMNS // rows.shape[1]))))

    def __repr__(self) -> str:
        made = f"{self.size / 1e6:.0f} MB, built in {self.tables.seconds:.1f} s"
        return f"<ResponseIndex {self.path.name}: {made}, of {self.response!r}>"


def indexed(
    response: AnyResponse, *, folder: str | Path | None = None, progress: bool | Progress | None = None
) -> ReducedResponse:
    """The response with its index, built if need be; as it is where it is small or no index can be written.

    Parameters
    ----------
    response, folder, progress
        As in `ResponseIndex.open_or_build`.
    """
    if np.prod(response.axes.shape, dtype=float) * response.layout.dtype.itemsize <= SMALL:
        return response
    try:
        return ResponseIndex.open_or_build(response, folder=folder, progress=progress)
    except OSError as error:
        _warn(index_path(response.path, folder), f"it cannot be written ({error}); the response is read as it is")
        return response


def index_path(source: Path, folder: str | Path | None = None) -> Path:
    """Where the index of a response is, or is to be."""
    chosen = folder or os.environ.get(VARIABLE)
    beside = source.with_name(f"{source.name}.index")
    if not chosen and (beside.exists() or os.access(source.parent, os.W_OK)):
        return beside
    home = Path(chosen).expanduser() if chosen else root() / "indexes"
    home.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(str(source.resolve()).encode()).hexdigest()[:12]
    return home / f"{source.name}.{digest}.index"


def _usable(response: AnyResponse, path: Path) -> ResponseIndex:
    tables = read_tables(path)
    check_source(tables, response.path)
    return ResponseIndex(response, path, tables)


@contextlib.contextmanager
def _saying(path: Path) -> Generator[None]:
    """Say why an index is built anew."""
    try:
        yield
    except UnusableIndex as error:
        _warn(path, f"{error}; it is built anew")
        raise FileNotFoundError from error


def _warn(path: Path, what: str) -> None:
    warnings.warn(f"Index {str(path)!r}: {what}.", ManyfitWarning, stacklevel=4)


@contextlib.contextmanager
def _alone(path: Path) -> Generator[None]:
    """Hold other processes off a path; the system lets go of it when this process ends, however it does."""
    try:
        import fcntl
    except ImportError:  # not on Windows: there two builds may do the same work, and the last one stays
        yield
        return
    lock = path.with_name(f"{path.name}.lock")
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _fetch(path: Path, starts: Rows, ends: Rows) -> tuple[NDArray[np.uint8], NDArray[np.uint64], Rows]:
    """Read rows into one piece of memory, as bytes and as words, with their places in it; near ones with one call."""
    order = np.argsort(starts, axis=None)
    first, last = starts.reshape(-1)[order], ends.reshape(-1)[order]
    new = first > np.concatenate([[-GAP - 1], last[:-1]]) + GAP
    run = np.cumsum(new) - 1
    begins, stops = first[new], last[np.append(new[1:], True)] if first.size else first
    offsets = np.concatenate([[0], np.cumsum(stops - begins)])
    words = np.empty(int(offsets[-1]) // 8, np.uint64)
    data = words.view(np.uint8)
    with path.open("rb", buffering=0) as file:
        for begin, a, b in zip(begins.tolist(), offsets.tolist(), offsets[1:].tolist(), strict=False):
            file.seek(begin)
            if file.readinto(data[a:b].data) != b - a:
                raise UnusableIndex("it is cut off")
    moved = np.empty(starts.size, np.int64)
    moved[order] = first - begins[run] + offsets[run]
    return data, words, moved.reshape(starts.shape)
