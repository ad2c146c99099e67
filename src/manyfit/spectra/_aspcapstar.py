"""aspcapStar files of APOGEE: the coadd of a star over its pseudo-continuum, and the best model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.table import Table

from manyfit.spectra._fits import image, log_linear
from manyfit.spectra._request import Request, ivar_of_error
from manyfit.spectra._rows import make_rows, number, text
from manyfit.spectra._spectra import Spectra

if TYPE_CHECKING:
    from astropy.io.fits import HDUList


def matches(hdus: HDUList) -> bool:
    """Whether HDUs 1 to 3 are flux, error and model (not a mask) of one spectrum on a log-linear grid."""
    flux, error, model = (image(hdus, i) for i in (1, 2, 3))
    if flux is None or error is None or model is None or log_linear(hdus[1].header, 2) is None:
        return False
    return flux.squeeze().ndim == 1 and flux.shape == error.shape == model.shape and model.dtype.kind == "f"


def read(hdus: HDUList, request: Request) -> Spectra:
    """The normalised coadd; the best model and the table of labels are in `meta`."""
    flux, error, model = (np.asarray(image(hdus, i)).reshape(1, -1) for i in (1, 2, 3))
    header = hdus[0].header
    table = Table(hdus[4].data) if len(hdus) > 4 and not hdus[4].is_image else None
    return Spectra(
        wavelength=u.Quantity(log_linear(hdus[1].header, flux.shape[1]), u.AA),
        flux=flux,
        ivar=ivar_of_error(error),
        rows=make_rows(
            ["coadd"],
            file=request.name,
            object_name=text(header, "OBJID", "OBJ"),
            snr=number(header, "SNR"),
            velocity=0.0,
            rv=number(header, "VHELIO"),
        ),
        medium="vacuum",
        frame="rest",
        meta={"format": "aspcapStar", "header": header.copy(), "model": model[0], "labels": table},
    )
