"""mwmStar and mwmVisit files of SDSS-V: tables of spectra at rest, one HDU for each instrument and telescope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy import units as u
from astropy.io.fits import BinTableHDU
from astropy.table import Table
from numpy.typing import NDArray

from manyfit.errors import InputError
from manyfit.spectra._bits import APOGEE_BAD, APOGEE_PIXMASK
from manyfit.spectra._request import Request
from manyfit.spectra._rows import make_rows
from manyfit.spectra._spectra import Spectra
from manyfit.spectra._units import SDSS_FLUX

if TYPE_CHECKING:
    from astropy.io.fits import HDUList

NEEDED = {"flux", "ivar", "pixel_flags"}


def matches(hdus: HDUList) -> bool:
    """Whether an HDU is a table with flux, inverse variance and flags of pixels."""
    return any(_is_table_of_spectra(hdu) for hdu in hdus[1:])


def read(hdus: HDUList, request: Request) -> Spectra:
    """The spectra of one HDU: the only one with rows, or that of `request.hdu` (its number or name)."""
    hdu = _choose(hdus, request)
    columns = {name.lower(): name for name in hdu.columns.names}
    table = {lower: np.asarray(hdu.data[name]) for lower, name in columns.items()}
    apogee = "APOGEE" in f"{hdu.name} {hdu.header.get('INSTRMNT', '')}".upper()
    bitmask = np.atleast_2d(table["pixel_flags"]).astype(np.int64)
    names, bad = (APOGEE_PIXMASK, APOGEE_BAD) if apogee else ({}, ())
    flux = np.atleast_2d(table["flux"])
    return Spectra(
        wavelength=u.Quantity(_wavelength(hdu, table, flux.shape[1], request.name), u.AA),
        flux=flux,
        ivar=request.apply_bits(np.atleast_2d(table["ivar"]).astype(np.float64), bitmask, names, bad),
        bitmask=bitmask,
        rows=_rows(table, len(flux), request.name),
        bits=names,
        medium="vacuum",
        frame="rest",
        unit=SDSS_FLUX,
        meta={"format": "mwm", "hdu": hdu.name, "header": hdus[0].header.copy(), "table": _scalars(hdu)},
    )


def _is_table_of_spectra(hdu: object) -> bool:
    return isinstance(hdu, BinTableHDU) and {name.lower() for name in hdu.columns.names} >= NEEDED


def _choose(hdus: HDUList, request: Request) -> BinTableHDU:
    tables = {i: hdu for i, hdu in enumerate(hdus) if _is_table_of_spectra(hdu)}
    filled = {i: hdu for i, hdu in tables.items() if len(hdu.data)}
    described = ", ".join(f"{i} ({hdu.name}: {len(hdu.data)})" for i, hdu in tables.items())
    if request.hdu is not None:
        found = [hdu for i, hdu in filled.items() if request.hdu in {i, hdu.name}]
        if not found:
            raise InputError(f"{request.name!r} has no spectra in HDU {request.hdu!r}. Rows of its HDUs: {described}.")
        return found[0]
    if len(filled) != 1:
        advice = "Say which with hdu=" if filled else "There are no spectra in the file"
        raise InputError(f"{request.name!r} has spectra in {len(filled)} HDUs. Rows: {described}. {advice}.")
    return next(iter(filled.values()))


def _wavelength(
    hdu: BinTableHDU, table: dict[str, NDArray[np.generic]], n_pixels: int, name: str
) -> NDArray[np.generic]:
    if "wavelength" in table:
        grids = np.atleast_2d(table["wavelength"])
        if not (grids == grids[0]).all():
            raise InputError(f"The spectra of {name!r} have different wavelengths, and one grid is needed.")
        return np.asarray(grids[0])
    start, step = hdu.header.get("CRVAL"), hdu.header.get("CDELT")
    if start is None or step is None:
        raise InputError(f"{name!r} has neither a column wavelength nor the cards CRVAL and CDELT of a log grid.")
    return np.asarray(10.0 ** (start + step * np.arange(n_pixels)))


def _rows(table: dict[str, NDArray[np.generic]], n: int, name: str) -> Table:
    kind: Literal["visit", "coadd"] = "visit" if "mjd" in table else "coadd"
    missing = np.full(n, np.nan)
    objects = table.get("obj", table.get("sdss_id", np.full(n, "")))
    return make_rows(
        [kind] * n,
        file=name,
        object_name=[str(each).strip() for each in objects],
        mjd=list(table.get("mjd", missing).astype(float)),
        snr=list(table.get("snr", missing).astype(float)),
        velocity=0.0,
        rv=list(table.get("v_rad", missing).astype(float)),
    )


def _scalars(hdu: BinTableHDU) -> Table:
    names = [name for name in hdu.columns.names if hdu.data[name].ndim == 1]
    return Table({name: np.asarray(hdu.data[name]) for name in names})
