"""How a result is laid out in a FITS file, and what a header can hold only as text.

The primary header has all that belongs to the whole: model, statistic, units, names and kinds of the
parameters. Each parameter has an image of its values and one of its errors; then come statistic, counts,
status and covariances. Images are recognised by the keywords ``CONTENT`` and ``PARNAME``; ``EXTNAME`` is for
people.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from manyfit._unit_text import may_be_unit
from manyfit.errors import InputError

if TYPE_CHECKING:
    from astropy.units import UnitBase

FORMAT = 1
CONTENT = "manyfit result"
KINDS = ("free", "fixed", "tied")
#: Extension of each map that is no parameter.
MAPS = {
    "statistic": "STATISTIC",
    "dof": "DOF",
    "n_points": "NPOINTS",
    "n_iter": "NITER",
    "status": "STATUS",
    "covariance": "COVARIANCE",
    "tracebacks": "TRACEBACKS",
}


def extension_names(parameters: Iterable[str]) -> dict[str, str]:
    """A name for the extension of each parameter, that is no other's even where case does not count.

    >>> extension_names(["mean_0", "status", "a", "A"])
    {'mean_0': 'MEAN_0', 'status': 'STATUS_2', 'a': 'A', 'A': 'A_2'}
    """
    taken = set(MAPS.values()) | {"PRIMARY"}
    names = {}
    for parameter in parameters:
        base, number = to_ascii(parameter).upper(), 1
        name = base
        while name in taken or f"{name}_ERR" in taken:
            number += 1
            name = f"{base}_{number}"
        taken |= {name, f"{name}_ERR"}
        names[parameter] = name
    return names


def to_ascii(text: str) -> str:
    r"""Text as FITS allows it; `from_ascii` gives it back.

    >>> to_ascii("σ"), from_ascii(to_ascii("σ"))
    ('\\u03c3', 'σ')
    """
    return text.replace("\\", "\\\\").encode("ascii", "backslashreplace").decode("ascii")


def from_ascii(text: str) -> str:
    """Text that `to_ascii` has written."""
    return text.encode("ascii").decode("unicode_escape")


def unit_text(unit: UnitBase) -> str:
    """A unit as FITS writes it, or as astropy does where FITS has no word for it.

    >>> import astropy.units as u
    >>> unit_text(u.km / u.s), unit_text(u.K / u.lsec)
    ('km s-1', 'K / lsec')
    """
    import astropy.units as u

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)  # units that FITS calls deprecated are units still
        try:
            text = str(unit.to_string("fits"))
            if u.Unit(text, format="fits") == unit:
                return text
        except ValueError:
            pass
    return str(unit.to_string())


def unit_from_text(text: str) -> UnitBase:
    """A unit that `unit_text` has written."""
    import astropy.units as u

    if not may_be_unit(text):
        raise InputError(f"{text[:40]!r} is no unit.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            return u.Unit(text, format="fits")
        except ValueError:
            return u.Unit(text)
