"""Connected regions of voxels: labelled, pruned by size and brightness, numbered and grown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.cube import _signal_kernel as kernel
from manyfit.cube._room import room
from manyfit.errors import InputError


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions that were kept.

    Attributes
    ----------
    labels
        Number of the region of each voxel, from 1; 0 outside of all.
    n_voxels, n_bright
        Voxels above the low and the high threshold of each region, before it was grown.
    n_found
        Number of regions before any was left out.
    """

    labels: NDArray[np.unsignedinteger[Any]]
    n_voxels: NDArray[np.int64]
    n_bright: NDArray[np.int64]
    n_found: int


def label(
    level: NDArray[np.uint8], structure: ArrayLike | None, least: tuple[int, int], grow: tuple[int, int]
) -> Regions:
    """Regions of connected voxels above the low threshold.

    Regions are numbered in the order of their first voxels, as by ``scipy.ndimage.label``. Memory is that of the
    pieces of lines that are above the threshold; the labels of a large cube lie in a file, see `room`.

    Parameters
    ----------
    level
        Bits of each voxel (channels, rows, columns), as written by the kernel `levels`.
    structure
        Neighbours of a voxel, 3 x 3 x 3 and symmetric about its centre; None for all 26.
    least
        Regions with more voxels, and more bright voxels, than these are kept.
    grow
        Channels and pixels by which the regions are grown, without going around the edge.
    """
    reach, joined = _reach(neighbourhood(structure))
    begin = kernel.count_runs(level, joined)
    runs = kernel.find_runs(level, joined, begin)
    parent = kernel.connect(runs, begin, level.shape, reach)
    count = kernel.sizes(runs, parent)
    kept = np.flatnonzero((count[:, 0] > least[0]) & (count[:, 1] > least[1]))
    number: NDArray[np.unsignedinteger[Any]] = np.zeros(len(runs) + 1, np.min_scalar_type(len(kept)))
    number[kept] = np.arange(1, len(kept) + 1)
    labels: NDArray[np.unsignedinteger[Any]] = room(level.shape, number.dtype, "The labels of a cube")
    chosen = np.flatnonzero(number[parent])
    chosen = chosen[np.argsort(number[parent[chosen]], kind="stable")]
    lines = np.searchsorted(begin, chosen, side="right") - 1
    kernel.paint(runs[chosen], lines, number[parent[chosen]], level, grow, labels)
    return Regions(labels, count[kept, 0], count[kept, 1], int(np.count_nonzero(count[:, 0])))


def neighbourhood(structure: ArrayLike | None) -> NDArray[np.bool_]:
    """A structure that was checked.

    Raises
    ------
    InputError
        Another shape, or not symmetric about its centre.
    """
    found = np.ones((3, 3, 3), bool) if structure is None else np.asarray(structure, bool)
    if found.shape != (3, 3, 3) or (found != found[::-1, ::-1, ::-1]).any():
        raise InputError(
            f"structure has shape {found.shape}. Give 3 x 3 x 3 booleans (channels, rows, columns), symmetric "
            "about the centre, such as scipy.ndimage.generate_binary_structure(3, 1)."
        )
    return found


def _reach(structure: NDArray[np.bool_]) -> tuple[NDArray[np.int64], bool]:
    """How far neighbours before a voxel are away, line by line; and whether voxels of a line touch.

    >>> _reach(np.ones((3, 3, 3), bool))[0].tolist()
    [[-1, -1, -1, 1], [-1, 0, -1, 1], [-1, 1, -1, 1], [0, -1, -1, 1]]
    """
    before = [(-1, -1), (-1, 0), (-1, 1), (0, -1)]
    pieces = [
        (channels, row, piece[0], piece[-1])
        for channels, row in before
        for piece in _pieces(structure[channels + 1, row + 1])
    ]
    return np.array(pieces, np.int64).reshape(-1, 4), bool(structure[1, 1, 0])


def _pieces(line: NDArray[np.bool_]) -> list[list[int]]:
    """Offsets -1, 0, 1 that are neighbours, in pieces without a gap."""
    offsets = [int(i) - 1 for i in np.flatnonzero(line)]
    return [[-1], [1]] if offsets == [-1, 1] else [offsets] if offsets else []
