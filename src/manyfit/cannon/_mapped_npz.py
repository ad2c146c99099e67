"""NumPy archives whose arrays stay in the file."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from manyfit.errors import InputError

LARGE = 2**20  # bytes from which an array is mapped
LOCAL_HEADER = 30  # bytes of the fixed part; two lengths of what follows are at 26 and 28


@dataclass(frozen=True)
class Place:
    """Where the values of an array are.

    Attributes
    ----------
    offset
        First byte of the values.
    shape, dtype
        Of the array.
    is_fortran
        Whether the first axis is the fastest.
    """

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool


def mapped(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an archive: small and compressed ones in memory, the others as memory maps.

    Raises
    ------
    InputError
        An array holds Python objects.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive, np.load(path, allow_pickle=False) as loaded:
        return {
            name.removesuffix(".npy"): _array(path, file, archive.getinfo(name), loaded)
            for name in archive.namelist()
            if name.endswith(".npy")
        }


def _array(path: Path, file: IO[bytes], member: zipfile.ZipInfo, loaded: Any) -> NDArray[Any]:
    if member.compress_type != zipfile.ZIP_STORED or member.file_size < LARGE:
        array: NDArray[Any] = loaded[member.filename.removesuffix(".npy")]
        return array
    at = place(file, member)
    return np.memmap(path, at.dtype, "r", at.offset, at.shape, "F" if at.is_fortran else "C")


def place(file: IO[bytes], member: zipfile.ZipInfo) -> Place:
    """Where the values of a member that is not compressed are."""
    file.seek(member.header_offset)
    head = file.read(LOCAL_HEADER)
    lengths = (int.from_bytes(head[at : at + 2], "little") for at in (26, 28))
    start = member.header_offset + LOCAL_HEADER + sum(lengths)
    file.seek(start)
    found = npy_place(file, member.filename)
    if found.offset + np.prod(found.shape, dtype=int) * found.dtype.itemsize > start + member.file_size:
        raise InputError(f"The array {member.filename!r} is truncated.")
    return found


def npy_place(file: IO[bytes], name: str) -> Place:
    """Where the values of an array in the npy format are, which begins where the file is."""
    version = npy.read_magic(file)
    shape, is_fortran, dtype = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version](file)
    if dtype.hasobject:
        raise InputError(f"The array {name!r} holds Python objects, which are not loaded.")
    return Place(file.tell(), shape, dtype, is_fortran)
