"""From single events to counts in bins of time, energy, Compton angle and direction."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks._threads import cpu_count
from manyfit.errors import InputError, unknown_name

from ._axes import Axes, HealpixAxis
from ._binning_kernel import bins_of, count
from ._counts import Counts, gathered, known_windows
from ._events import DIRECTIONS, Block, Events, blocks, event_columns

log = logging.getLogger(__name__)

ORDER = ("Time", "Em", "Phi", "PsiChi")
BLOCK = 1 << 19  # events that are read at a time
DENSE = 1 << 24  # bins up to which counts are kept in an array while they are counted

Index = NDArray[np.int64]


def bin_events(events: Events, *, axes: Axes, frame: str | None = None) -> Counts:
    """Count single events in bins.

    Parameters
    ----------
    events
        A file, HDF5 or FITS, or a mapping of arrays, with the columns "TimeTags" (unix s), "Energies" (keV), "Phi"
        (rad), and "Chi local", "Psi local" (longitude and colatitude in rad) or "Chi galactic", "Psi galactic"
        (longitude and latitude in deg). Units in a FITS file are used. Files are read block by block.
    axes
        "Em", "Phi", "PsiChi" and, if counts are wanted by time, "Time", in any order. A bin holds its lower edge.
    frame
        "spacecraft" or "galactic"; by default that of the axis PsiChi.

    Returns
    -------
    Counts
        With the axes in the order given. Events outside of them are left out; their number is logged.

    Raises
    ------
    InputError
        An axis or a column is missing or not known, or the frame differs from that of the axis.

    Examples
    --------
    >>> from manyfit.tsmap import Axes, Axis, HealpixAxis
    >>> events = {"TimeTags": [1.0, 2.0], "Energies": [300.0, 5.0], "Phi": [0.5, 0.5]}
    >>> events |= {"Chi galactic": [10.0, 20.0], "Psi galactic": [80.0, 0.0]}
    >>> axes = Axes([Axis("Em", [100, 1000]), Axis("Phi", [0, 180]), HealpixAxis("PsiChi", 1, frame="galactic")])
    >>> bin_events(events, axes=axes).dense().nonzero()
    (array([0]), array([0]), array([0]))
    """
    axes, frame = _framed(axes, frame)
    ordered = Axes(axes[label] for label in ORDER if label in axes)
    with event_columns(events, frame) as columns:
        index, values, outside = _counted(_bins(blocks(columns, frame, BLOCK), ordered), ordered.size)
        n_events = columns["TimeTags"].shape[0]
    log.info("%d of %d events lie outside of the axes.", outside, n_events)
    name = f"counts of {str(events)!r}" if isinstance(events, str | Path) else "counts"
    return gathered(ordered, index, values, known_windows(axes), name).project(*axes.labels)


def _framed(axes: Axes, frame: str | None) -> tuple[Axes, str]:
    """Axes whose PsiChi has a frame, and the frame."""
    if not {"Em", "Phi", "PsiChi"} <= set(axes.labels) <= set(ORDER):
        raise InputError(f"The axes are {', '.join(axes.labels)}. Em, Phi, PsiChi, and perhaps Time are needed.")
    pixels = axes.healpix("PsiChi")
    frame = frame or pixels.frame
    if frame not in DIRECTIONS:
        raise unknown_name("frame", frame, DIRECTIONS)
    if pixels.frame not in {None, frame}:
        raise InputError(f"frame is {frame!r}; the axis PsiChi is in the {pixels.frame} frame.")
    return axes.replaced(HealpixAxis("PsiChi", pixels.nside, pixels.scheme, frame)), frame


def _bins(parts: Iterable[Block], axes: Axes) -> Generator[Index]:
    """The flat bins of each block, computed in threads while the next is read."""
    work = _work(axes)
    with ThreadPoolExecutor(cpu_count(), thread_name_prefix="manyfit") as pool:
        waiting: deque[Future[Index]] = deque()
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) > cpu_count():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _work(axes: Axes) -> Callable[[Block], Index]:
    time = axes.interval("Time").edges if "Time" in axes else np.array([-np.inf, np.inf])
    pixels = axes.healpix("PsiChi")
    table = _nested(pixels.nside) if pixels.scheme == "NESTED" else None
    edges = (time, axes.interval("Em").edges, axes.interval("Phi").edges)

    def work(part: Block) -> Index:
        out = np.empty(part["time"].size, np.int64)
        bins_of(part["time"], part["energy"], part["angle"], part["lon"], part["lat"], *edges, pixels.nside, out)
        if table is None:
            return out
        return np.where(out < 0, out, out - out % pixels.n_bins + table[out % pixels.n_bins])

    return work


def _nested(nside: int) -> Index:
    """The NESTED number of each RING pixel."""
    from astropy_healpix.core import ring_to_nested

    return np.asarray(ring_to_nested(np.arange(12 * nside**2), nside), np.int64)


def _counted(parts: Iterable[Index], size: int) -> tuple[Index, NDArray[np.float64], int]:
    """Bins that hold events, how many, and the number of events outside."""
    if size > DENSE:
        return _counted_sparse(parts)
    counts, outside = np.zeros(size, np.int64), 0
    for part in parts:
        outside += count(part, counts)
    index = np.flatnonzero(counts)
    return index, counts[index].astype(np.float64), outside


def _counted_sparse(parts: Iterable[Index]) -> tuple[Index, NDArray[np.float64], int]:
    found, outside = [(np.zeros(0, np.int64), np.zeros(0, np.int64))], 0
    for part in parts:
        inside = part[part >= 0]
        outside += part.size - inside.size
        found.append(np.unique(inside, return_counts=True))
    index, values = (np.concatenate(column) for column in zip(*found, strict=True))
    return index, values.astype(np.float64), outside
