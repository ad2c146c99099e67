"""The spectral axis of a cube as keywords of a FITS header, beside the celestial WCS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.fitting._fits_layout import unit_text
from manyfit.fitting._fits_wcs import wcs_header

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from manyfit.cube._cube import Cube

VELOCITIES = {"radio": "VRAD", "optical": "VOPT", "relativistic": "VELO"}
KINDS = {"frequency": "FREQ", "energy": "ENER", "wavenumber": "WAVN"}
#: How far a channel may be from its place on a regular axis, in channels.
IRREGULAR = 1e-3


def cube_header(cube: Cube) -> Header:
    """Coordinates of all axes of a cube; those of an irregular spectral axis are left out.

    Examples
    --------
    >>> import numpy as np, astropy.units as u
    >>> from manyfit import cube
    >>> co = cube.read(np.ones((5, 3, 4)) * u.K, spectral_axis=np.arange(5) * 0.7 * u.km / u.s)
    >>> header = cube_header(co)
    >>> header["CUNIT3"], header["CDELT3"]
    ('km s-1', 0.7)
    """
    from astropy.io.fits import Header

    header = None if cube.is_spectrum else wcs_header(cube.wcs, plane_axis=True)
    header = Header() if header is None else header
    axis = cube.spectral_axis
    if axis.ndim > 1 or len(axis) < 2:
        return header
    values = axis.value
    step = (values[-1] - values[0]) / (len(values) - 1)
    regular = values[0] + step * np.arange(len(values))
    if step == 0 or not np.all(np.abs(values - regular) <= IRREGULAR * abs(step)):
        return header
    number = 1 if cube.is_spectrum else 3
    header[f"CTYPE{number}"] = _kind(cube)
    header[f"CUNIT{number}"] = unit_text(axis.unit)
    header[f"CRPIX{number}"], header[f"CRVAL{number}"], header[f"CDELT{number}"] = 1.0, float(values[0]), float(step)
    header.update(_rest(cube.rest))
    return header


def _kind(cube: Cube) -> str:
    kinds = cube.spectral_axis.unit.physical_type
    if "speed" in kinds:
        return VELOCITIES.get(cube.convention or "", "VELO")
    if "length" in kinds:
        return "AWAV" if cube.medium == "air" else "WAVE"
    return next((name for kind, name in KINDS.items() if kind in kinds), "")


def _rest(rest: Any) -> dict[str, float]:
    """Rest frequency or wavelength in SI units, as FITS wants them."""
    import astropy.units as u

    if rest is None:
        return {}
    if rest.unit.is_equivalent(u.Hz):
        return {"RESTFRQ": float(rest.to_value(u.Hz))}
    return {"RESTWAV": float(rest.to_value(u.m))}
