"""The values of one image in a FITS file, scaled or decompressed block by block."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ._mapped import MappedFile
from ._source import Lock, Memory, Slices, Source

DTYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class Scaled:
    """Numbers in a file with BSCALE, BZERO and BLANK: scaled as float64, NaN where blank."""

    raw: Source
    scale: float
    zero: float
    blank: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the image."""
        return self.raw.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the scaled values."""
        return np.dtype(np.float64)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Chunks of the values in the file."""
        return self.raw.chunks

    def read(self, slices: Slices) -> NDArray[Any]:
        """The scaled values of a slice."""
        raw = self.raw.read(slices)
        values = raw.astype(np.float64)
        values *= self.scale
        values += self.zero
        if self.blank is not None:
            values[raw == self.blank] = np.nan
        return values


@dataclass(frozen=True)
class Compressed:
    """A tile-compressed image; only the tiles that a slice touches are decompressed."""

    path: str
    extension: int
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    _lock: Lock = field(default_factory=Lock, compare=False, repr=False)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the decompressed values."""
        return np.dtype(np.float64)

    def read(self, slices: Slices) -> NDArray[Any]:
        """The values of a slice."""
        from astropy.io import fits

        with self._lock, fits.open(self.path) as hdus:
            return np.asarray(hdus[self.extension].section[slices])


def image_source(hdu: Any, file: str) -> Source:
    """The values of an image HDU that was read from a file and not changed since.

    Raises
    ------
    InputError
        The file ends before the image does.
    """
    if hasattr(hdu, "tile_shape"):
        return Compressed(file, _number(hdu, file), tuple(hdu.shape), tuple(hdu.tile_shape))
    with Path(file).open("rb") as stream:
        plain = stream.read(6) == b"SIMPLE"
    # a file that is compressed as a whole has to be read as a whole
    return _in_file(hdu, file) if plain else Memory(np.array(hdu.data))


def _in_file(hdu: Any, file: str) -> Source:
    header, begin = hdu.header, hdu.fileinfo()["datLoc"]
    raw = MappedFile(file, begin, tuple(hdu.shape), np.dtype(DTYPES[header["BITPIX"]]))
    need = begin + raw.dtype.itemsize * int(np.prod(raw.shape, dtype=np.int64))
    have = Path(file).stat().st_size
    if have < need:
        raise InputError(
            f"{file!r} is truncated: it has {have} bytes and its image needs {need}. Copy or download it again."
        )
    scale, zero = float(header.get("BSCALE", 1)), float(header.get("BZERO", 0))
    blank = header.get("BLANK") if raw.dtype.kind in "iu" else None
    return raw if (scale, zero, blank) == (1, 0, None) else Scaled(raw, scale, zero, blank)


def _number(hdu: Any, file: str) -> int:
    """Number of an HDU in its file."""
    from astropy.io import fits

    begin = hdu.fileinfo()["datLoc"]
    with fits.open(file) as hdus:
        return next(i for i, other in enumerate(hdus) if other.fileinfo()["datLoc"] == begin)
