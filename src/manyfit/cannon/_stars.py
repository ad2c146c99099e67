"""Spectra of stars, of which any block can be read: arrays, or a file that each worker opens for itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block
from manyfit.errors import InputError
from manyfit.fitting._fingerprint import path_print, source_print
from manyfit.fitting._source import Source

from ._sources import StarFile, open_stars
from ._turns import Turns

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """Spectra of a block of stars.

    Attributes
    ----------
    flux, ivar
        (n, P).
    mask
        True for pixels that must not be used, (n, P), or None.
    failed
        Why there is no spectrum, by place in the block.
    """

    flux: Array
    ivar: Array
    mask: Array | None = None
    failed: Mapping[int, str] = field(default_factory=dict)


class Stars(Protocol):
    """Spectra of stars; can be pickled."""

    @property
    def n_stars(self) -> int:
        """Number of stars."""

    @property
    def ids(self) -> Array | None:
        """Names of the stars, (N,), or None."""

    def read(self, block: Block) -> Part:
        """The spectra of a block. Safe in threads."""

    def fingerprint(self) -> dict[str, Any]:
        """What tells these spectra from others, as JSON."""


@dataclass(frozen=True, eq=False)
class ArrayStars:
    """Arrays in memory, in a mapped file, of zarr, HDF5 or dask.

    Attributes
    ----------
    flux, ivar, mask
        (N, P); mask may be None.
    """

    flux: Source
    ivar: Source
    mask: Source | None = None

    @property
    def n_stars(self) -> int:
        """Number of stars."""
        return self.flux.shape[0]

    @property
    def ids(self) -> None:
        """There are no names."""
        return None

    def read(self, block: Block) -> Part:
        """Rows of the arrays."""
        where = (*block.slices, slice(0, self.flux.shape[1]))
        mask = None if self.mask is None else np.ascontiguousarray(self.mask.read(where), dtype=bool)
        return Part(native(self.flux.read(where)), native(self.ivar.read(where)), mask)

    def fingerprint(self) -> dict[str, Any]:
        """Of each array."""
        arrays = {"flux": self.flux, "ivar": self.ivar, "mask": self.mask}
        return {name: None if array is None else source_print(array) for name, array in arrays.items()}


@dataclass(frozen=True, eq=False)
class FileStars:
    """A file or folder that `open_stars` knows.

    Attributes
    ----------
    path
        Where it is.
    """

    path: Path
    turns: Turns = field(default_factory=Turns)

    @cached_property
    def size(self) -> int:
        """Bytes of the file, when it was first asked for."""
        return self.path.stat().st_size

    @cached_property
    def file(self) -> StarFile:
        """The file, open until this is forgotten."""
        stack = ExitStack()
        finalize(self, stack.close)
        return stack.enter_context(open_stars(self.path))

    @property
    def n_stars(self) -> int:
        """Number of stars."""
        return self.file.n_stars

    @property
    def ids(self) -> Array | None:
        """Names in the file."""
        return self.file.ids

    def read(self, block: Block) -> Part:
        """Rows of the file."""
        (rows,) = block.slices
        self._check_size()
        with self.turns.turn(block.index):
            part = Part(native(self.file.flux(rows)), native(self.file.ivar(rows)))
        self._check_size()
        return part

    def _check_size(self) -> None:
        """HDF5 reads zeros from where a file has ended since it was opened."""
        if self.path.is_file() and self.path.stat().st_size != self.size:
            raise InputError(f"{str(self.path)!r} changed its length while it was read. Copy or download it again.")

    def fingerprint(self) -> dict[str, Any]:
        """Of the file, or of each in the folder."""
        if self.path.is_dir():
            return {file.name: path_print(file) for file in sorted(self.path.glob("*.npy"))}
        return path_print(self.path)

    def __reduce__(self) -> tuple[type[FileStars], tuple[Path]]:
        return (FileStars, (self.path,))


def native(array: Array) -> Array:
    """An array that is contiguous and in a number format that kernels take."""
    dtype = array.dtype if array.dtype in {np.dtype("f4"), np.dtype("f8")} else np.dtype("f8")
    return np.ascontiguousarray(array, dtype=dtype)
