"""Where arrays are read from, block by block: memory, memory maps, dask, zarr, HDF5, spectral cubes."""

from __future__ import annotations

import mmap
import threading
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputTypeError

Slices = tuple[slice, ...]


class Source(Protocol):
    """An N-D array of real numbers that is read one hyper-rectangle at a time."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Shape in which the array is stored; None when any slice is as good as another."""

    def read(self, slices: Slices) -> NDArray[Any]:
        """The values in a hyper-rectangle: a view where possible, else a new array. Safe in threads."""


@dataclass(frozen=True)
class Memory:
    """An array in memory, or a memory map of somebody else."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    @property
    def chunks(self) -> None:
        return None

    def read(self, slices: Slices) -> NDArray[Any]:
        return self.array[slices]


@dataclass(frozen=True)
class MappedFile:
    """A C- or Fortran-ordered array in a file. It is pickled as the name of the file, not as its content."""

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: str = "C"
    _opened: list[NDArray[Any]] = field(default_factory=list, compare=False, repr=False)

    @property
    def chunks(self) -> None:
        return None

    def read(self, slices: Slices) -> NDArray[Any]:
        if not self._opened:  # two threads that meet here open the file twice, which does no harm
            self._opened.append(self._map())
        return self._opened[0][slices]

    def _map(self) -> NDArray[Any]:
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)
        order: Any = self.order
        mapped = np.memmap(self.path, self.dtype, "r", self.offset, self.shape, order)
        return mapped.view(np.ndarray)  # slicing a plain array is several times faster than a memmap

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": []}


@dataclass(frozen=True)
class Scaled:
    """FITS integers or floats with BSCALE, BZERO and BLANK, turned into numbers one block at a time."""

    raw: Source
    scale: float
    zero: float
    blank: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.raw.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float64)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        return self.raw.chunks

    def read(self, slices: Slices) -> NDArray[Any]:
        raw = self.raw.read(slices)
        values = raw.astype(np.float64)
        values *= self.scale
        values += self.zero
        if self.blank is not None:
            values[raw == self.blank] = np.nan
        return values


@dataclass(frozen=True)
class Dask:
    """A dask array. Only the tasks of the slice are run, in the calling thread."""

    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.array.dtype)

    @property
    def chunks(self) -> tuple[int, ...]:
        return tuple(self.array.chunksize)

    def read(self, slices: Slices) -> NDArray[Any]:
        # a scheduler of its own inside each of our workers would only compete with them
        return np.asarray(self.array[slices].compute(scheduler="synchronous"))


@dataclass(frozen=True)
class Indexed:
    """A zarr array or HDF5 dataset: anything that gives an array when indexed with slices."""

    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.array.dtype)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        stored = self.array.chunks
        return None if stored is None else tuple(stored)

    def read(self, slices: Slices) -> NDArray[Any]:
        return np.asarray(self.array[slices])


class Lock:
    """A lock that pickles as a new one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Lock], tuple[()]]:
        return (Lock, ())


@dataclass(frozen=True)
class Cube:
    """A SpectralCube: its own mask is applied to each slice."""

    cube: Any
    _lock: Lock = field(default_factory=Lock, compare=False, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.cube.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float64)

    @property
    def chunks(self) -> None:
        return None

    def read(self, slices: Slices) -> NDArray[Any]:
        with self._lock:  # lazy masks may evaluate a WCS, which is not safe in threads
            return np.asarray(self.cube.unitless_filled_data[slices])


def kind_of(thing: object, module: str, name: str) -> bool:
    """Whether an object is of a class of a package, without importing the package.

    >>> kind_of(np.ma.zeros(3), "numpy", "MaskedArray")
    True
    """
    return any(c.__name__ == name and c.__module__.split(".")[0] == module for c in type(thing).__mro__)


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
    source = _source(array)
    if source.dtype.kind not in "biuf":
        raise InputTypeError(
            f"{what} is {type(array).__name__} with dtype {source.dtype}. "
            "Integers and floating-point numbers are accepted: convert it first."
        )
    return source


def _source(array: Any) -> Source:
    if kind_of(array, "dask", "Array"):
        return Dask(array)
    if kind_of(array, "zarr", "Array") or kind_of(array, "h5py", "Dataset"):
        return Indexed(array)
    if isinstance(array, np.memmap) and (mapped := _mapped(array)) is not None:
        return mapped
    return Memory(np.asarray(array))


def _mapped(array: np.memmap[Any, Any]) -> MappedFile | None:
    """The piece of the file behind a memory map; None if it is not one contiguous piece of a file."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    # with mode "c" the memory may differ from the file
    if not isinstance(base, mmap.mmap) or array.filename is None or array.mode == "c":
        return None
    if not (array.flags.c_contiguous or array.flags.f_contiguous) or array.size == 0:
        return None
    # slices of a memmap keep the offset of the whole map, so the offset is taken from the address
    begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    offset = begin + array.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data
    order = "C" if array.flags.c_contiguous else "F"
    plain = array.view(np.ndarray)
    return MappedFile(str(array.filename), offset, array.shape, array.dtype, order, [plain])
