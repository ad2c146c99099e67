"""FITS files that are compressed as a whole, or tile by tile: unpacked once, as a stream."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from ..errors import InputError
from ._place import Place
from ._scratch import check_room, kept

#: Up to this size, unpacked, a file is held in memory.
SMALL = 64 * 2**20
BLOCK = 2880  # bytes, of FITS
PIECE = 2**20
#: Bytes of an image by tiles that are unpacked at a time.
SLAB = 32 * 2**20

Opener = Callable[[BinaryIO], BinaryIO]
OPENERS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
#: What these raise for a damaged file.
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)


def opener_of(head: bytes) -> Opener | None:
    """How to unpack a file that begins so; None for one that is not compressed."""
    kind = next((kind for magic, kind in OPENERS.items() if head.startswith(magic)), None)
    return None if kind is None else (lambda file: cast("BinaryIO", kind(file, "rb")))


def digest_of(place: Place) -> str:
    """A digest of a whole file; of a remote one, of what its server says of its version, if it does."""
    version = place.version() if place.is_remote else None
    if version is not None:
        return hashlib.sha256(version.encode()).hexdigest()[:32]
    made = hashlib.sha256()
    with place.open(in_order=True) as stream:
        while part := stream.read(PIECE):
            made.update(part)
    return made.hexdigest()[:32]


def unpacked(origin: str, digest: Callable[[], str], stream: BinaryIO) -> Path | BinaryIO:
    """A FITS file that was compressed as a whole: in memory if it is small, else a file in the scratch folder.

    Parameters
    ----------
    origin
        Name of the file, for people.
    digest
        Tells its content from that of others.
    stream
        What it unpacks to.

    Raises
    ------
    InputError
        It is damaged or ends too early.
    OSError
        The scratch folder has no room.
    """
    try:
        head = stream.read(SMALL + 1)
        if len(head) <= SMALL:
            return io.BytesIO(head)
        whole = Joined(head, stream)
        return kept(digest(), origin, lambda file: _copy(whole, file, origin))
    except DAMAGE as error:
        raise InputError(
            f"{origin!r} cannot be unpacked ({type(error).__name__}: {error}). Copy or download it again."
        ) from error


class Joined:
    """A stream of which the beginning was read."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def read(self, n: int) -> bytes:
        """So many bytes, fewer at the end."""
        got = self._head.read(n)
        while len(got) < n and (more := self._rest.read(n - len(got))):
            got += more
        return got


def _copy(source: Joined, target: BinaryIO, origin: str) -> None:
    """Copy HDU by HDU: each says how much room it needs before it is written."""
    while header := _header(source, origin):
        size = _data_size(header)
        check_room(len(header) + size, origin)
        target.write(header)
        while size and (part := source.read(min(size, PIECE))):
            target.write(part)
            size -= len(part)
        if size:
            raise EOFError(f"its data lack {size} bytes")


def _header(source: Joined, origin: str) -> bytes:
    """The next header; empty at the end."""
    header = source.read(BLOCK)
    if header and not header.startswith((b"SIMPLE  =", b"XTENSION=")):
        raise InputError(f"{origin!r} has no FITS file in it. Give a FITS file, or what it is unpacked to.")
    while header and not any(header[i : i + 8] == b"END     " for i in range(len(header) - BLOCK, len(header), 80)):
        more = source.read(BLOCK)
        if len(more) < BLOCK:
            raise EOFError("its header is not complete")
        header += more
    return header


def _data_size(header: bytes) -> int:
    """Bytes of the data that follow a header, with those that fill the last block."""
    from astropy.io import fits

    cards = fits.Header.fromstring(header.decode("ascii", "replace"))
    lengths = [int(cards[f"NAXIS{i + 1}"]) for i in range(int(cards["NAXIS"]))]
    if cards.get("GROUPS") and lengths and lengths[0] == 0:
        lengths = lengths[1:]
    values = math.prod(lengths) if lengths else 0
    size = abs(int(cards["BITPIX"])) // 8 * int(cards.get("GCOUNT", 1)) * (int(cards.get("PCOUNT", 0)) + values)
    return size + -size % BLOCK


def untiled(hdu: Any, key: str, origin: str) -> Path:
    """An image that is compressed by tiles as a plain FITS file in the scratch folder.

    Parameters
    ----------
    hdu
        The image.
    key
        What tells its content from that of others.
    origin
        Name of the file, for people.
    """
    return kept(key, origin, lambda file: _write_image(hdu, file, origin))


def _write_image(hdu: Any, file: BinaryIO, origin: str) -> None:
    from astropy.io import fits

    first = hdu.section[tuple(slice(0, 1) for _ in hdu.shape)]
    dtype = _plain(first.dtype)
    bits = fits.hdu.image.DTYPE2BITPIX[dtype.name]
    card = fits.Header([("SIMPLE", True), ("BITPIX", bits), ("NAXIS", len(hdu.shape))])
    card.update({f"NAXIS{i + 1}": n for i, n in enumerate(hdu.shape[::-1])})
    size = dtype.itemsize * math.prod(hdu.shape)
    check_room(size, origin)
    file.write(card.tostring().encode())
    depth = _depth(hdu.shape, hdu.tile_shape, dtype.itemsize)
    for start in range(0, hdu.shape[0], depth):
        part = hdu.section[start : start + depth]
        file.write(np.ascontiguousarray(part, dtype.newbyteorder(">")).data.cast("B"))
    file.write(b"\0" * (-size % BLOCK))


def _plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A type that FITS has: itself, else a floating-point one that holds its values."""
    if dtype.name in ("uint8", "int16", "int32", "int64", "float32", "float64"):
        return dtype.newbyteorder("=")
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


def _depth(shape: tuple[int, ...], tile: tuple[int, ...], itemsize: int) -> int:
    """Length along the first axis of the slabs in which an image is unpacked: whole tiles."""
    slab = max(1, itemsize * math.prod(shape[1:]))
    return int(tile[0]) * max(1, SLAB // (slab * int(tile[0])))
