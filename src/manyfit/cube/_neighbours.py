"""The spectra around a spectrum, by flat indices into a map."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray


def offsets(n_axes: int) -> Iterator[tuple[int, ...]]:
    """Steps to all neighbours, diagonal ones included: 8 on a map of two axes."""
    return (offset for offset in product((-1, 0, 1), repeat=n_axes) if any(offset))


def neighbours(places: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Flat indices of the neighbours (n, neighbours), -1 outside of the map.

    Examples
    --------
    >>> neighbours(np.array([0, 4]), (2, 3))
    array([[-1, -1, -1, -1,  1, -1,  3,  4],
           [ 0,  1,  2,  3,  5, -1, -1, -1]])
    """
    index = np.array(np.unravel_index(places, shape))
    columns = []
    for offset in offsets(len(shape)):
        moved = index + np.array(offset)[:, None]
        inside = np.all((moved >= 0) & (moved < np.array(shape)[:, None]), axis=0)
        columns.append(np.where(inside, np.ravel_multi_index(tuple(moved), shape, mode="clip"), -1))
    return np.stack(columns, axis=1)


def around(changed: NDArray[np.intp], select: NDArray[np.bool]) -> NDArray[np.intp]:
    """The selected ones of some spectra and of their neighbours."""
    near: NDArray[Any] = np.unique(np.concatenate([changed, neighbours(changed, select.shape).reshape(-1)]))
    near = near[near >= 0]
    return np.asarray(near[select.reshape(-1)[near]])
