"""Plain FITS: a table of pixels, images with names, or an image with wavelengths in its header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.table import QTable, Table
from numpy.typing import NDArray

from manyfit.errors import InputError
from manyfit.spectra._columns import from_columns, has_flux
from manyfit.spectra._fits import image, log_linear
from manyfit.spectra._request import Request
from manyfit.spectra._spectra import Spectra

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header


def matches(hdus: HDUList) -> bool:
    """Whether there is a table with a column of flux, or an image of flux."""
    return _table_index(hdus) is not None or _flux_image(hdus) is not None


def read(hdus: HDUList, request: Request) -> Spectra:
    """The table of pixels if there is one (columns by name), or the images by EXTNAME."""
    index = _table_index(hdus)
    if index is not None:
        return from_columns(_columns(hdus, index), request, format="FITS table", header=hdus[0].header.copy())
    return _from_images(hdus, _flux_image(hdus) or 0, request)


def _from_images(hdus: HDUList, flux: int, request: Request) -> Spectra:
    named = {hdu.name: data for i, hdu in enumerate(hdus) if hdu.name and (data := image(hdus, i)) is not None}
    unit = _unit(hdus[flux].header.get("BUNIT"))
    images: dict[str, NDArray[np.generic] | u.Quantity] = {**named}
    images.pop(hdus[flux].name, None)
    images["flux"] = u.Quantity(np.asarray(image(hdus, flux), dtype=np.float64), unit)
    shape = images["flux"].shape
    grid = None if has_wavelength(images) else _axis(hdus[flux].header, shape[-1], request)
    return from_columns(images, request, grid=grid, format="FITS images", header=hdus[0].header.copy())


def has_wavelength(names: dict[str, NDArray[np.generic] | u.Quantity]) -> bool:
    """Whether an image of wavelengths is among those given by name."""
    return bool({name.lower() for name in names} & {"wavelength", "wave", "lambda", "loglam"})


def _table_index(hdus: HDUList) -> int | None:
    return next((i for i, hdu in enumerate(hdus) if not hdu.is_image and has_flux(hdu.columns.names)), None)


def _flux_image(hdus: HDUList) -> int | None:
    images = [i for i in range(len(hdus)) if (data := image(hdus, i)) is not None and data.ndim in {1, 2}]
    named = [i for i in images if has_flux([hdus[i].name])]
    return next(iter(named or images), None)


def _columns(hdus: HDUList, index: int) -> dict[str, NDArray[np.generic] | u.Quantity]:
    table = Table(hdus[index].data)
    for column in hdus[index].columns:
        if column.unit:
            table[column.name].unit = u.Unit(column.unit, parse_strict="silent")
    return {
        name: QTable([table[name]])[name] if _is_known(table[name].unit) else np.asarray(table[name])
        for name in table.colnames
    }


def _is_known(unit: u.UnitBase | None) -> bool:
    return unit is not None and not isinstance(unit, u.UnrecognizedUnit)


def _unit(text: str | None) -> u.UnitBase:
    unit = u.Unit(text or "", parse_strict="silent")
    return u.dimensionless_unscaled if isinstance(unit, u.UnrecognizedUnit) else unit


def _axis(header: Header, n: int, request: Request) -> u.Quantity:
    log = log_linear(header, n)
    if log is not None:
        return u.Quantity(log, u.AA)
    start, step = header.get("CRVAL1"), header.get("CDELT1", header.get("CD1_1"))
    if start is None or step is None:
        raise InputError(
            f"{request.name!r} has flux and no wavelengths: neither an HDU named WAVELENGTH nor CRVAL1 and CDELT1."
        )
    return u.Quantity(start + step * (np.arange(n) + 1 - header.get("CRPIX1", 1)), header.get("CUNIT1", "Angstrom"))
