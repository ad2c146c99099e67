"""Moments as a FITS file: one image per map and per error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from manyfit.fitting._fits_layout import unit_text
from manyfit.fitting._fits_wcs import wcs_header

if TYPE_CHECKING:
    from astropy.io.fits import HDUList

    from manyfit.cube._moments import Moments


def hdulist(moments: Moments) -> HDUList:
    """FITS images with EXTNAME, BUNIT and the WCS of the sky."""
    from astropy.io.fits import HDUList, ImageHDU, PrimaryHDU

    from manyfit import __version__

    header = (primary := PrimaryHDU()).header
    header["CREATOR"] = (f"manyfit {__version__}", "software that wrote this file")
    header["DATE"] = (datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "UTC")
    coordinates = wcs_header(moments.wcs)
    hdus = HDUList([primary])
    for name in moments:
        for values, suffix in ((moments[name], ""), (moments.error[name], "_ERR")):
            hdu = ImageHDU(values.value, coordinates, name=name.upper() + suffix)
            hdu.header["BUNIT"] = unit_text(values.unit)
            hdus.append(hdu)
    return hdus
