"""Arrays that are read block by block: in memory, in a mapped file, dask, zarr, HDF5."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._foreign import foreign
from ..errors import InputError, InputTypeError
from ._mapped import mapped_file

Slices = tuple[slice, ...]


class Source(Protocol):
    """An N-D array of real numbers that is read one hyper-rectangle at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Shape of the pieces in which the array is stored; None when any slice is as good as another."""

    @property
    def waits(self) -> bool:
        """Whether to read takes time in which other blocks can be fitted: a network, a disk, one thread at a time."""

    def read(self, slices: Slices) -> NDArray[Any]:
        """The values in a hyper-rectangle: a view, or a new array. Safe in threads."""


@dataclass(frozen=True)
class Memory:
    """An array in memory."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.array.dtype

    @property
    def chunks(self) -> None:
        """A slice of any shape can be read."""
        return None

    @property
    def waits(self) -> bool:
        """It is there."""
        return False

    def read(self, slices: Slices) -> NDArray[Any]:
        """A view."""
        return self.array[slices]


@dataclass(frozen=True)
class Chunked:
    """A dask or zarr array or HDF5 dataset: stored in chunks, and gives values when it is sliced."""

    array: Any
    chunks: tuple[int, ...] | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    @property
    def waits(self) -> bool:
        """What is behind it may be far away."""
        return True

    def read(self, slices: Slices) -> NDArray[Any]:
        """The values; of a dask array only the tasks of the slice are run, in the calling thread."""
        if kind_of(self.array, "zarr", "Array"):
            with foreign(self.array.store_path):  # a codec may raise anything for a damaged chunk
                return np.asarray(self.array[slices])
        part = self.array[slices]
        if kind_of(part, "dask", "Array"):
            # a scheduler of its own inside each of our workers would only compete with them
            part = part.compute(scheduler="synchronous")
        if isinstance(part, np.ma.MaskedArray):
            part = np.ma.filled(part.astype(np.float64), np.nan)
        return np.asarray(part)


class Lock:
    """A lock that is pickled as a new one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Lock], tuple[()]]:
        return (Lock, ())


def kind_of(thing: object, package: str, name: str) -> bool:
    """Whether an object is of a class of a package or of a subclass, without importing the package.

    Examples
    --------
    >>> kind_of(np.ma.zeros(3), "numpy", "MaskedArray")
    True
    """
    return any(c.__name__ == name and c.__module__.split(".")[0] == package for c in type(thing).__mro__)


def source_of(array: Any, what: str = "data") -> Source:
    """A source for an array of any kind that carries no labels.

    Parameters
    ----------
    array
        NumPy, dask or zarr array, HDF5 dataset, or anything ``numpy.asarray`` takes.
    what
        Name of the argument, for the error.

    Raises
    ------
    InputTypeError
        The object is no array, or its values are not real numbers or booleans.

    Examples
    --------
    >>> source_of([[1, 2], [3, 4]]).read((slice(0, 1), slice(0, 2)))
    array([[1, 2]])
    """
    source = _source(array, what)
    if math.prod(source.shape) > np.iinfo(np.int64).max:
        raise InputError(f"{what} has the shape {source.shape}, which no array can have. The file is damaged.")
    if source.dtype.kind not in "biuf":
        raise InputTypeError(
            f"{what} is a {type(array).__name__} with dtype {source.dtype}. "
            "Integers and floating-point numbers are accepted: convert it first."
        )
    return source


def _source(array: Any, what: str) -> Source:
    if kind_of(array, "dask", "Array"):
        return Chunked(array, tuple(array.chunksize))
    if kind_of(array, "h5py", "Dataset"):
        from ._hdf5 import source_in

        return source_in(array) or Chunked(array, None if array.chunks is None else tuple(array.chunks))
    if kind_of(array, "zarr", "Array"):
        return Chunked(array, None if array.chunks is None else tuple(array.chunks))
    if isinstance(array, np.memmap) and (mapped := mapped_file(array)) is not None:
        return mapped
    try:
        return Memory(np.asarray(array))
    except ValueError as error:  # lists of unequal length
        raise InputTypeError(f"{what} is a {type(array).__name__} that is no array: {error}.") from None
