"""An array in a file, of which parts are read, and which is sent to processes by name."""

from __future__ import annotations

import math
import mmap
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

SHORTEST_PIECE = 1024  # bytes; shorter ones are mapped, because each piece that is read costs a call


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

    @property
    def chunks(self) -> None:
        """A slice of any shape can be read."""
        return None

    @property
    def waits(self) -> bool:
        """A disk is fast beside a fit, or its pages are in memory."""
        return False

    def __getstate__(self) -> dict[str, Any]:
        """A worker may have another current folder."""
        return {**self.__dict__, "path": str(Path(self.path).absolute())}

    def bytes_at(self, pieces: Iterable[tuple[int, int]]) -> list[bytes]:
        """Some pieces of the file, given by start and length."""
        with Path(self.path).open("rb") as stream:
            return [stream.read(length) for start, length in pieces if stream.seek(start) == start]

    def file_size(self) -> int:
        """Bytes of the file."""
        return Path(self.path).stat().st_size

    def read(self, slices: tuple[slice, ...]) -> NDArray[Any]:
        """A part of the array, each slice with start and stop and without a step."""
        if self.order == "C":
            return self._read(self.shape, slices)
        return self._read(self.shape[::-1], slices[::-1]).T

    def _read(self, shape: tuple[int, ...], slices: tuple[slice, ...]) -> NDArray[Any]:
        """A part of an array in C order of this shape.

        Long pieces are read, not mapped: a map counts as memory of the process, and the system maps pages around those
        that are asked for, two gigabytes of them for a strip of an eight gigabyte cube.
        """
        axis = _first_whole(shape, slices)
        piece = self.dtype.itemsize * math.prod(s.stop - s.start for s in slices[axis:])
        with Path(self.path).open("rb", buffering=0) as stream:
            self._check_size(stream.seek(0, os.SEEK_END))
            if piece < SHORTEST_PIECE:
                mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
                return np.ndarray(shape, self.dtype, mapped, self.offset)[slices]
            part = np.empty([s.stop - s.start for s in slices], self.dtype)
            places = _places(shape, slices, axis) * self.dtype.itemsize + self.offset
            _announce(stream, places.tolist(), piece)
            for target, place in zip(part.reshape(len(places), -1).view(np.uint8), places.tolist(), strict=True):
                self._check_read(_read_at(stream, place, target.data), piece)
        return part

    def _check_size(self, size: int) -> None:
        need = self.offset + self.dtype.itemsize * math.prod(self.shape)
        if size < need:
            raise InputError(
                f"{self.path!r} is truncated: it has {size} bytes and its values need {need}. "
                "Copy or download it again."
            )

    def _check_read(self, read: int, piece: int) -> None:
        if read != piece:
            raise InputError(f"{self.path!r} became shorter while it was read. Copy or download it again.")


def _announce(stream: FileIO, places: list[int], piece: int) -> None:
    """Let the system read scattered pieces side by side, and nothing else.

    Each piece follows one that was read for an earlier block, which looks like a stream: megabytes are then read ahead
    of each of hundreds of them, and where memory is limited are gone before they are asked for. (Of a cube of 4 GB, 10
    GB were read within 1.5 GB of memory.)
    """
    if len(places) < 2 or not hasattr(os, "posix_fadvise"):
        return
    with suppress(OSError):  # some file systems take no advice
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for place in places:
            os.posix_fadvise(stream.fileno(), place, piece, os.POSIX_FADV_WILLNEED)


def _read_at(stream: FileIO, place: int, target: memoryview) -> int:
    """Fill memory from a place in a file; returns how many bytes there were."""
    if sys.platform == "win32":
        stream.seek(place)
        return stream.readinto(target) or 0
    return os.preadv(stream.fileno(), [target], place)


def _first_whole(shape: tuple[int, ...], slices: tuple[slice, ...]) -> int:
    """The first axis from which on a part lies in one piece: all later axes are whole."""
    axis = len(shape) - 1
    while axis > 0 and slices[axis].stop - slices[axis].start == shape[axis]:
        axis -= 1
    return max(axis, 0)


def _places(shape: tuple[int, ...], slices: tuple[slice, ...], axis: int) -> NDArray[np.int64]:
    """Where the pieces of a part begin, in values from the begin of the array, in C order."""
    places = np.zeros(1, np.int64)
    for k in range(len(shape)):
        step = math.prod(shape[k + 1 :])
        along = np.arange(slices[k].start, slices[k].stop if k < axis else slices[k].start + 1) * step
        places = np.add.outer(places, along).reshape(-1)
    return places


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
