"""FITS images that are larger than memory: all of them are written side by side, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, ImageHDU

BLOCK = 2880  # bytes, of which a FITS file is made
DATASUM = "data unit checksum"


def write_streamed(hdus: HDUList, lengths: tuple[int, ...], file: BinaryIO) -> None:
    """Write HDUs of which some have dask arrays; each chunk of these is computed once.

    Parameters
    ----------
    hdus
        Images of maps, whose first axis, or the second of a stack of maps, is that which `lengths` divides.
    lengths
        How many rows of the maps to have in memory at a time.
    file
        Where to, from its beginning.
    """
    hdus.update_extend()
    images = []
    for hdu in hdus:
        if hasattr(hdu.data, "dask"):
            images.append(_Image(hdu, file))
            file.seek(images[-1].end)
        else:
            file.write(_whole(hdu, is_first=hdu is hdus[0]))
    end = file.tell()
    file.truncate(end)
    _fill(images, lengths)
    for image in images:
        image.close()
    file.seek(end)


def _whole(hdu: Any, *, is_first: bool) -> bytes:
    """One small HDU; astropy writes an empty one before an extension."""
    hdu.writeto(buffer := BytesIO(), checksum=True)
    return buffer.getvalue()[0 if is_first else BLOCK :]


def _fill(images: list[_Image], lengths: tuple[int, ...]) -> None:
    from dask.base import compute

    for start, stop in pairwise(np.cumsum([0, *lengths]).tolist()):
        for image, rows in zip(images, compute(*(image.rows(start, stop) for image in images)), strict=True):
            image.put(start, rows)


class _Image:
    """One image: its header is written at once, its rows when they are known, its checksum at the end."""

    def __init__(self, hdu: ImageHDU, file: BinaryIO) -> None:
        self._hdu, self._file, self._header = hdu, file, file.tell()
        self._sum, self._axis = 0, 1 if hdu.header["CONTENT"] == "covariance" else 0
        self._dtype = hdu.data.dtype.newbyteorder(">")
        hdu.header["DATASUM"] = ("0", DATASUM)
        file.write(hdu.header.tostring().encode("ascii"))
        self._data = file.tell()
        self.end = self._data + -(-hdu.data.nbytes // BLOCK) * BLOCK

    def rows(self, start: int, stop: int) -> Any:
        """Some rows, not computed."""
        return self._hdu.data[(*(slice(None) for _ in range(self._axis)), slice(start, stop))]

    def put(self, start: int, rows: NDArray[Any]) -> None:
        """Write rows in their place."""
        for place, part in self._parts(start, rows):
            content = part.astype(self._dtype).tobytes()
            self._file.seek(self._data + place)
            self._file.write(content)
            padded = bytes(place % 4) + content
            words = np.frombuffer(padded + bytes(-len(padded) % 4), ">u4")
            self._sum += int(words.sum(dtype=np.uint64))

    def _parts(self, start: int, rows: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Rows of each map with the number of their first byte."""
        maps = rows if self._axis else rows[None]
        each = self._dtype.itemsize * int(np.prod(self._hdu.data.shape[self._axis + 1 :], dtype=int))
        for i, part in enumerate(maps):
            yield (i * self._hdu.data.shape[self._axis] + start) * each, part

    def close(self) -> None:
        """Write the checksum (FITS standard 4.0, appendix J): the ones' complement sum of all words."""
        while self._sum >> 32:
            self._sum = (self._sum & 0xFFFFFFFF) + (self._sum >> 32)
        self._hdu.header["DATASUM"] = (str(self._sum), DATASUM)
        self._file.seek(self._header)
        self._file.write(self._hdu.header.tostring().encode("ascii"))
