"""Room for an array of a number for each voxel: in memory, or in a file that goes with it."""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from manyfit.fitting._scratch import check_room, folder

#: Bytes of the largest array in memory.
LARGEST = 256 * 2**20


def room(shape: tuple[int, ...], dtype: DTypeLike, what: str) -> NDArray[Any]:
    """An array of zeros. A large one lies in a file without a name, in the scratch folder, and is gone with it.

    Parameters
    ----------
    shape, dtype
        Of the array.
    what
        What it is for, for the error.

    Raises
    ------
    OSError
        The scratch folder cannot be written, or has not the room.

    Examples
    --------
    >>> room((2, 3), np.uint8, "a mask").tolist()
    [[0, 0, 0], [0, 0, 0]]
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= LARGEST:
        return np.zeros(shape, dtype)
    folder().mkdir(parents=True, exist_ok=True)
    check_room(size, what)
    with tempfile.TemporaryFile(dir=folder()) as file:
        if hasattr(os, "posix_fallocate"):  # or a full disk would end the process when the array is written
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        return np.ndarray(shape, dtype, mmap.mmap(file.fileno(), size))
