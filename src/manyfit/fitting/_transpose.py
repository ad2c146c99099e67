"""Turn a block of N-D data into rows of points, one row per element, as native float64.

A cube lies in memory with its elements side by side, and a fit wants its points side by side: a
transposition. NumPy does it at the speed of memory, or ten times slower where the channels are a power of two
apart. So pieces of 8 by 8 values are turned in vector registers, where the distance does not matter (0.5 ns
per value against 0.6 to 6).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

LANES = 8
STRIP = 128  # elements read side by side: whole cache lines of many rows, and few enough to stay in cache
# Stages of the transposition of 8 by 8 values: rows 1, 2 and 4 apart exchange every second, pair, half.
STAGES = (
    (1, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15)),
    (2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)),
    (4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
)


def rows(block: NDArray[Any], n_iterating: int) -> NDArray[np.float64]:
    """New (elements, points) array of native float64 from an array of (iterating axes..., fitting axes...).

    Parameters
    ----------
    block
        Real numbers of any dtype, byte order and strides.
    n_iterating
        Number of iterating axes.

    Examples
    --------
    >>> rows(np.arange(6, dtype=">f4").reshape(3, 2).T, 1)
    array([[0., 2., 4.],
           [1., 3., 5.]])
    """
    if block.dtype.kind != "f" or block.dtype.itemsize not in (4, 8):
        block = block.astype(np.float64)  # in the order in which it lies in memory
    out = np.empty(block.shape, np.float64)
    if not _turned(block, out):
        np.copyto(out, block)
    n_elements = int(np.prod(block.shape[:n_iterating], dtype=np.int64))
    return out.reshape(n_elements, int(np.prod(block.shape[n_iterating:], dtype=np.int64)))


def _turned(block: NDArray[Any], out: NDArray[np.float64]) -> bool:
    """Copy by transposing, if the values side by side in the block are not so in the output."""
    axes = _merged(block, out)
    beside = [i for i, (length, step, _) in enumerate(axes[:-1]) if step == block.itemsize and length >= LANES]
    if len(axes) < 2 or axes[-1][0] < LANES or axes[-1][1] == block.itemsize or not beside:
        return False
    n_elements, _, row = axes.pop(beside[0])
    n_points, step, _ = axes.pop()
    kernel = _kernel(8 * block.itemsize, not block.dtype.isnative)
    sources = block.ctypes.data + _offsets([(length, source) for length, source, _ in axes])
    targets = out.ctypes.data + _offsets([(length, target) for length, _, target in axes])
    kernel(sources, targets, n_elements, row, n_points, step)
    return True


def _merged(block: NDArray[Any], out: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """(length, step in block, step in output) of each axis, with axes that follow each other made one."""
    merged: list[tuple[int, int, int]] = []
    for length, source, target in zip(block.shape, block.strides, out.strides, strict=True):
        if length == 1:
            continue
        follows = bool(merged) and merged[-1][1] == source * length
        merged.append((length * merged.pop()[0] if follows else length, source, target))
    return merged


def _offsets(axes: list[tuple[int, int]]) -> NDArray[np.int64]:
    """Offsets in bytes of all places along some axes."""
    offsets = np.zeros(1, np.int64)
    for length, step in axes:
        offsets = np.add.outer(offsets, step * np.arange(length)).reshape(-1)
    return offsets


@cache
def _kernel(bits: int, swap: bool) -> Callable[..., None]:
    """Machine code for floats of some number of bits, in native byte order or not."""
    size = bits // 8

    def turn(
        sources: NDArray[np.int64],
        targets: NDArray[np.int64],
        n_elements: int,
        row: int,
        n_points: int,
        step: int,
    ) -> None:
        for i in range(sources.size):
            for strip in range(0, n_elements, STRIP):
                for point in range(0, n_points, LANES):
                    p = min(point, n_points - LANES)  # the last piece overlaps with the one before
                    for element in range(strip, min(strip + STRIP, n_elements), LANES):
                        e = min(element, n_elements - LANES)
                        source = sources[i] + e * size + p * step
                        _turn_piece(source, step, targets[i] + e * row + p * 8, row, bits, swap)

    try:
        return cast("Callable[..., None]", numba.njit(nogil=True, cache=True)(turn))
    except RuntimeError:  # no folder that could be written to: compile anew in each process
        return cast("Callable[..., None]", numba.njit(nogil=True)(turn))


@intrinsic(prefer_literal=True)
def _piece(_: Any, source: Any, step: Any, target: Any, row: Any, bits: Any, swap: Any) -> Any:
    """Turn eight rows of floats at ``source + i * step`` to columns of float64 at ``target + i * row``."""

    def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        source, step, target, row = arguments[:4]
        pieces = [_load(builder, source, step, i, bits.literal_value, swap.literal_value) for i in range(LANES)]
        for distance, low, high in STAGES:
            for i in (i for i in range(LANES) if not i & distance):
                pair = pieces[i], pieces[i + distance]
                pieces[i], pieces[i + distance] = (builder.shuffle_vector(*pair, _mask(m)) for m in (low, high))
        for i, piece in enumerate(pieces):
            _store(builder, piece, target, row, i, bits.literal_value)
        return context.get_dummy_value()

    return numba.types.void(source, step, target, row, bits, swap), generate


_turn_piece: Any = _piece  # numba adds the first argument by itself


def _mask(lanes: tuple[int, ...]) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(lanes))


def _load(builder: Any, base: Any, step: Any, i: int, bits: int, swap: bool) -> Any:
    """The i-th row as a vector of integers of so many bits."""
    vector = ir.VectorType(ir.IntType(bits), LANES)
    address = builder.add(base, builder.mul(step, ir.Constant(step.type, i)))
    value = builder.load(builder.inttoptr(address, vector.as_pointer()))
    value.align = 1  # a file may begin its data anywhere
    if swap:
        name, kind = f"llvm.bswap.v{LANES}i{bits}", ir.FunctionType(vector, [vector])
        swapped = cgutils.get_or_insert_function(builder.module, kind, name)
        value = builder.call(swapped, [value])
    return value


def _store(builder: Any, value: Any, base: Any, row: Any, i: int, bits: int) -> None:
    """Write a vector of integers, read as floats of so many bits, as the i-th column of float64."""
    double = ir.VectorType(ir.DoubleType(), LANES)
    value = builder.bitcast(value, double if bits == 64 else ir.VectorType(ir.FloatType(), LANES))
    value = value if bits == 64 else builder.fpext(value, double)
    address = builder.add(base, builder.mul(row, ir.Constant(row.type, i)))
    builder.store(value, builder.inttoptr(address, double.as_pointer())).align = 8
