"""Training sets in FITS: images WAVELENGTH, FLUX, IVAR and a table of labels, or one table with a row for each star."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from manyfit._fits_headers import check_headers
from manyfit.errors import InputError, ManyfitError

from ._training_columns import arrays_of


def read(path: Path) -> dict[str, Any]:
    """The arrays of all images by EXTNAME and of all columns; images stay in the file.

    Raises
    ------
    InputError
        The file is truncated or damaged.
    """
    from astropy.utils.exceptions import AstropyUserWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyUserWarning)
        warnings.filterwarnings("error", message=".*truncated.*", category=AstropyUserWarning)
        try:
            return arrays_of(_columns(path), str(path))
        except ManyfitError:
            raise
        # damaged bytes make astropy raise anything
        except Exception as error:
            raise InputError(f"{str(path)!r} cannot be read as FITS: it is damaged or truncated ({error}).") from error


def _columns(path: Path) -> dict[str, Any]:
    from astropy.io import fits

    columns: dict[str, Any] = {}
    check_headers(path, path)
    with fits.open(path, memmap=True) as hdus:
        for number, hdu in enumerate(hdus):
            if hdu.data is None:
                continue
            if hdu.is_image:
                columns[hdu.name if number or hdu.name != "PRIMARY" else "flux"] = hdu.data
            else:
                columns |= {name: np.asarray(hdu.data[name]) for name in hdu.columns.names}
    return columns
