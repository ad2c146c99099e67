"""A cube read block by block as plain arrays of (channels, spectra)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block, executor_for, plan, run
from manyfit.cube._cube import Cube
from manyfit.fitting._source import source_of

R = TypeVar("R")
BYTES_PER_VALUE = 24  # the values as read, as rows of float64, and as what is left to be done with them


@dataclass(frozen=True, eq=False)
class Part:
    """Some spectra of a cube.

    Attributes
    ----------
    block
        Which spectra.
    n_channels
        Number of channels.
    """

    block: Block
    n_channels: int

    @property
    def slices(self) -> tuple[slice, ...]:
        """All channels of these spectra."""
        return (slice(0, self.n_channels), *self.block.slices)

    def values(self, cube: Cube) -> NDArray[np.floating[Any]]:
        """Values of (channels, spectra), float32 or float64, NaN where bad."""
        return cube.values(self.slices).reshape(self.n_channels, -1)

    def of(self, array: Any) -> NDArray[np.float64]:
        """Of an array with the axes of the cube: (channels or 1, spectra), float64."""
        cut = tuple(slice(0, 1) if n == 1 else s for n, s in zip(array.shape, self.slices, strict=True))
        values = np.asarray(source_of(array).read(cut), np.float64)
        shape = (len(values), *self.block.shape)
        return np.ascontiguousarray(np.broadcast_to(values, shape)).reshape(len(values), -1)


def each_part(
    cube: Cube,
    work: Callable[[Part], R],
    collect: Callable[[Part, R], None] | None = None,
    *,
    workers: int | None = None,
    wanted: Any = None,
) -> None:
    """Do something for all spectra of a cube, in threads.

    Parameters
    ----------
    cube
        The cube.
    work
        Called for each part in a thread.
    collect
        Called with its result in the calling thread. Default: there is none.
    workers
        Number of threads. Default: the CPUs that this process may use.
    wanted
        Map of booleans; parts without any are left out.
    """
    executor = executor_for("threads", workers)
    chunks = source_of(cube.data).chunks
    whole = plan(
        cube.spatial_shape,
        bytes_per_element=BYTES_PER_VALUE * cube.n_channels,
        n_workers=executor.n_workers,
        chunks=None if chunks is None else chunks[1:],
    )
    blocks = tuple(b for b in whole.blocks if wanted is None or wanted[b.slices].any())

    def do(block: Block) -> R:
        return work(Part(block, cube.n_channels))

    def keep(block: Block, result: R) -> None:
        if collect is not None:
            collect(Part(block, cube.n_channels), result)

    run(type(whole)(whole.shape, blocks, whole.bytes_per_block), do, collect=keep, executor=executor)
