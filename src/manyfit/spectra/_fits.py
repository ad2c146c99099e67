"""FITS files opened whole, and the error that says what is wrong with one."""

from __future__ import annotations

import bz2
import gzip
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from manyfit._fits_headers import check_headers
from manyfit.errors import InputError, ManyfitError

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header

N_READ = 5
"""HDUs that the readers look at; those behind them are not read."""


@contextmanager
def opened(path: Path) -> Iterator[HDUList]:
    """A FITS file with the data of its first HDUs in memory.

    Raises
    ------
    InputError
        The file is truncated or damaged, which may show only when its header is used.
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    with warnings.catch_warnings():
        # cards that break a rule but can be read
        warnings.simplefilter("ignore", AstropyUserWarning)
        warnings.filterwarnings("error", message=".*truncated.*", category=AstropyUserWarning)
        try:
            with _unpacked(path) as file:
                check_headers(file, path)
                with fits.open(file, memmap=False) as hdus:
                    yield fits.HDUList(_first(hdus))
        except (FileNotFoundError, ManyfitError):
            raise
        # damaged bytes make astropy raise anything
        except Exception as error:
            raise damaged(path, error) from error


def _unpacked(path: Path) -> BinaryIO:
    """The file itself, or all of its content if it is packed: so its checksum is verified."""
    with path.open("rb") as file:
        start = file.read(3)
    if start.startswith(b"\x1f\x8b"):
        return BytesIO(gzip.decompress(path.read_bytes()))
    if start == b"BZh":
        return BytesIO(bz2.decompress(path.read_bytes()))
    return path.open("rb")


def _first(hdus: HDUList) -> list[Any]:
    """The first HDUs with their data, one by one: the length of a list of damaged HDUs may have no end."""
    found = []
    for i in range(N_READ):
        try:
            hdu = hdus[i]
        except IndexError:
            break
        _ = hdu.data
        found.append(hdu)
    return found


def damaged(path: Path | str, error: Exception) -> InputError:
    """The error for a file whose content cannot be decoded."""
    return InputError(
        f"{str(path)!r} cannot be read ({type(error).__name__}: {error}). "
        "It is truncated or damaged: get it again and compare its size and checksum."
    )


def log_linear(header: Header, n: int) -> NDArray[np.float64] | None:
    """Wavelengths of an axis that is linear in log10 of the wavelength, None if the header has no such axis."""
    start, step = header.get("CRVAL1"), header.get("CDELT1", header.get("CD1_1"))
    if start is None or step is None or not (header.get("DC-FLAG") == 1 or "LOG" in str(header.get("CTYPE1"))):
        return None
    pixel = np.arange(n) + 1 - header.get("CRPIX1", 1)
    return np.asarray(10.0 ** (start + step * pixel))


def image(hdus: HDUList, index: int) -> NDArray[np.generic] | None:
    """The image of an HDU in the machine's byte order, None if the HDU is not there, is empty or is a table."""
    if index >= len(hdus) or not hdus[index].is_image or hdus[index].data is None:
        return None
    data = np.asarray(hdus[index].data)
    return data.astype(data.dtype.newbyteorder("="))
