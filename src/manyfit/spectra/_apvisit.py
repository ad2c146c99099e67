"""apVisit and asVisit files of APOGEE: one visit as observed, in three detector chips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u

from manyfit.spectra._bits import APOGEE_BAD, APOGEE_PIXMASK
from manyfit.spectra._fits import image
from manyfit.spectra._request import Request, ivar_of_error
from manyfit.spectra._rows import make_rows, number, text
from manyfit.spectra._spectra import Spectra
from manyfit.spectra._units import SDSS_FLUX

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header

N_CHIPS = 3


def matches(hdus: HDUList) -> bool:
    """Whether HDUs 1 to 4 are flux, error, an integer mask and wavelength of three chips each."""
    flux, error, mask, wavelength = (image(hdus, i) for i in (1, 2, 3, 4))
    if flux is None or error is None or mask is None or wavelength is None:
        return False
    same = flux.shape == error.shape == mask.shape == wavelength.shape
    return same and flux.ndim == 2 and len(flux) == N_CHIPS and mask.dtype.kind in "iu"


def read(hdus: HDUList, request: Request) -> Spectra:
    """The three chips as one spectrum of increasing wavelength (files have them from red to blue, descending)."""
    wavelength = np.asarray(image(hdus, 4)).ravel()
    order = np.argsort(wavelength, kind="stable")
    flux, error, mask = (np.asarray(image(hdus, i)).ravel()[order] for i in (1, 2, 3))
    bitmask = mask.astype(np.int64)
    return Spectra(
        wavelength=u.Quantity(wavelength[order], u.AA),
        flux=flux,
        ivar=request.apply_bits(ivar_of_error(error), bitmask, APOGEE_PIXMASK, APOGEE_BAD),
        bitmask=bitmask,
        rows=make_rows(
            ["visit"],
            file=request.name,
            object_name=text(hdus[0].header, "OBJID", "OBJ"),
            mjd=_mjd(hdus[0].header),
            snr=number(hdus[0].header, "SNR"),
            velocity=_velocity(hdus[0].header),
            rv=number(hdus[0].header, "VHELIO"),
        ),
        bits=APOGEE_PIXMASK,
        medium="vacuum",
        frame="observed",
        unit=SDSS_FLUX,
        meta={"format": "apVisit", "header": hdus[0].header.copy()},
    )


def _mjd(header: Header) -> float:
    jd = number(header, "JD-MID")
    return jd - 2400000.5 if np.isfinite(jd) else number(header, "MJD5", "MJD")


def _velocity(header: Header) -> float:
    velocity = number(header, "VRAD", "VREL")
    return velocity if np.isfinite(velocity) else number(header, "VHELIO") - number(header, "BC")
