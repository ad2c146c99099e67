"""Parts of a cube: what an index means for the data, for what broadcasts to it, and for the WCS."""

from __future__ import annotations

import operator
from typing import Any

from manyfit.errors import InputError

Cut = tuple[slice | int, ...]


def slices_of(key: Any, shape: tuple[int, ...]) -> Cut:
    """One slice with start and stop, or integer, for each axis.

    Raises
    ------
    InputError
        Too many indices, a step, a single channel, or an integer for one of two spatial axes.

    Examples
    --------
    >>> slices_of((slice(None), -1, 3), (10, 4, 5))
    (slice(0, 10, None), 3, 3)
    """
    keys = key if isinstance(key, tuple) else (key,)
    if Ellipsis in [k for k in keys if k is Ellipsis]:
        at = next(i for i, k in enumerate(keys) if k is Ellipsis)
        keys = keys[:at] + (slice(None),) * (len(shape) - len(keys) + 1) + keys[at + 1 :]
    if len(keys) > len(shape):
        raise InputError(f"{len(keys)} indices were given for a cube of shape {shape}. Give channels, rows, columns.")
    cut = tuple(_one(k, n) for k, n in zip(keys, shape, strict=False))
    cut += tuple(slice(0, n) for n in shape[len(cut) :])
    integers = [isinstance(k, int) for k in cut]
    if integers[0]:
        raise InputError("One channel is no cube. Give a slice of channels, such as cube[10:20], or cube.values().")
    if any(integers) and not all(integers[1:]):
        raise InputError("Give an integer for both spatial axes (one spectrum), or slices for both (a smaller cube).")
    return cut


def _one(key: Any, length: int) -> slice | int:
    """A slice with start and stop, or an index that counts from 0."""
    if isinstance(key, slice):
        start, stop, step = key.indices(length)
        if step != 1 or stop <= start:
            raise InputError(f"The slice {key} of an axis of length {length} is empty or has a step. Give start:stop.")
        return slice(start, stop)
    index = operator.index(key)
    if not -length <= index < length:
        raise InputError(f"Index {index} is out of range for an axis of length {length}.")
    return index % length


def cut_broadcast(array: Any, cut: Cut, shape: tuple[int, ...]) -> Any:
    """The same part of something that broadcasts to the data."""
    if array is None or not getattr(array, "shape", ()):
        return array
    missing = len(shape) - len(array.shape)
    kept = zip(array.shape, cut[missing:], shape[missing:], strict=True)
    return array[tuple(_of_short_axis(c) if n == 1 != full else c for n, c, full in kept)]


def _of_short_axis(cut: slice | int) -> slice | int:
    return slice(0, 1) if isinstance(cut, slice) else 0


def cut_wcs(wcs: Any, cut: Cut) -> Any:
    """The WCS of a part of the sky; None for a single position."""
    if wcs is None or not cut or isinstance(cut[0], int):
        return None
    from astropy.wcs import WCS
    from astropy.wcs.wcsapi import SlicedLowLevelWCS

    return wcs[cut] if isinstance(wcs, WCS) else SlicedLowLevelWCS(wcs, cut)
