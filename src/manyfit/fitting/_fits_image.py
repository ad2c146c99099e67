"""The values of one image in a FITS file, near or far, scaled block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import InputError
from . import _unpack
from ._mapped import MappedFile
from ._place import Connection, Place
from ._remote import RemoteFile
from ._scaled import Scaled
from ._source import Memory, Source

DTYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


def image_source(hdu: Any, file: str) -> Source:
    """The values of an image HDU that was read from a file and not changed since.

    Parameters
    ----------
    hdu
        The image.
    file
        Path or URL of the file, which is not compressed as a whole; empty for one that is in memory.

    Raises
    ------
    InputError
        The file ends before the image does.
    """
    if hasattr(hdu, "tile_shape"):
        return _untiled(hdu, file)
    return _in_file(hdu, file) if file else Memory(np.array(hdu.data))


def _untiled(hdu: Any, file: str) -> Source:
    """An image by tiles: in memory if it is small, else unpacked to a plain file."""
    size = abs(int(hdu.header["BITPIX"])) // 8 * math.prod(hdu.shape)
    if size <= _unpack.SMALL or not file:
        return Memory(np.array(hdu.data))
    place = Place(file)
    key = f"{_unpack.digest_of(place)}-{hdu.fileinfo()['datLoc']}"
    plain = _unpack.untiled(hdu, key, f"{file}[{hdu.name}]" if hdu.name else file)
    from astropy.io import fits

    with fits.open(plain) as hdus:
        return _in_file(hdus[0], str(plain))


def _in_file(hdu: Any, file: str) -> Source:
    header, begin = hdu.header, hdu.fileinfo()["datLoc"]
    raw = _raw(file, begin, tuple(map(int, hdu.shape)), np.dtype(DTYPES[header["BITPIX"]]))
    scale, zero = float(header.get("BSCALE", 1)), float(header.get("BZERO", 0))
    blank = header.get("BLANK") if raw.dtype.kind in "iu" else None
    return raw if (scale, zero, blank) == (1, 0, None) else Scaled(raw, scale, zero, blank)


def _raw(file: str, begin: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Source:
    """The numbers as they are in the file, which must not end before them."""
    raw: MappedFile | RemoteFile
    if Place(file).is_remote:
        raw = RemoteFile(Connection(file), file, begin, shape, dtype)
    else:
        raw = MappedFile(file, begin, shape, dtype)
    need, have = begin + dtype.itemsize * math.prod(shape), raw.file_size()
    if have < need:
        raise InputError(
            f"{file!r} is truncated: it has {have} bytes and its image needs {need}. Copy or download it again."
        )
    return raw
