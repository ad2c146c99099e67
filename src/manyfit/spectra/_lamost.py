"""Low-resolution spectra of LAMOST: an image of five rows (to DR7) or a table of one row (from DR8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy import units as u
from astropy.constants import c
from astropy.io.fits import BinTableHDU
from numpy.typing import NDArray

from manyfit.spectra._bits import ALL_BITS
from manyfit.spectra._fits import image
from manyfit.spectra._request import Request
from manyfit.spectra._rows import make_rows, number, text
from manyfit.spectra._spectra import Spectra

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header

ROWS = ("FLUX", "IVAR", "WAVELENGTH", "ANDMASK", "ORMASK")
FLOAT32_ROUNDING = 1e-6


def matches(hdus: HDUList) -> bool:
    """Whether the file is of LAMOST and has flux, inverse variance, wavelength and the two masks."""
    if "LAMOST" not in f"{hdus[0].header.get('TELESCOP', '')} {hdus[0].header.get('ORIGIN', '')}":
        return False
    first = image(hdus, 0)
    return (first is not None and first.ndim == 2 and len(first) == len(ROWS)) or _table(hdus) is not None


def read(hdus: HDUList, request: Request) -> Spectra:
    """The coadd of the exposures of one night. A pixel is unusable where the mask of ALL exposures has a bit."""
    header = hdus[0].header
    values = _values(hdus)
    bitmask = values["ANDMASK"].astype(np.int64)
    z = number(header, "Z")
    velocity = z * c.to_value("km/s") if abs(z) < 0.1 else float("nan")
    return Spectra(
        wavelength=u.Quantity(_grid(header, values["WAVELENGTH"]), u.AA),
        flux=values["FLUX"].astype(np.float64),
        ivar=request.apply_bits(values["IVAR"].astype(np.float64), bitmask, {}, ALL_BITS),
        bitmask=bitmask,
        rows=make_rows(
            ["coadd"],
            file=request.name,
            object_name=text(header, "DESIG", "OBJNAME"),
            mjd=number(header, "MJD", "LMJD"),
            snr=number(header, "SNRG"),
            velocity=velocity,
            rv=velocity,
        ),
        medium="air" if header.get("VACUUM") is False else "vacuum",
        frame="barycentric" if header.get("HELIO", True) else "observed",
        meta={"format": "LAMOST LRS", "header": header.copy(), "ormask": values["ORMASK"].astype(np.int64)},
    )


def _table(hdus: HDUList) -> BinTableHDU | None:
    if len(hdus) > 1 and isinstance(hdus[1], BinTableHDU) and set(ROWS) <= {n.upper() for n in hdus[1].columns.names}:
        return hdus[1]
    return None


def _values(hdus: HDUList) -> dict[str, NDArray[np.generic]]:
    table = _table(hdus)
    if table is not None:
        return {name: np.asarray(table.data[name])[0] for name in ROWS}
    return dict(zip(ROWS, np.asarray(image(hdus, 0)), strict=True))


def _grid(header: Header, written: NDArray[np.generic]) -> NDArray[np.float64]:
    # the row of wavelengths is float32, 40 m/s coarse: where the header says the same, it says it better
    start, step = header.get("COEFF0"), header.get("COEFF1")
    values = written.astype(np.float64)
    if start is None or step is None:
        return values
    exact = np.asarray(10.0 ** (start + step * np.arange(written.size)))
    return exact if np.allclose(exact, values, rtol=FLOAT32_ROUNDING, atol=0) else values
