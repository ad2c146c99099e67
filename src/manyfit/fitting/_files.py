"""FITS files, HDUs and zarr stores as labelled data: values, unit and WCS."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ._labelled import Labelled, unit_of
from ._source import Lock, MappedFile, Memory, Scaled, Slices, Source, source_of

EXTENSION = re.compile(r"^(?P<path>.+)\[(?P<extension>[^\[\]]+)\]$")
WCS_KEYS = re.compile(r"^(CTYPE|CRVAL|CDELT)\d+$|^CD\d+_\d+$")
DTYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


def read_path(path: str | Path, what: str = "data") -> Labelled:
    """Labelled data from the name of a FITS file or zarr store.

    ``cube.fits`` is the first image with data, ``cube.fits[ERR]`` and ``cube.fits[1]`` a given one;
    ``store.zarr`` is the only array of the store (or the one named ``data``), ``store.zarr/name`` a given one.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    InputError
        The file cannot be read, is truncated, or has no image.
    """
    file, extension = _split(Path(path).expanduser())
    if not file.exists():
        raise FileNotFoundError(f"{what}: there is no file {str(file)!r}. Check the name and the folder.")
    if file.is_dir():
        return _read_zarr(file, what)
    with _readable(file, what) as hdus:
        return _labelled(_image(hdus, extension, str(file)), str(file), hdus)


def _split(path: Path) -> tuple[Path, str | None]:
    """The file and the extension of ``file[extension]``; a file whose own name has brackets is a file."""
    match = EXTENSION.match(str(path))
    if match is None or path.exists():
        return path, None
    return Path(match["path"]), match["extension"]


@contextmanager
def _readable(file: Path, what: str) -> Iterator[Any]:
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            # a truncated image is an error of ours, with the name of the file
            warnings.filterwarnings("ignore", "File may have been truncated")
            with fits.open(file) as hdus:
                yield hdus
    except (OSError, EOFError, TypeError, fits.VerifyError) as error:
        raise InputError(
            f"{what}: {str(file)!r} cannot be read as FITS ({error}). Check that it is a complete FITS file."
        ) from error


def read_hdu(hdu: Any, what: str = "data") -> Labelled:
    """Labelled data from an HDU, or from the first image with data of an HDUList."""
    hdu = _image(hdu, None, what) if isinstance(hdu, list) else hdu
    if not _has_image(hdu):
        raise InputError(f"{what} is a {type(hdu).__name__} without image data. Give an image HDU.")
    where = hdu.fileinfo()
    # data that were looked at may have been changed, so only untouched ones are read from the file again
    if "data" not in vars(hdu) and where is not None and where["filemode"] == "readonly":
        return _labelled(hdu, str(where["file"].name))
    return Labelled(source_of(hdu.data, what), unit=unit_of(hdu.header.get("BUNIT")), wcs=wcs_of(hdu.header))


def _has_image(hdu: Any) -> bool:
    return bool(hdu.is_image and hdu.shape)


def _image(hdus: Any, extension: str | None, name: str) -> Any:
    """The HDU that was asked for, or the first image with data."""
    listing = ", ".join(f"{i} {hdu.name or 'unnamed'}" for i, hdu in enumerate(hdus))
    if extension is None:
        found = next(filter(_has_image, hdus), None)
        if found is None:
            raise InputError(f"{name!r} has no image with data. Its HDUs: {listing}.")
        return found
    try:
        hdu = hdus[int(extension) if extension.isdigit() else extension]
    except (KeyError, IndexError):
        raise InputError(f"{name!r} has no extension {extension!r}. Its HDUs: {listing}.") from None
    if not _has_image(hdu):
        raise InputError(f"Extension {extension!r} of {name!r} is no image with data. Its HDUs: {listing}.")
    return hdu


def _labelled(hdu: Any, file: str, hdus: Any = None) -> Labelled:
    unit, wcs = unit_of(hdu.header.get("BUNIT")), wcs_of(hdu.header, hdus)
    return Labelled(_image_source(hdu, file), unit=unit, wcs=wcs)


def _image_source(hdu: Any, file: str) -> Source:
    if hasattr(hdu, "tile_shape"):
        return Compressed(file, _index(hdu, file), tuple(hdu.shape), tuple(hdu.tile_shape))
    with open(file, "rb") as stream:
        plain = stream.read(6) == b"SIMPLE"
    return _mapped(hdu, file) if plain else Memory(np.array(hdu.data))


def _mapped(hdu: Any, file: str) -> Source:
    """The image as it lies in the file, scaled (BSCALE, BZERO, BLANK) one block at a time."""
    header, begin = hdu.header, hdu.fileinfo()["datLoc"]
    raw = MappedFile(file, begin, tuple(hdu.shape), np.dtype(DTYPES[header["BITPIX"]]))
    need, have = (
        begin + raw.dtype.itemsize * int(np.prod(raw.shape, dtype=np.int64)),
        Path(file).stat().st_size,
    )
    if have < need:
        raise InputError(
            f"{file!r} is truncated: it has {have} bytes and its image needs {need}. Copy or download it again."
        )
    scale, zero = float(header.get("BSCALE", 1)), float(header.get("BZERO", 0))
    blank = header.get("BLANK") if raw.dtype.kind in "iu" else None
    return raw if (scale, zero, blank) == (1, 0, None) else Scaled(raw, scale, zero, blank)


def _index(hdu: Any, file: str) -> int:
    """Number of an HDU in its file."""
    from astropy.io import fits

    begin = hdu.fileinfo()["datLoc"]
    with fits.open(file) as hdus:
        return next(i for i, other in enumerate(hdus) if other.fileinfo()["datLoc"] == begin)


@dataclass(frozen=True)
class Compressed:
    """A tile-compressed FITS image; only the tiles that a slice touches are decompressed."""

    path: str
    extension: int
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    _lock: Lock = field(default_factory=Lock, compare=False, repr=False)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float64)

    def read(self, slices: Slices) -> NDArray[Any]:
        from astropy.io import fits

        with self._lock, fits.open(self.path) as hdus:
            return np.asarray(hdus[self.extension].section[slices])


def wcs_of(header: Any, hdus: Any = None) -> Any:
    """The WCS of an image header; None when the header says nothing about coordinates."""
    from astropy.wcs import WCS, FITSFixedWarning

    if not any(WCS_KEYS.match(key) for key in header):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)  # what wcslib put right is no news to the user
        wcs = WCS(header, fobj=hdus)
    return wcs if wcs.naxis <= header["NAXIS"] else wcs.sub(header["NAXIS"])


def _read_zarr(path: Path, what: str) -> Labelled:
    import zarr

    try:
        node = zarr.open(str(path), mode="r")
    except (FileNotFoundError, ValueError) as error:
        raise InputError(
            f"{what}: {str(path)!r} is a folder but no zarr array or group ({error})."
        ) from error
    return read_zarr(node, what)


def read_zarr(node: Any, what: str = "data") -> Labelled:
    """Labelled data from a zarr array, or from the only array (or the one named ``data``) of a group."""
    if not hasattr(node, "arrays"):
        return Labelled(source_of(node, what), unit=unit_of(dict(node.attrs).get("units")))
    arrays = dict(node.arrays())
    if len(arrays) != 1 and "data" not in arrays:
        raise InputError(
            f"{what}: the zarr group {node.store_path} has arrays {sorted(arrays)}. "
            "One array, or one named 'data', is accepted: give the array itself (group['name'] or 'store.zarr/name')."
        )
    return read_zarr(arrays["data"] if "data" in arrays else next(iter(arrays.values())), what)
