"""Building a response index: from one array for each direction of the source to one row for each bin.

A response is stored direction by direction, a fit needs it bin by bin, and it does not fit into memory. First the rows
of a group of directions at a time are made and written to a file of their own: the unit that a build which was killed
does not repeat. Then the pieces of each row are joined.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks._threads import cpu_count
from manyfit.errors import InputError

from ._index_file import MAGIC, Fingerprint, IndexTables, UnusableIndex, whole_digest, write_tables
from ._index_kernel import collect_dense, collect_pixels, collect_rows, largest_row, sparse_rows, write_rows
from ._response import stored_pixels

if TYPE_CHECKING:
    from manyfit.blocks._progress import Progress

    from ._response import AnyResponse

GROUP_BYTES = 96 << 20  # of stored numbers that are held at a time
TILE_BYTES = 4 << 20  # of rows on their way, for each thread
log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class BuildPlan:
    """How an index is built.

    Attributes
    ----------
    n_pixels, n_ei, n_em, n_cds
        Directions, photon energies, channels, and bins of (Phi, PsiChi).
    group
        Directions whose rows are made together, a multiple of 8.
    segment
        Bins of (Phi, PsiChi) whose rows are joined together.
    """

    n_pixels: int
    n_ei: int
    n_em: int
    n_cds: int
    group: int
    segment: int

    @classmethod
    def of(cls, response: AnyResponse) -> BuildPlan:
        """The plan for a response."""
        n_pixels, n_ei, n_em, n_phi, n_psichi = response.axes.shape
        n_cds = n_phi * n_psichi
        one = n_ei * n_em * n_cds * response.layout.dtype.itemsize
        group = max(8, GROUP_BYTES // one // 8 * 8)
        return cls(n_pixels, n_ei, n_em, n_cds, group, max(8, TILE_BYTES // largest_row(n_ei, n_pixels)))

    @property
    def groups(self) -> list[tuple[int, int]]:
        """First direction of each group, and one after its last."""
        return parts(self.n_pixels, self.group)

    @property
    def segments(self) -> list[tuple[int, int]]:
        """First bin of each segment, and one after its last."""
        return parts(self.n_cds, self.segment)


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of some directions, in a file.

    Attributes
    ----------
    first, last
        The first direction, and one after the last.
    path
        The rows, one after the other.
    ends
        Where each ends, (bin,).
    sums
        Numbers summed over (Phi, PsiChi), (direction, Ei, Em).
    """

    first: int
    last: int
    path: Path
    ends: NDArray[np.int64]
    sums: NDArray[np.float64]


def parts(size: int, step: int) -> list[tuple[int, int]]:
    """A range in parts.

    >>> parts(10, 4)
    [(0, 4), (4, 8), (8, 10)]
    """
    return [(start, min(start + step, size)) for start in range(0, size, step)]


def build(response: AnyResponse, target: Path, progress: Progress | None = None) -> None:
    """Build the index of a response; a build that was killed goes on where it was.

    Parameters
    ----------
    response
        The response.
    target
        Where the index is to be; it appears when it is whole. Beside it is a folder of parts until then.
    progress
        Called with the steps that are done and their number.

    Raises
    ------
    OSError
        There is no room, or the folder cannot be written.
    UnusableIndex
        A part that an earlier build has left is damaged; all parts are removed.
    InputError
        The response is damaged, or changes while it is read.
    """
    start, plan = time.monotonic(), BuildPlan.of(response)
    source = Fingerprint.of(response.path)
    folder = _parts_folder(target, plan, source)
    total = len(plan.groups) + len(plan.segments)

    def report(done: int) -> None:
        if progress is not None:
            progress(done, total)

    try:
        with ThreadPoolExecutor(cpu_count(), thread_name_prefix="manyfit") as pool, whole(target) as part:
            groups = _all_groups(response, plan, folder, pool, report)
            with part.open("wb") as file:
                places = _join(plan, groups, file, pool, report)
                if Fingerprint.of(response.path) != source:
                    raise InputError(f"{str(response.path)!r} changed while its index was built. Try again.")
                sums = np.concatenate([group.sums for group in groups])
                seconds = time.monotonic() - start
                write_tables(file, IndexTables(source, whole_digest(response.path), *places, sums, seconds))
                file.flush()
                os.fsync(file.fileno())
    except UnusableIndex:  # a part was damaged: all are made again
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    raw, size = np.prod(response.axes.shape) * response.layout.dtype.itemsize, target.stat().st_size
    log.info("Built %s in %.1f s: %.0f MB, %.1f %% of the response.", target, seconds, size / 1e6, 100 * size / raw)


def _parts_folder(target: Path, plan: BuildPlan, source: Fingerprint) -> Path:
    """The folder of parts; emptied if they are of another source or plan."""
    folder = target.with_name(f"{target.name}.parts")
    facts = json.dumps({"version": MAGIC.decode(), "plan": asdict(plan), "source": asdict(source)})
    note = folder / "source.json"
    if folder.exists() and (not note.exists() or note.read_text(encoding="utf-8") != facts):
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    with whole(note) as part:
        part.write_text(facts, encoding="utf-8")
    return folder


@contextmanager
def whole(path: Path) -> Generator[Path]:
    """A path to write to, which takes the place of `path` at the end."""
    part = path.with_name(f".{uuid4().hex[:8]}.{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


# -- first: rows of groups of directions -----------------------------------------------------------------------------


def _all_groups(
    response: AnyResponse, plan: BuildPlan, folder: Path, pool: ThreadPoolExecutor, report: Callable[[int], None]
) -> list[Group]:
    found = []
    with stored_pixels(response) as read:
        stored = np.empty((plan.group, plan.n_ei, plan.n_em * plan.n_cds), response.layout.dtype.newbyteorder("="))
        for number, (first, last) in enumerate(plan.groups):
            name = folder / f"{number:04d}"
            if (group := _finished(name, first, last)) is None:
                for pixel in range(first, last):
                    stored[pixel - first] = read(pixel).reshape(plan.n_ei, -1)
                group = _write_group(name, first, stored[: last - first], plan, pool)
            found.append(group)
            report(number + 1)
    return found


def _finished(name: Path, first: int, last: int) -> Group | None:
    """A group that an earlier build has written."""
    rows, ends, sums = (name.with_suffix(end) for end in (".rows", ".ends.npy", ".sums.npy"))
    if not sums.exists():  # written last
        return None
    group = Group(first, last, rows, np.load(ends, mmap_mode="r"), np.load(sums))
    return group if rows.stat().st_size == group.ends[-1] else None


def _write_group(name: Path, first: int, stored: NDArray[Any], plan: BuildPlan, pool: ThreadPoolExecutor) -> Group:
    n_pixels, n_ei, n_bins = stored.shape
    tile = max(8, TILE_BYTES // largest_row(n_ei, n_pixels))
    lengths = np.empty(n_bins, np.int64)
    with whole(name.with_suffix(".rows")) as part, part.open("wb") as file:
        for (a, b), (data, ends) in _in_order(pool, parts(n_bins, tile), lambda ab: _pixels_tile(stored, *ab)):
            file.write(data.data)
            lengths[a:b] = np.diff(ends, prepend=0)
    sums = stored.reshape(n_pixels, n_ei, plan.n_em, plan.n_cds).sum(axis=3, dtype=np.float64)
    for end, table in ((".ends.npy", np.cumsum(lengths)), (".sums.npy", sums)):
        with whole(name.with_suffix(end)) as part:
            np.save(part, table)
    group = _finished(name, first, first + n_pixels)
    assert group is not None  # it has just been written
    return group


def _pixels_tile(stored: NDArray[Any], first: int, last: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    n_pixels, n_ei, _ = stored.shape
    rows = sparse_rows(last - first, n_ei, n_pixels)
    collect_pixels(stored, first, last, *rows)
    return _written(rows, last - first, n_ei, n_pixels)


def _written(
    rows: tuple[Any, Any, Any, Any], n_rows: int, n_ei: int, n_pixels: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Collected rows as bytes, and where each ends."""
    words = np.empty(n_rows * largest_row(n_ei, n_pixels) // 8 + 1, np.uint64)
    data, ends = words.view(np.uint8), np.empty(n_rows, np.int64)
    size = write_rows(*rows, n_rows, data, words, ends)
    return data[:size].copy(), ends


# -- second: whole rows ----------------------------------------------------------------------------------------------


def _join(
    plan: BuildPlan, groups: list[Group], file: BinaryIO, pool: ThreadPoolExecutor, report: Callable[[int], None]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Write the rows of all bins; gives their places and lengths, (channel, bin)."""
    starts = np.empty((plan.n_em + 1, plan.n_cds), np.int64)
    lengths = np.empty((plan.n_em + 1, plan.n_cds), np.int32)
    file.write(MAGIC)
    work = _in_order(pool, plan.segments, lambda ab: _segment(plan, groups, *ab))
    for number, ((a, b), channels) in enumerate(work):
        for channel, (data, ends) in enumerate(channels):
            lengths[channel, a:b] = np.diff(ends, prepend=0)
            starts[channel, a:b] = file.tell() + ends - lengths[channel, a:b]
            file.write(data.data)
        report(len(groups) + number + 1)
    return starts, lengths


def _segment(
    plan: BuildPlan, groups: list[Group], first: int, last: int
) -> list[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """The rows of some bins of (Phi, PsiChi): of each channel, and of the sum over the channels."""
    n_rows, done = last - first, []
    rows = sparse_rows(n_rows, plan.n_ei, plan.n_pixels)
    total = np.zeros((n_rows, plan.n_ei, plan.n_pixels))
    for channel in range(plan.n_em):
        rows[2][:], rows[3][:] = 0, 0.0
        begin = channel * plan.n_cds + first
        for group in groups:
            _append(group, begin, begin + n_rows, rows, total)
        done.append(_written(rows, n_rows, plan.n_ei, plan.n_pixels))
    collect_dense(total, *rows)
    return [*done, _written(rows, n_rows, plan.n_ei, plan.n_pixels)]


def _append(group: Group, begin: int, end: int, rows: tuple[Any, Any, Any, Any], total: NDArray[np.float64]) -> None:
    """Append the rows of a group to those that are collected."""
    ends = np.asarray(group.ends[begin:end])
    start = int(group.ends[begin - 1]) if begin else 0
    words = np.empty((int(ends[-1]) - start) // 8, np.uint64)
    with group.path.open("rb", buffering=0) as file:
        file.seek(start)
        read = file.readinto(words.view(np.uint8).data)
    ends = ends - start
    starts = np.concatenate([[0], ends[:-1]])
    n_pixels = group.last - group.first
    if read != words.nbytes or (
        collect_rows(words.view(np.uint8), words, starts, ends, group.first, n_pixels, *rows, total) >= 0
    ):
        raise UnusableIndex(f"{group.path} is damaged")


def _in_order(pool: ThreadPoolExecutor, items: Sequence[T], work: Callable[[T], R]) -> Iterable[tuple[T, R]]:
    """Each item with its result, in order; few are in flight, so that memory is bounded."""
    step = 2 * cpu_count()
    for start, end in parts(len(items), step):
        some = items[start:end]
        yield from zip(some, pool.map(work, some), strict=True)
