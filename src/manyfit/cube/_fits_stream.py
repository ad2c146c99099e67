"""FITS files written one HDU after the other, images piece by piece: memory is that of one HDU, or of a piece of it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: Bytes of a record of a FITS file, and values of a piece of an image.
RECORD, PIECE = 2880, 2**20
#: What an encoded checksum has no characters of (FITS standard 4.0, appendix J).
EXCLUDED = frozenset(map(ord, ":;<=>?@[\\]^_`"))


class Binary(Protocol):
    """Something that bytes are written to."""

    def write(self, content: bytes, /) -> object:
        """Write some bytes."""


def write_stream(file: Binary, hdus: Iterable[Any]) -> None:
    """Write HDUs, the first of which is a primary one, with checksums; each is let go before the next is made."""
    for number, hdu in enumerate(hdus):
        if number and not hdu.is_image:
            file.write(_extension(hdu))
        else:
            _write_image(file, hdu)


def _extension(hdu: Any) -> bytes:
    """A table as astropy writes it, without the empty primary HDU that it puts before."""
    from astropy.io.fits import HDUList, PrimaryHDU

    out = io.BytesIO()
    HDUList([PrimaryHDU(), hdu]).writeto(out, checksum=True)
    return out.getvalue()[RECORD:]


def _write_image(file: Binary, hdu: Any) -> None:
    data = None if hdu.data is None else np.asarray(hdu.data)
    header = hdu.header
    total = size = 0
    for piece in _pieces(data):
        total, size = _added(total, piece), size + len(piece)
    header["DATASUM"] = (str(total), "data unit checksum")
    header["CHECKSUM"] = ("0" * 16, "HDU checksum")
    header["CHECKSUM"] = _encoded(~_added(total, header.tostring().encode("ascii")) & 0xFFFFFFFF)
    file.write(header.tostring().encode("ascii"))
    for piece in _pieces(data):
        file.write(piece)
    file.write(b"\0" * (-size % RECORD))


def _pieces(data: NDArray[Any] | None) -> Iterator[bytes]:
    """The values as FITS keeps them: big-endian, unsigned integers less half of their range."""
    if data is None:
        return
    flat = data.reshape(-1)  # a view: images are contiguous
    for start in range(0, flat.size, PIECE):
        piece = flat[start : start + PIECE]
        if piece.dtype.kind == "u" and piece.dtype.itemsize > 1:
            piece = piece ^ piece.dtype.type(1 << (8 * piece.dtype.itemsize - 1))
        yield piece.astype(piece.dtype.newbyteorder(">")).tobytes()


def _added(total: int, content: bytes) -> int:
    """The sum of 32-bit words in ones' complement, so far and with more content."""
    words = np.frombuffer(content + b"\0" * (-len(content) % 4), ">u4")
    total += int(words.sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encoded(value: int) -> str:
    """A sum as 16 letters and digits that add up to it (FITS standard 4.0, appendix J).

    Examples
    --------
    >>> _encoded(~868229149 & 0xFFFFFFFF)
    'hcHjjc9ghcEghc9g'
    """
    columns = []
    for byte in value.to_bytes(4, "big"):
        quarters = [byte // 4 + 48 + (byte % 4 if i == 0 else 0) for i in range(4)]
        while EXCLUDED.intersection(quarters):
            for i in (0, 2):
                if EXCLUDED.intersection(quarters[i : i + 2]):
                    quarters[i], quarters[i + 1] = quarters[i] + 1, quarters[i + 1] - 1
        columns.append(quarters)
    text = "".join(chr(columns[j][i]) for i in range(4) for j in range(4))
    return text[-1] + text[:-1]
