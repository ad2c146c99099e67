"""Rows of a response index as bytes: made, read back, and summed over energy while they are read.

A row holds the numbers of one bin (Em, Phi, PsiChi): for each Ei a list over the pixels of NuLambda, most of them
zero. It is, in bytes: checksum (8); a kind for each Ei; then for each Ei that is not empty a bitmap of the pixels that
are not zero, and their numbers in as few bytes as the largest needs; zeros up to a multiple of 8.

On their way rows are sparse: ``bits[row, Ei, byte]`` the bitmaps, ``values[row, Ei, :]`` the numbers that are not zero
in order of the pixels, ``counts[row, Ei]`` how many, ``tops[row, Ei]`` the largest, infinite if one is no whole number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

EMPTY, ONES, BYTE, SHORT, WORD, FLOAT = range(6)

WIDTHS = np.array([0, 0, 1, 2, 4, 8], np.int64)
"""Bytes for each number of a kind."""

TILE = 8  # columns that are summed before they are written: one line of the cache for each pixel

_SIZES = np.array([b.bit_count() for b in range(256)], np.uint8)
_PLACES = np.array([([k for k in range(8) if b >> k & 1] + [0] * 8)[:8] for b in range(256)], np.uint8)

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def largest_row(n_ei: int, n_pixels: int) -> int:
    """Bytes that a row can need at most."""
    return 8 + n_ei * (1 + (n_pixels + 7) // 8 + 8 * n_pixels) + 8


def sparse_rows(n_rows: int, n_ei: int, n_pixels: int) -> tuple[Bytes, Floats, Places, Floats]:
    """Room for rows on their way: bits, values, counts, tops; counts must be zero before rows are collected."""
    return (
        np.empty((n_rows, n_ei, (n_pixels + 7) // 8), np.uint8),
        np.empty((n_rows, n_ei, n_pixels)),
        np.empty((n_rows, n_ei), np.int64),
        np.empty((n_rows, n_ei)),
    )


@compiled
def collect_pixels(
    stored: Any, first: int, last: int, bits: Bytes, values: Floats, counts: Places, tops: Floats
) -> None:
    """Collect the rows of bins from `first` to before `last` of numbers stored as (pixel, Ei, bin), of any type."""
    n_pixels, n_ei, _ = stored.shape
    rows = last - first
    bits[:rows], counts[:rows], tops[:rows] = 0, 0, 0.0
    for pixel in range(n_pixels):
        byte, bit = pixel >> 3, np.uint8(1 << (pixel & 7))
        for ei in range(n_ei):
            for row in range(rows):
                number = stored[pixel, ei, first + row]
                if number == 0:
                    continue
                value = float(number)
                bits[row, ei, byte] |= bit
                values[row, ei, counts[row, ei]] = value
                counts[row, ei] += 1
                tops[row, ei] = max(tops[row, ei], _top(value))


@compiled
def collect_dense(dense: Floats, bits: Bytes, values: Floats, counts: Places, tops: Floats) -> None:
    """Collect rows of an array (row, Ei, pixel)."""
    n_rows, n_ei, n_pixels = dense.shape
    bits[:n_rows], counts[:n_rows], tops[:n_rows] = 0, 0, 0.0
    for row in range(n_rows):
        for ei in range(n_ei):
            count, top = 0, 0.0
            for pixel in range(n_pixels):
                value = dense[row, ei, pixel]
                if value == 0.0:
                    continue
                bits[row, ei, pixel >> 3] |= np.uint8(1 << (pixel & 7))
                values[row, ei, count] = value
                count += 1
                top = max(top, _top(value))
            counts[row, ei], tops[row, ei] = count, top


@compiled
def collect_rows(
    data: Bytes,
    words: Words,
    starts: Places,
    ends: Places,
    first_pixel: int,
    n_pixels: int,
    bits: Bytes,
    values: Floats,
    counts: Places,
    tops: Floats,
    total: Floats,
) -> int:
    """Append rows of the pixels from `first_pixel`, a multiple of 8, to collected rows, and add them to a total.

    Gives the number of the first row that is damaged, or -1.
    """
    n_ei, n_bytes = counts.shape[1], (n_pixels + 7) // 8
    scratch = np.empty(1)
    raw = scratch.view(np.uint8)
    for row in range(starts.size):
        start = starts[row]
        if words[start >> 3] != checksum(words, (start >> 3) + 1, ends[row] >> 3):
            return row
        at = start + 8 + n_ei
        for ei in range(n_ei):
            kind = data[start + 8 + ei]
            if kind == EMPTY:
                bits[row, ei, first_pixel >> 3 : (first_pixel >> 3) + n_bytes] = 0
                continue
            bitmap = at
            at += n_bytes
            count, top = counts[row, ei], tops[row, ei]
            for byte in range(n_bytes):
                pattern = data[bitmap + byte]
                bits[row, ei, (first_pixel >> 3) + byte] = pattern
                for k in range(_SIZES[pattern]):
                    value = _number(data, at, kind, scratch, raw)
                    at += WIDTHS[kind]
                    values[row, ei, count] = value
                    count += 1
                    top = max(top, _top(value))
                    total[row, ei, first_pixel + 8 * byte + _PLACES[pattern, k]] += value
            counts[row, ei], tops[row, ei] = count, top
    return -1


@compiled
def write_rows(
    bits: Bytes, values: Floats, counts: Places, tops: Floats, n_rows: int, out: Bytes, words: Words, ends: Places
) -> int:
    """Write collected rows to `out`, which is the same memory as `words`; gives the number of bytes."""
    n_ei, n_bytes = bits.shape[1], bits.shape[2]
    at = 0
    for row in range(n_rows):
        start = at
        at += 8 + n_ei
        for ei in range(n_ei):
            count = counts[row, ei]
            kind = _kind(count, tops[row, ei])
            out[start + 8 + ei] = kind
            if kind == EMPTY:
                continue
            for byte in range(n_bytes):
                out[at + byte] = bits[row, ei, byte]
            at += n_bytes
            at = _put(values[row, ei], count, kind, out, at)
        end = (at + 7) // 8 * 8
        while at < end:
            out[at] = 0
            at += 1
        words[start >> 3] = checksum(words, (start >> 3) + 1, end >> 3)
        ends[row] = end
    return at


@compiled
def read_rows(data: Bytes, words: Words, starts: Places, ends: Places, out: Floats) -> int:
    """Read rows into ``out[row, Ei, pixel]``, which must hold zeros; gives the first damaged row, or -1."""
    weights = np.zeros((1, out.shape[1]))
    tile = np.zeros((1, out.shape[2], 1))
    for row in range(starts.size):
        if words[starts[row] >> 3] != checksum(words, (starts[row] >> 3) + 1, ends[row] >> 3):
            return row
        for ei in range(out.shape[1]):
            weights[:], tile[:] = 0.0, 0.0
            weights[0, ei] = 1.0
            _add_row(data, starts[row], weights, 0, tile)
            out[row, ei] = tile[0, :, 0]
    return -1


@compiled
def reduce_rows(
    data: Bytes, words: Words, starts: Places, ends: Places, weights: Floats, first: int, out: Floats
) -> int:
    """Sum rows over Ei with weights (set, Ei) into ``out[set, pixel, first + column]``.

    Each column is the sum of the rows ``starts[column, :]``. Gives the number of the first damaged row, or -1.
    """
    n_sets, n_pixels, _ = out.shape
    n_columns, n_rows = starts.shape
    tile = np.empty((n_sets, n_pixels, TILE))
    for begin in range(0, n_columns, TILE):
        width = min(TILE, n_columns - begin)
        tile[:] = 0.0
        for column in range(width):
            for k in range(n_rows):
                start, end = starts[begin + column, k], ends[begin + column, k]
                if words[start >> 3] != checksum(words, (start >> 3) + 1, end >> 3):
                    row: int = (begin + column) * n_rows + k
                    return row
                _add_row(data, start, weights, column, tile)
        _copy(tile, out[:, :, first + begin : first + begin + width])
    return -1


@compiled
def _copy(tile: Floats, out: Floats) -> None:
    for s in range(out.shape[0]):
        for pixel in range(out.shape[1]):
            for column in range(out.shape[2]):
                out[s, pixel, column] = tile[s, pixel, column]


@compiled
def checksum(words: Words, first: int, last: int) -> np.uint64:
    """A checksum of the words from `first` to before `last`."""
    state = np.uint64(0x9E3779B97F4A7C15)
    for i in range(first, last):
        state = (state ^ words[i]) * np.uint64(0xFF51AFD7ED558CCD)
        state ^= state >> np.uint64(32)
    return state


@compiled
def _add_row(data: Bytes, start: int, weights: Floats, column: int, tile: Floats) -> None:
    """Add a row, summed over Ei with weights (set, Ei), to a column of ``tile[set, pixel, column]``."""
    n_sets, n_ei = weights.shape
    n_bytes = (tile.shape[1] + 7) // 8
    scratch = np.empty(1)
    raw = scratch.view(np.uint8)
    at = start + 8 + n_ei
    for ei in range(n_ei):
        kind = data[start + 8 + ei]
        if kind == EMPTY:
            continue
        bitmap = at
        at += n_bytes
        if kind == BYTE and n_sets == 1:  # most numbers of most responses
            at = _add_bytes(data, bitmap, at, n_bytes, weights[0, ei], column, tile)
            continue
        for byte in range(n_bytes):
            pattern = data[bitmap + byte]
            for k in range(_SIZES[pattern]):
                value = _number(data, at, kind, scratch, raw)
                at += WIDTHS[kind]
                for s in range(n_sets):
                    tile[s, 8 * byte + _PLACES[pattern, k], column] += weights[s, ei] * value


@compiled
def _add_bytes(data: Bytes, bitmap: int, at: int, n_bytes: int, weight: float, column: int, tile: Floats) -> int:
    """As the loop of `_add_row`, for numbers of one byte."""
    for byte in range(n_bytes):
        pattern = data[bitmap + byte]
        for k in range(_SIZES[pattern]):
            tile[0, 8 * byte + _PLACES[pattern, k], column] += weight * data[at]
            at += 1
    return at


@compiled
def _top(value: float) -> float:
    """The number if it is whole and not too large for a word, else infinity."""
    if 0.0 < value < 4294967296.0 and value == np.floor(value):
        return value
    return np.inf


@compiled
def _kind(count: int, top: float) -> int:
    """The smallest kind that holds all numbers up to `top`."""
    if count == 0:
        return EMPTY
    if top == 1.0:
        return ONES
    if top < 256.0:
        return BYTE
    if top < 65536.0:
        return SHORT
    return WORD if top < np.inf else FLOAT


@compiled
def _put(values: Floats, count: int, kind: int, out: Bytes, at: int) -> int:
    """Write numbers from a place, the lowest byte of each first; gives their end."""
    if kind == BYTE:
        for i in range(count):
            out[at + i] = np.uint8(values[i])
        return at + count
    if kind == FLOAT:
        raw = values.view(np.uint8)
        for i in range(8 * count):
            out[at + i] = raw[i]
        return at + 8 * count
    width = WIDTHS[kind]
    for i in range(count):
        number = np.int64(values[i])
        for _ in range(width):
            out[at] = np.uint8(number & 255)
            number >>= 8
            at += 1
    return at


@compiled
def _number(data: Bytes, at: int, kind: int, scratch: Floats, raw: Bytes) -> float:
    """The number at a place."""
    if kind == ONES:
        return 1.0
    if kind == BYTE:
        return float(data[at])
    if kind == SHORT:
        return float(np.int64(data[at]) | np.int64(data[at + 1]) << 8)
    if kind == WORD:
        low = np.int64(data[at]) | np.int64(data[at + 1]) << 8
        return float(low | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24)
    for k in range(8):
        raw[k] = data[at + k]
    return float(scratch[0])
