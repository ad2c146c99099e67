"""Rest wavelengths of emission lines of nebulae and galaxies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.errors import InputError, unknown_name

if TYPE_CHECKING:
    from astropy.units import Quantity

#: In vacuum, in Å: the list of the Sloan Digital Sky Survey (DR7, "Table of spectral lines used in SDSS"), which rounds
#: the NIST Atomic Spectra Database.
VACUUM = {
    "[O II] 3727": 3727.09,
    "[O II] 3729": 3729.88,
    "Hgamma": 4341.68,
    "Hbeta": 4862.68,
    "[O III] 4959": 4960.30,
    "[O III] 5007": 5008.24,
    "[O I] 6300": 6302.05,
    "[O I] 6364": 6365.54,
    "[N II] 6548": 6549.86,
    "Halpha": 6564.61,
    "[N II] 6583": 6585.27,
    "[S II] 6716": 6718.29,
    "[S II] 6731": 6732.67,
}
MEDIA = ("air", "vacuum")


def rest_wavelength(name: str, medium: str) -> Quantity:
    """Rest wavelength of a line in air or in vacuum.

    Parameters
    ----------
    name
        A name of the table, such as ``"Halpha"`` or ``"[N II] 6583"``.
    medium
        ``"air"`` (standard air: 15 °C, 1013.25 hPa) or ``"vacuum"``.

    Raises
    ------
    InputError
        The name or the medium is not known.

    Examples
    --------
    >>> rest_wavelength("Halpha", "air").round(2), rest_wavelength("[O III] 5007", "air").round(2)
    (<Quantity 6562.8 Angstrom>, <Quantity 5006.84 Angstrom>)
    """
    import astropy.units as u

    if name not in VACUUM:
        raise unknown_name("line", name, VACUUM)
    if medium not in MEDIA:
        raise InputError(
            f"medium is {medium!r}. Say if wavelengths are those in 'air' or in 'vacuum': it makes 80 km/s."
        )
    return (to_air(VACUUM[name]) if medium == "air" else VACUUM[name]) * u.AA


def to_air(vacuum: Any) -> Any:
    r"""Wavelengths in standard air from those in vacuum, both in Å, by the dispersion formula of Ciddor.

    .. math:: 10^8 (n-1) = \frac{5792105}{238.0185-s^2} + \frac{167917}{57.362-s^2},\quad s = 10^4/\lambda_{vac}

    (Ciddor 1996, Appl. Opt. 35, 1566, eq. 1).

    Examples
    --------
    >>> round(to_air(6564.61), 3)
    6562.797
    """
    s2 = (1e4 / np.asarray(vacuum)) ** 2
    n = 1 + 1e-8 * (5792105 / (238.0185 - s2) + 167917 / (57.362 - s2))
    return float(vacuum / n) if np.ndim(vacuum) == 0 else vacuum / n
