"""Thresholds, connected regions and their growth, on plain arrays of (channels, rows, columns)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

LOW, HIGH, BAD = 1, 2, 4  # bits of a level: above the low threshold, above the high one, not a value


@compiled
def levels(values: NDArray[Any], sigma: NDArray[np.float64], low: float, high: float, out: NDArray[np.uint8]) -> None:
    """Compare values of (channels, spectra) with multiples of sigma of (channels or 1, spectra).

    Thresholds are strict; a voxel whose sigma is not positive is bad.
    """
    for k in range(values.shape[0]):
        s = sigma[k if sigma.shape[0] > 1 else 0]
        for p in range(values.shape[1]):
            value, noise = np.float64(values[k, p]), s[p]
            level = np.uint8(value > low * noise) * LOW + np.uint8(value > high * noise) * HIGH
            good = noise > 0.0 and noise < np.inf and value - value == 0.0
            out[k, p] = level if good else BAD


@compiled
def count_runs(level: NDArray[np.uint8], joined: bool) -> NDArray[np.int64]:
    """Where the runs of each line of columns begin in the list of all; one number more than lines.

    A run is a piece of a line of voxels above the low threshold; one voxel, if voxels of a line do not touch.
    """
    n, ny, nx = level.shape
    begin = np.zeros(n * ny + 1, np.int64)
    for line in range(n * ny):
        found, before = 0, False
        for x in range(nx):
            above = level[line // ny, line % ny, x] & LOW != 0
            found += above and not (before and joined)
            before = above
        begin[line + 1] = begin[line] + found
    return begin


@compiled
def find_runs(level: NDArray[np.uint8], joined: bool, begin: NDArray[np.int64]) -> NDArray[np.int32]:
    """First column, column after the last, and number of bright voxels of each run."""
    n, ny, nx = level.shape
    runs = np.zeros((begin[-1], 3), np.int32)
    for line in range(n * ny):
        at, before = begin[line] - 1, False
        if begin[line] == begin[line + 1]:
            continue
        for x in range(nx):
            value = level[line // ny, line % ny, x]
            above = value & LOW != 0
            if above and not (before and joined):
                at += 1
                runs[at, 0] = x
            if above:
                runs[at, 1] = x + 1
                runs[at, 2] += value & HIGH != 0
            before = above
    return runs


@compiled
def _root(parent: NDArray[np.int64], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled
def connect(
    runs: NDArray[np.int32], begin: NDArray[np.int64], shape: tuple[int, int, int], reach: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each run the first run of its region.

    Parameters
    ----------
    runs, begin
        As from `find_runs` and `count_runs`.
    shape
        Channels, rows, columns.
    reach
        One line (channels, rows, lowest column, highest column) for each piece of the neighbourhood that lies before
        a voxel: how far a neighbour is away.
    """
    n, ny, _ = shape
    parent = np.arange(len(runs))
    for line in range(n * ny):
        if begin[line] == begin[line + 1]:
            continue
        for r in range(len(reach)):
            channel, row = line // ny + reach[r, 0], line % ny + reach[r, 1]
            if channel < 0 or row < 0 or row >= ny:
                continue
            _join(
                runs,
                parent,
                begin[line],
                begin[line + 1],
                begin[channel * ny + row],
                begin[channel * ny + row + 1],
                reach[r, 2],
                reach[r, 3],
            )
    for i in range(len(runs)):
        parent[i] = _root(parent, i)
    return parent


@compiled
def _join(
    runs: NDArray[np.int32], parent: NDArray[np.int64], first: int, end: int, j: int, j_end: int, least: int, most: int
) -> None:
    """Join the runs of a line with those of another that they touch; the first of all becomes the root."""
    for i in range(first, end):
        while j < j_end and runs[j, 1] <= runs[i, 0] + least:
            j += 1
        touching = j  # what one run touches the next may touch as well
        while touching < j_end and runs[touching, 0] < runs[i, 1] + most:
            a, b = _root(parent, i), _root(parent, touching)
            parent[max(a, b)] = min(a, b)
            touching += 1


@compiled
def sizes(runs: NDArray[np.int32], parent: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of voxels and of bright voxels of the region that each run is the first of; 0 for other runs."""
    count = np.zeros((len(runs), 2), np.int64)
    for i in range(len(runs)):
        count[parent[i], 0] += runs[i, 1] - runs[i, 0]
        count[parent[i], 1] += runs[i, 2]
    return count


@compiled
def paint(
    runs: NDArray[np.int32],
    lines: NDArray[np.int64],
    numbers: NDArray[Any],
    level: NDArray[np.uint8],
    grow: tuple[int, int],
    labels: NDArray[Any],
) -> None:
    """Write the numbers of regions, grown by some channels and pixels, into labels that are zero.

    Runs come in the order of their numbers, so that of two regions that grow into one voxel from the same distance the
    first keeps it. A voxel that is bad stays zero, as does all beyond the edge.
    """
    n, ny, nx = level.shape
    for pixels in range(grow[1] + 1):
        for channels in range(grow[0] + 1):
            for i in range(len(runs)):
                channel, row = lines[i] // ny, lines[i] % ny
                for k in (channel - channels, channel + channels):
                    if k < 0 or k >= n:
                        continue
                    for y in range(max(row - pixels, 0), min(row + pixels + 1, ny)):
                        for x in range(max(runs[i, 0] - pixels, 0), min(runs[i, 1] + pixels, nx)):
                            if labels[k, y, x] == 0 and level[k, y, x] & BAD == 0:
                                labels[k, y, x] = numbers[i]
