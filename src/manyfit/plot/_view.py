"""The part of a field that is worth a look: around what was found, with a margin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A part that covers more than this of the field is shown with all of it.
MOST = 0.6
#: Margin, as a part of the longer side, and the least number of pixels of it.
MARGIN, FEWEST = 0.08, 3


def view_of(where: NDArray[np.bool], most: float = MOST) -> tuple[slice, slice]:
    """Rows and columns around what is true, with a margin; the whole field where that is most of it, or nothing.

    Parameters
    ----------
    where
        Map (y, x) of what is to be seen.
    most
        Largest part of the field that is cut out.

    Examples
    --------
    >>> where = np.zeros((100, 80), bool)
    >>> where[40:60, 30:40] = True
    >>> view_of(where)
    (slice(37, 63, None), slice(27, 43, None))
    """
    whole = slice(0, where.shape[0]), slice(0, where.shape[1])
    if not where.any():
        return whole
    ends = [np.flatnonzero(where.any(axis=axis))[[0, -1]] + [0, 1] for axis in (1, 0)]
    margin = max(FEWEST, round(MARGIN * max(int(last - first) for first, last in ends)))
    rows, columns = (
        slice(max(0, int(first) - margin), min(n, int(last) + margin))
        for (first, last), n in zip(ends, where.shape, strict=True)
    )
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return whole if area > most * where.size else (rows, columns)


def crop(ax: Any, view: tuple[slice, slice]) -> None:
    """Show only some rows and columns of an image."""
    rows, columns = view
    ax.set_xlim(columns.start - 0.5, columns.stop - 0.5)
    ax.set_ylim(rows.start - 0.5, rows.stop - 0.5)
