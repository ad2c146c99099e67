"""Small files in the layouts of the surveys, with known content."""

from __future__ import annotations

import numpy as np
from astropy.io import fits

N = 60
GRID = 10 ** (4.179 + 6e-6 * np.arange(N))
LOG = {"CRVAL1": 4.179, "CDELT1": 6e-6, "CRPIX1": 1, "CTYPE1": "LOG-LINEAR", "DC-FLAG": 1}


def image(data, **cards):
    hdu = fits.ImageHDU(np.asarray(data))
    hdu.header.update({key.replace("_", "-") if key == "DC_FLAG" else key: value for key, value in cards.items()})
    return hdu


def apstar(n_visits=3, rows=None, dtype=np.float32, mask_dtype=np.int16):
    """An apStar file: flux of row r, pixel p is 100 r + p; error 2, with 1e10 in pixel 3 and 0 in pixel 4."""
    rows = rows if rows is not None else (1 if n_visits == 1 else n_visits + 2)
    flux = 100.0 * np.arange(rows)[:, None] + np.arange(N)
    error = np.full(flux.shape, 2.0)
    error[:, 3], error[:, 4] = 1e10, 0
    mask = np.zeros(flux.shape, mask_dtype)
    mask[:, 5], mask[:, 6], mask[:, 7] = 1 << 1, 1 << 12, 1 << 14
    if rows == 1:
        flux, error, mask = flux[0], error[0], mask[0]
    primary = fits.PrimaryHDU()
    primary.header.update({"NVISITS": n_visits, "SNR": 120.0, "OBJID": "2M00", "VHELIO": 5.0})
    for i in range(1, n_visits + 1):
        primary.header.update({f"SNRVIS{i}": 10.0 * i, f"VHELIO{i}": 5.0 + i, f"JD{i}": 2456000.5 + i})
    return fits.HDUList(
        [primary, image(flux.astype(dtype), **LOG), image(error.astype(dtype), **LOG), image(mask, **LOG)]
    )


def aspcapstar():
    primary = fits.PrimaryHDU()
    primary.header.update({"NVISITS": 3, "SNR": 120.0, "OBJID": "2M00"})
    flux, error = np.linspace(0.9, 1, N), np.full(N, 0.01)
    error[2] = 1e10
    table = fits.BinTableHDU.from_columns([fits.Column("TEFF", "E", array=[4800.0])])
    images = [image(each.astype(np.float32), **LOG) for each in (flux, error, flux + 0.001)]
    return fits.HDUList([primary, *images, table])


def apvisit(n=20):
    """Chips from red to blue, wavelengths descending; flux = wavelength, error 1."""
    wavelength = np.stack([16900 - 0.2 * np.arange(n), 16400 - 0.2 * np.arange(n), 15800 - 0.2 * np.arange(n)])
    mask = np.zeros(wavelength.shape, np.int16)
    mask[0, 0] = 1
    primary = fits.PrimaryHDU()
    primary.header.update({"OBJID": "2M00", "VHELIO": 30.0, "BC": 10.0, "JD-MID": 2456001.25, "SNR": 50.0})
    flux, error = wavelength.astype(np.float32), np.ones(wavelength.shape, np.float32)
    return fits.HDUList([primary, image(flux), image(error), image(mask), image(wavelength)])


def mwm(kind="star", filled=(3,), wavelength=True):
    """An mwmStar or mwmVisit file: four HDUs of which some have rows."""
    names = ["BOSS/APO", "BOSS/LCO", "APOGEE/APO", "APOGEE/LCO"]
    hdus = [fits.PrimaryHDU()]
    for i, name in enumerate(names, 1):
        n = (1 if kind == "star" else 3) if i in filled else 0
        columns = [
            fits.Column("flux", f"{N}E", array=np.full((n, N), 10.0 + i)),
            fits.Column("ivar", f"{N}E", array=np.full((n, N), 4.0)),
            fits.Column("pixel_flags", f"{N}J", array=np.tile(np.where(np.arange(N) == 9, 1, 0), (n, 1))),
            fits.Column("snr", "E", array=np.full(n, 80.0)),
            fits.Column("v_rad", "E", array=np.arange(n) + 1.0),
            fits.Column("sdss_id", "K", array=np.full(n, 77)),
        ]
        if kind == "visit":
            columns.append(fits.Column("mjd", "J", array=59000 + np.arange(n)))
        if wavelength:
            columns.append(fits.Column("wavelength", f"{N}D", array=np.tile(GRID, (n, 1))))
        hdu = fits.BinTableHDU.from_columns(columns, name=name)
        hdu.header.update({"CRVAL": 4.179, "CDELT": 6e-6, "NPIXELS": N, "INSTRMNT": name.split("/")[0]})
        hdus.append(hdu)
    return fits.HDUList(hdus)


def lamost(table=False):
    start, step = 3.5682, 1e-4
    wavelength = 10 ** (start + step * np.arange(N))
    rows = np.stack([np.arange(N) + 1.0, np.full(N, 0.25), wavelength, np.zeros(N), np.zeros(N)]).astype(np.float32)
    rows[1, 0], rows[3, 2], rows[4, 3] = 0, 4, 8
    primary = fits.PrimaryHDU(None if table else rows)
    primary.header.update({"TELESCOP": "LAMOST", "VACUUM": True, "HELIO": True, "Z": 1e-4, "SNRG": 33.0})
    primary.header.update({"COEFF0": start, "COEFF1": step, "MJD": 58000, "DESIG": "LAMOST J0"})
    if not table:
        return fits.HDUList([primary])
    names = ["FLUX", "IVAR", "WAVELENGTH", "ANDMASK", "ORMASK"]
    columns = [fits.Column(name, f"{N}E", array=row[None]) for name, row in zip(names, rows, strict=True)]
    return fits.HDUList([primary, fits.BinTableHDU.from_columns(columns, name="COADD")])


def saved(hdus, path):
    hdus.writeto(path)
    return path
