"""apStar and asStar files of APOGEE: all visits of a star at rest, and their coadds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy import units as u
from astropy.table import Table

from manyfit.errors import InputError
from manyfit.spectra._bits import APOGEE_BAD, APOGEE_PIXMASK
from manyfit.spectra._fits import image, log_linear
from manyfit.spectra._request import Request, ivar_of_error
from manyfit.spectra._rows import make_rows, number, text
from manyfit.spectra._spectra import Spectra
from manyfit.spectra._units import SDSS_FLUX

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header


def matches(hdus: HDUList) -> bool:
    """Whether HDUs 1 to 3 are flux, error and an integer mask on one log-linear grid."""
    flux, error, mask = (image(hdus, i) for i in (1, 2, 3))
    if flux is None or error is None or mask is None or log_linear(hdus[1].header, 2) is None:
        return False
    return flux.shape == error.shape == mask.shape and mask.dtype.kind in "iu"


def read(hdus: HDUList, request: Request) -> Spectra:
    """All rows: with more than one visit, row 0 is the coadd weighted by pixel and row 1 that weighted globally."""
    flux, error, mask = (np.atleast_2d(np.asarray(image(hdus, i))) for i in (1, 2, 3))
    grid = log_linear(hdus[1].header, flux.shape[1])
    bitmask = mask.astype(np.int64)
    return Spectra(
        wavelength=u.Quantity(grid, u.AA),
        flux=flux,
        ivar=request.apply_bits(ivar_of_error(error), bitmask, APOGEE_PIXMASK, APOGEE_BAD),
        bitmask=bitmask,
        rows=_rows(hdus[0].header, len(flux), request.name),
        bits=APOGEE_PIXMASK,
        medium="vacuum",
        frame="rest",
        unit=SDSS_FLUX,
        meta={"format": "apStar", "header": hdus[0].header.copy()},
    )


def _rows(header: Header, n_rows: int, name: str) -> Table:
    n_visits = header.get("NVISITS", 1 if n_rows == 1 else n_rows - 2)
    coadds: list[Literal["visit", "coadd"]]
    if n_visits > 1 and n_rows in {1, 2, n_visits + 2}:
        coadds = ["coadd"] * min(n_rows, 2)
    elif n_rows == n_visits:
        coadds = []
    else:
        raise InputError(
            f"{name!r} has {n_rows} rows and says NVISITS = {n_visits}. An apStar file has one row for one visit, "
            "or two coadds and then the visits."
        )
    visits = range(1, n_rows - len(coadds) + 1)
    missing = [float("nan")] * len(coadds)
    return make_rows(
        coadds + ["visit" for _ in visits],
        file=name,
        object_name=text(header, "OBJID", "OBJ"),
        weighting=["pixel", "global"][: len(coadds)] + [""] * len(visits),
        mjd=[*missing, *(_mjd(header, i) for i in visits)],
        snr=[number(header, "SNR") if i == 0 else float("nan") for i in range(len(coadds))]
        + [number(header, f"SNRVIS{i}", *(("SNR",) if n_visits == 1 else ())) for i in visits],
        velocity=0.0,
        rv=[*[number(header, "VHELIO", "VHBARY", "VRAD") for _ in coadds], *(_rv(header, i) for i in visits)],
    )


def _mjd(header: Header, i: int) -> float:
    mjd = number(header, f"MJD{i}")
    # JD and HJD lack the 2400000 or not, from one release to the next
    jd = number(header, f"JD{i}", f"HJD{i}")
    return mjd if np.isfinite(mjd) else (jd - 2400000.5 if jd > 2400000 else jd - 0.5)


def _rv(header: Header, i: int) -> float:
    rv = number(header, f"VHELIO{i}", f"VHBARY{i}")
    return rv if np.isfinite(rv) else number(header, f"VRAD{i}") + number(header, f"BC{i}")
