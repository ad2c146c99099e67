"""The work on the selected elements of a block."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block
from manyfit.kernels import Solution

from ._fitter_work import FitterOutcome, FitterWork
from ._keep import KeepWork
from ._selection import EMPTY, Selection, tiles_of
from ._source import Memory
from ._store_work import Kept, Outcome
from ._tile import Tiles
from ._work import KernelWork

#: Up to this share of its elements, a block is read row by row, not as one box.
SPARSE = 1 / 16


@dataclass(frozen=True, eq=False)
class SelectedWork:
    """Fits the selected elements of blocks; the others are not read, and are as `Solution.empty` has them.

    Attributes
    ----------
    work
        Fits all elements of a block.
    where
        True for the selected elements of the iterating shape.
    """

    work: KernelWork | FitterWork | KeepWork
    where: NDArray[np.bool]

    def __call__(self, block: Block) -> Outcome:
        """Fit a block."""
        own = self.where[block.slices]
        if own.all():
            return self.work(block)
        selection = _within(block, own, self.work.tiles)
        tiles = tiles_of(self.work.tiles, selection)
        work = self.work.on(tiles) if isinstance(self.work, KeepWork) else replace(self.work, tiles=tiles)
        part = work(Block(0, (slice(0, selection.n_elements),)))
        within = np.ravel_multi_index(
            tuple(selection.places - np.array([[s.start] for s in block.slices], np.intp)), block.shape
        )
        return _spread_outcome(part, within, block.n_elements)

    def __reduce__(self) -> tuple[Any, ...]:
        """Small for workers elsewhere: eight elements in a byte, compressed."""
        return _unpacked, (self.work, self.where.shape, zlib.compress(np.packbits(self.where).tobytes()))


def _unpacked(work: KernelWork | FitterWork | KeepWork, shape: tuple[int, ...], packed: bytes) -> SelectedWork:
    bits = np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8), count=math.prod(shape))
    return SelectedWork(work, bits.astype(bool).reshape(shape))


def _within(block: Block, own: NDArray[np.bool], tiles: Tiles) -> Selection:
    """The selected elements of a block, in pieces that are worth a read of their own."""
    first = np.array([[s.start] for s in block.slices], np.intp)
    places = np.array(np.nonzero(own), np.intp).reshape(own.ndim, -1) + first
    pieces = _pieces(places, own, tiles)
    order = np.argsort(pieces, kind="stable")
    return Selection(tiles.axes.iterating_shape, places[:, order], pieces[order])


def _pieces(places: NDArray[np.intp], own: NDArray[np.bool], tiles: Tiles) -> NDArray[np.intp]:
    """One box around all; of a file, where few are selected, one for each of its chunks or rows."""
    shape = tiles.axes.iterating_shape
    is_dense = places.shape[1] > SPARSE * own.size or not shape
    if is_dense or isinstance(tiles.source, Memory) or (tiles.source.waits and tiles.source.chunks is None):
        return np.zeros(places.shape[1], np.intp)
    chunks = tiles.source.chunks
    extent = (*(1 for _ in shape[:-1]), shape[-1])
    if chunks is not None:
        extent = tuple(max(1, chunks[axis]) for axis in tiles.axes.iterating)
    counts = [-(-n // piece) for n, piece in zip(shape, extent, strict=True)]
    return np.asarray(np.ravel_multi_index(tuple(places // np.array(extent)[:, None]), counts))


def _spread(part: Solution, within: NDArray[np.intp], n: int) -> Solution:
    whole = {f.name: _put(getattr(part, f.name), within, n, EMPTY.get(f.name, np.nan)) for f in fields(Solution)}
    return Solution(**whole)


def _spread_outcome(part: Outcome, within: NDArray[np.intp], n: int) -> Outcome:
    if isinstance(part, Kept):
        arrays = {name: _put(values, within, n, np.nan) for name, values in part.arrays.items()}
        return Kept(_outcome(part.outcome, within, n), arrays)
    return _outcome(part, within, n)


def _outcome(part: Solution | FitterOutcome, within: NDArray[np.intp], n: int) -> Solution | FitterOutcome:
    if isinstance(part, Solution):
        return _spread(part, within, n)
    return replace(
        part,
        solution=_spread(part.solution, within, n),
        tied=_put(part.tied, within, n, np.nan),
        tied_variance=_put(part.tied_variance, within, n, np.nan),
        errors={int(within[i]): text for i, text in part.errors.items()},
        info=None if part.info is None else _put(part.info, within, n, None),
    )


def _put(values: NDArray[Any], within: NDArray[np.intp], n: int, empty: Any) -> NDArray[Any]:
    out = np.full((n, *values.shape[1:]), empty, values.dtype)
    out[within] = values
    return out
