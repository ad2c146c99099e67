"""FITS files and HDUs as labelled data: values, unit and WCS."""

from __future__ import annotations

import errno
import re
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .._fits_headers import check_headers
from ..errors import InputError
from ._fits_image import image_source
from ._labelled import Labelled, unit_of
from ._place import Place
from ._source import source_of
from ._unpack import digest_of, opener_of, unpacked

WCS_KEYS = re.compile(r"^(CTYPE|CRVAL|CDELT)\d+$|^CD\d+_\d+$")


def read_fits(file: str | Path, extension: str | None, what: str = "data") -> Labelled:
    """Labelled data from a FITS file.

    Parameters
    ----------
    file
        Path or URL of the file; it may be compressed.
    extension
        Name or number of an extension; None for the first image with data.
    what
        Name of the argument, for errors.

    Raises
    ------
    InputError
        The file cannot be read, is truncated, or has no such image.
    OSError
        A compressed file is large and there is no room to unpack it.
    """
    with opened(Place(str(file)), what) as (hdus, where):
        return labelled(find_image(hdus, extension, f"{what} {str(file)!r}"), where, hdus)


@contextmanager
def opened(place: Place, what: str) -> Iterator[tuple[Any, str]]:
    """The HDUs of a FITS file, and the path or URL where they lie as they are; empty if they are in memory."""
    from astropy.io import fits

    with _plain(place) as (file, where):
        try:
            with warnings.catch_warnings():
                # a file that ends too early is an error of ours; what else may be odd about a header is no news
                warnings.filterwarnings("ignore", "File may have been truncated")
                warnings.simplefilter("ignore", fits.verify.VerifyWarning)
                if not place.is_remote or isinstance(file, Path):
                    check_headers(file, place.name)
                with fits.open(file) as hdus:
                    yield _with_header(hdus), where
        except (OSError, EOFError, TypeError, fits.VerifyError) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise
            raise InputError(
                f"{what}: {place.name!r} cannot be read as FITS ({error}). Give a complete FITS file or a zarr store."
            ) from error


@contextmanager
def _plain(place: Place) -> Iterator[tuple[Any, str]]:
    """What astropy opens, and where it lies as it is. What is compressed, or cannot be read by ranges, is copied."""
    with place.open() as raw:
        head = raw.read(8)
    opener = opener_of(head)
    if opener is None and not place.is_remote:
        yield Path(place.name), place.name if head.startswith(b"SIMPLE") else ""
        return
    with place.open() as raw:
        if opener is None and _has_ranges(raw):
            yield raw, place.name
            return
    with place.open(in_order=True) as raw, closing(raw if opener is None else opener(raw)) as stream:
        whole = unpacked(place.name, lambda: digest_of(place), stream)
    yield whole, str(whole) if isinstance(whole, Path) else ""


def _has_ranges(stream: BinaryIO) -> bool:
    """Whether a server gives a part of a file when it is asked for one."""
    try:
        stream.seek(1)
        stream.read(1)
        stream.seek(0)
    except ValueError:  # of fsspec, whose text is about its own streams
        return False
    return True


def _with_header(hdus: Any) -> Any:
    if not len(hdus):
        raise OSError("its header is not complete")
    return hdus


def read_hdu(hdu: Any, what: str = "data") -> Labelled:
    """Labelled data from an HDU, or from the first image with data of an HDUList."""
    hdu = find_image(hdu, None, what) if isinstance(hdu, list) else hdu
    if not _has_image(hdu):
        raise InputError(f"{what} is a {type(hdu).__name__} without image data. Give an image HDU.")
    where = hdu.fileinfo()
    # data that were looked at may have been changed, so only untouched ones are read from the file again
    if "data" not in vars(hdu) and where is not None and where["filemode"] == "readonly":
        name = str(where["file"].name or "")
        if Path(name).is_file() and (hasattr(hdu, "tile_shape") or Place(name).head(6) == b"SIMPLE"):
            return labelled(hdu, name)
    return Labelled(source_of(hdu.data, what), unit=unit_of(hdu.header.get("BUNIT")), wcs=wcs_of(hdu.header))


def labelled(hdu: Any, file: str, hdus: Any = None) -> Labelled:
    unit, wcs = unit_of(hdu.header.get("BUNIT")), wcs_of(hdu.header, hdus)
    return Labelled(image_source(hdu, file), unit=unit, wcs=wcs)


def _has_image(hdu: Any) -> bool:
    return bool(hdu.is_image and hdu.shape)


def find_image(hdus: Any, extension: str | None, what: str) -> Any:
    """The HDU that was asked for, or the first image with data."""
    listing = ", ".join(f"{i} {hdu.name or 'unnamed'}" for i, hdu in enumerate(hdus))
    if extension is None:
        found = next(filter(_has_image, hdus), None)
        if found is None:
            raise InputError(f"{what} has no image with data. Its HDUs: {listing}.")
        return found
    try:
        hdu = hdus[int(extension) if extension.isdigit() else extension]
    except (KeyError, IndexError):
        raise InputError(f"{what} has no extension {extension!r}. Its HDUs: {listing}.") from None
    if not _has_image(hdu):
        raise InputError(f"Extension {extension!r} of {what} is no image with data. Its HDUs: {listing}.")
    return hdu


def wcs_of(header: Any, hdus: Any = None) -> Any:
    """The WCS of an image header; None when the header says nothing about coordinates."""
    from astropy.wcs import WCS, FITSFixedWarning

    if not any(WCS_KEYS.match(key) for key in header):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)  # what wcslib put right is no news to the user
        wcs = WCS(header, fobj=hdus)
    return wcs if wcs.naxis <= header["NAXIS"] else wcs.sub(header["NAXIS"])
