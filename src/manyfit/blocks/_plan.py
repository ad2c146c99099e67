"""Which elements are fitted together: a pure plan of blocks, bounded in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

from manyfit.errors import InputError

CACHE_BYTES = 16 * 2**20  # long pieces of a file in one block, and a few blocks in the cache that cores share
MEMORY_BYTES = 64 * 2**20  # the most that a block may take when no budget is given
BLOCKS_PER_WORKER = 4  # so that a slow block at the end leaves the other workers idle for a short time only
SMALLEST_BLOCK = 256  # elements; below this, handing a block over costs more than fitting it


@dataclass(frozen=True, slots=True)
class Block:
    """A hyper-rectangle of the iterating shape, fitted as one piece of work.

    Attributes
    ----------
    index
        Position in the plan.
    slices
        One slice of concrete ``start`` and ``stop`` (and no step) for each iterating axis.
    """

    index: int
    slices: tuple[slice, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the block along each iterating axis."""
        return tuple(s.stop - s.start for s in self.slices)

    @property
    def n_elements(self) -> int:
        """Number of elements in the block."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Plan:
    """Blocks that cover an iterating shape exactly once, in C order.

    Attributes
    ----------
    shape
        The iterating shape; ``()`` is one element.
    blocks
        The blocks. A plan with some of them left out (``dataclasses.replace``) is a resumed run.
    bytes_per_block
        Bytes of the largest block.
    """

    shape: tuple[int, ...]
    blocks: tuple[Block, ...]
    bytes_per_block: int

    @property
    def n_elements(self) -> int:
        """Number of elements in all blocks."""
        return sum(block.n_elements for block in self.blocks)


def plan(
    shape: tuple[int, ...],
    *,
    bytes_per_element: int,
    memory: int | None = None,
    n_workers: int = 1,
    chunks: tuple[int, ...] | None = None,
    max_elements: int | None = None,
) -> Plan:
    """Divide an iterating shape into blocks.

    The leading axes are divided first and the trailing ones stay whole as long as possible, so that a block
    is a contiguous piece of a C-ordered file. Blocks are small enough to stay in cache (16 MiB) and to
    give each worker four of them or more, but not below 256 elements for balance alone.

    Parameters
    ----------
    shape
        Lengths of the iterating axes. ``()`` is one element; a zero length gives a plan without blocks.
    bytes_per_element
        Bytes that one element takes while its block is fitted: points, weights, parameters, results.
    memory
        Most bytes that the blocks of all workers may take together. Default: 64 MiB for each worker.
        A block has one element at least, whatever the budget.
    n_workers
        How many blocks are fitted at the same time.
    chunks
        Native chunk of the source along the iterating axes. Blocks are then whole multiples of it (cut at
        the end of an axis). A chunk that is beyond `memory` or `max_elements` is divided, and no block
        straddles two of them.
    max_elements
        Most elements in a block.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        For a negative length, a number that must be positive and is not, or chunks of another dimension.

    Examples
    --------
    >>> p = plan((100, 300), bytes_per_element=4096)
    >>> len(p.blocks), p.blocks[1].slices
    (8, (slice(13, 26, None), slice(0, 300, None)))
    >>> plan((), bytes_per_element=4096).blocks
    (Block(index=0, slices=()),)
    """
    _check_shape(shape, chunks)
    _check_positive("bytes_per_element", bytes_per_element)
    _check_positive("memory", memory)
    _check_positive("n_workers", n_workers)
    _check_positive("max_elements", max_elements)
    if 0 in shape:
        return Plan(shape, (), 0)
    limit = _limit(bytes_per_element, memory, n_workers, max_elements)
    chunk = tuple(map(min, chunks, shape)) if chunks else (1,) * len(shape)
    if prod(chunk) > limit:
        extent = _grow(chunk, (1,) * len(shape), limit)
    else:
        extent = _grow(shape, chunk, min(limit, _target(prod(shape), bytes_per_element, n_workers)))
    axes = [_pieces(*lengths) for lengths in zip(shape, chunk, extent, strict=True)]
    blocks = tuple(Block(i, slices) for i, slices in enumerate(product(*axes)))
    return Plan(shape, blocks, prod(extent) * bytes_per_element)


def _limit(bytes_per_element: int, memory: int | None, n_workers: int, max_elements: int | None) -> int:
    """Most elements that a block may have."""
    budget = MEMORY_BYTES if memory is None else memory // n_workers
    most = budget // bytes_per_element
    # Users write budgets such as 2e9; lengths are whole numbers.
    return int(max(1, most if max_elements is None else min(most, max_elements)))


def _target(n_elements: int, bytes_per_element: int, n_workers: int) -> int:
    """Elements that a block should have: enough blocks for balance, in cache, and not tiny."""
    balanced = n_elements // (BLOCKS_PER_WORKER * n_workers)
    return max(1, min(CACHE_BYTES // bytes_per_element, max(balanced, SMALLEST_BLOCK)))


def _grow(shape: tuple[int, ...], unit: tuple[int, ...], target: int) -> tuple[int, ...]:
    """Lengths of a block of about `target` elements: `unit`, made longer from the last axis on.

    >>> _grow((100, 300), (1, 1), 1000), _grow((100, 300), (1, 1), 299), _grow((100, 300), (8, 8), 100)
    ((3, 300), (1, 150), (8, 8))
    """
    extent = list(unit)
    for axis in reversed(range(len(shape))):
        n_units = -(-shape[axis] // unit[axis])
        fitting = max(1, target // prod(extent))
        if fitting < n_units:
            n_pieces = -(-n_units // fitting)  # pieces of even length: the last one must not be a sliver
            extent[axis] = unit[axis] * -(-n_units // n_pieces)
            break
        extent[axis] = shape[axis]
    return tuple(extent)


def _pieces(length: int, chunk: int, extent: int) -> list[slice]:
    """Slices of one axis; a piece shorter than a chunk ends where the chunk ends.

    >>> _pieces(10, 4, 3)
    [slice(0, 3, None), slice(3, 4, None), slice(4, 7, None), slice(7, 8, None), slice(8, 10, None)]
    """
    period = max(chunk, extent)
    ends = [(start, min(start + period, length)) for start in range(0, length, period)]
    return [slice(s, min(s + extent, end)) for start, end in ends for s in range(start, end, extent)]


def _check_shape(shape: tuple[int, ...], chunks: tuple[int, ...] | None) -> None:
    if any(n < 0 for n in shape):
        raise InputError(f"shape is {shape}; give lengths of zero or more.")
    if chunks is None or 0 in shape:
        return
    if len(chunks) != len(shape) or any(n < 1 for n in chunks):
        raise InputError(f"chunks is {chunks} for the shape {shape}; give one positive length for each axis.")


def _check_positive(name: str, number: int | None) -> None:
    if number is not None and number < 1:
        raise InputError(f"{name} is {number}; give 1 or more.")
