"""An array in a file, mapped into memory, that stays small in memory and is sent to processes by name."""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

RELEASE_BYTES = 16 * 2**20  # read before the pages of the file are given back


@dataclass
class _Opened:
    """A file that is open in this process, and how much of it was read since its pages were given back."""

    file: mmap.mmap
    values: NDArray[Any]
    read: int = 0

    def release(self, n_bytes: int) -> None:
        """Count bytes, and give the pages back to the system now and then.

        Pages of a mapped file count as memory of the process, up to the size of the file. They stay in the
        cache of the system, so a thread that needs one of them gets it back at once.
        """
        self.read += n_bytes
        if self.read > RELEASE_BYTES and hasattr(mmap, "MADV_DONTNEED"):
            self.read = 0
            self.file.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True)
class MappedFile:
    """An array in C or Fortran order in a file.

    Attributes
    ----------
    path
        Name of the file.
    offset
        Where the values begin, in bytes.
    shape, dtype, order
        As for ``numpy.memmap``.
    """

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: str = "C"
    _opened: list[_Opened] = field(default_factory=list, compare=False, repr=False)

    @property
    def chunks(self) -> None:
        """A slice of any shape can be read."""
        return None

    def read(self, slices: tuple[slice, ...]) -> NDArray[Any]:
        """A view of the file; no value is read before it is used."""
        if not self._opened:  # two threads that meet here open the file twice, which does no harm
            self._opened.append(self._open())
        opened = self._opened[0]
        view = opened.values[slices]
        opened.release(view.nbytes)
        return view

    def _open(self) -> _Opened:
        need = self.offset + self.dtype.itemsize * int(np.prod(self.shape, dtype=np.int64))
        with Path(self.path).open("rb") as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        if len(mapped) < need:
            raise InputError(
                f"{self.path!r} is truncated: it has {len(mapped)} bytes and its values need {need}. "
                "Copy or download it again."
            )
        order: Any = self.order
        return _Opened(mapped, np.ndarray(self.shape, self.dtype, mapped, self.offset, order=order))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": []}


def mapped_file(array: np.memmap[Any, Any]) -> MappedFile | None:
    """The part of a file behind a memory map; None if it is not one contiguous part of a file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     whole = np.memmap(file.name, np.float32, "w+", shape=(4, 5))
    ...     mapped_file(whole[2:]).offset
    40
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    # with mode "c" the memory may differ from the file
    if not isinstance(base, mmap.mmap) or array.filename is None or array.mode == "c":
        return None
    if not (array.flags.c_contiguous or array.flags.f_contiguous) or array.size == 0:
        return None
    # a slice of a map keeps the offset of the whole map, so the offset is taken from the address
    begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    offset = begin + array.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data
    order = "C" if array.flags.c_contiguous else "F"
    return MappedFile(str(array.filename), offset, array.shape, array.dtype, order)
