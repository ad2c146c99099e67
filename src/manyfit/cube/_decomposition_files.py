"""A decomposition as a FITS file and as a table of components."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube._fits_maps import write_hdus
from manyfit.fitting._fits_wcs import wcs_header
from manyfit.fitting._fits_write import hdu_list

if TYPE_CHECKING:
    from astropy.io.fits import HDUList
    from astropy.table import QTable

    from manyfit.cube._decomposition import Decomposition


def write(found: Decomposition, path: Path, *, overwrite: bool = False) -> None:
    """Write a file that appears when it is whole; ``.gz`` is compressed."""
    write_hdus(path, hdus_of(found), overwrite=overwrite)


def hdus_of(found: Decomposition) -> HDUList:
    """The images of the result of the fit, and number of components and criteria."""
    from astropy.io.fits import ImageHDU

    hdus = hdu_list(found.result)
    numbers = ImageHDU(np.atleast_1d(found.n_components.astype(np.int16)), wcs_header(found.wcs), name="NCOMP")
    numbers.header["CONTENT"] = ("n_components", "number of components; -1 not fitted")
    hdus.append(numbers)
    for number, plane in enumerate(found.criteria):
        hdu = ImageHDU(np.atleast_1d(plane), wcs_header(found.wcs), name=f"{found.criterion.upper()}_{number}")
        hdu.header["CONTENT"] = ("criterion", "for a number of components")
        hdu.header["PARNAME"] = f"{found.criterion} {number}"
        hdus.append(hdu)
    hdus[0].header["CRITNAME"] = (found.criterion, "criterion for the number of components")
    hdus[0].header["GAINNEED"] = (found.gain_needed, "least fall of chi2 for one component")
    hdus[0].header.add_history(f"0 to {found.max_components} components by {found.criterion}")
    return hdus


def to_table(found: Decomposition) -> QTable:
    """One row for each component that there is."""
    from astropy.table import QTable

    spectra = found.result.to_table()
    places = [n for n in spectra.colnames if n not in found.result.names and not n.endswith("_error")]
    kept = [n for n in places if n not in ("statistic", "dof", "n_points", "n_iter", "status")]
    there = np.isfinite(found["amplitude"].value).reshape(found.max_components, -1).T
    rows, component = np.nonzero(there)
    columns: dict[str, Any] = {name: spectra[name][rows] for name in kept}
    columns["component"] = component
    for name in found.names:
        for source, suffix in ((found, ""), (found.error, "_error")):
            values = source[name]
            columns[name + suffix] = values.reshape(found.max_components, -1).T[rows, component]
    columns["n_components"] = found.n_components.reshape(-1)[rows]
    columns["statistic"] = found.statistic.reshape(-1)[rows]
    columns["dof"] = found.dof.reshape(-1)[rows]
    columns["status"] = np.reshape(found.status, -1)[rows]
    return QTable(columns, meta={"model": "Gaussian1D", "criterion": found.criterion, "gain_needed": found.gain_needed})
