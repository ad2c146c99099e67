"""Reading and writing of binned counts, piece by piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit._foreign import foreign
from manyfit.errors import InputError

from ._axes import Axes
from ._counts import Counts, Window, gathered, known_windows, time_bins
from ._hdf5 import member, opened
from ._histogram import A_HISTOGRAM, open_contents, pieces, read_axes, write_coo

WINDOWS = "windows"  # attribute of the histogram: start and stop of each window, s


def read(path: Path, window: Window | None) -> Counts:
    """Counts of a file, or of a window of its times."""
    with foreign(path), opened(path) as file:
        group = member(file, "hist", A_HISTOGRAM)
        axes = read_axes(member(group, "axes", A_HISTOGRAM))
        bins = None if window is None else time_bins(axes, window, repr(str(path)))
        kept = axes if bins is None else axes.replaced(axes.interval("Time").cut(*bins))
        name, contents, pad = open_contents(group, axes)
        try:
            parts = [_flat(kept, bins, index, values) for index, values in pieces(name, contents, axes, pad)]
        except OSError as error:
            raise InputError(f"{str(path)!r}: the counts cannot be read ({error}). The file is damaged.") from None
        windows = _read_windows(group, kept)
    index = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.int64)
    values = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0)
    return gathered(kept, index, values, windows, repr(str(path)))


def _flat(
    axes: Axes, bins: tuple[int, int] | None, index: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Flat indices and values of the entries in the bins of time."""
    if bins is not None:
        at = axes.index("Time")
        keep = (index[at] >= bins[0]) & (index[at] < bins[1])
        index, values = index[:, keep], values[keep]
        index[at] -= bins[0]
    return np.asarray(np.ravel_multi_index(tuple(index), axes.shape), np.int64), values


def _read_windows(group: Any, axes: Axes) -> tuple[Window, ...]:
    given = () if "Time" in axes else group.attrs.get(WINDOWS, ())
    return known_windows(axes, [(float(a), float(b)) for a, b in given])


def write(counts: Counts, path: Path, *, overwrite: bool) -> None:
    """Write counts as a COO histogram; windows without an axis of time go into an attribute."""
    index = np.array(np.unravel_index(counts.index, counts.axes.shape), dtype=np.int64)
    attributes = {WINDOWS: np.array(counts.windows)} if counts.windows else {}
    write_coo(path, counts.axes, index, counts.values, attributes=attributes, overwrite=overwrite)
