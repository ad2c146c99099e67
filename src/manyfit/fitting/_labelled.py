"""Data of any kind with all that came with it: unit, WCS, mask, uncertainty, names of axes, coordinates."""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._unit_text import may_be_unit
from ._source import Source

if TYPE_CHECKING:
    from astropy.units import UnitBase


@dataclass(frozen=True)
class Labelled:
    """Values and their labels; a label that did not come with the values is None.

    Attributes
    ----------
    source
        The values.
    unit
        Unit of the values.
    wcs
        APE-14 WCS of all axes.
    mask
        True for bad values, broadcastable to the values.
    uncertainty
        ``NDUncertainty`` or array of standard deviations.
    names
        Names of the axes.
    coordinates
        One-dimensional coordinates (with units) for each axis, None for an axis without.
    """

    source: Source
    unit: UnitBase | None = None
    wcs: Any = None
    mask: Any = None
    uncertainty: Any = None
    names: tuple[Hashable, ...] | None = None
    coordinates: tuple[Any, ...] | None = None


# Names in the headers of older radio software, which write units in capitals.
CAPITALS = {
    "JY": "Jy",
    "BEAM": "beam",
    "KELVIN": "K",
    "KM": "km",
    "M": "m",
    "S": "s",
    "HZ": "Hz",
    "COUNTS": "count",
}


def unit_of(text: object) -> UnitBase | None:
    """The unit that a header or attribute names; None when there is none or it cannot be read.

    Examples
    --------
    >>> unit_of("Jy/beam"), unit_of("JY/BEAM"), unit_of("counts per bin, roughly")
    (Unit("Jy / beam"), Unit("Jy / beam"), None)
    """
    import astropy.units as u

    if text is None or isinstance(text, u.UnitBase):
        return text
    as_written = str(text).strip()
    if not may_be_unit(as_written):
        return None
    lowered = re.sub(r"[A-Z]+", lambda word: CAPITALS.get(word[0], word[0]), as_written)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)  # that "erg/s/cm2" has two slashes is no news
        for name in filter(None, (as_written, lowered)):
            try:
                return u.Unit(name)
            except ValueError:
                continue
    return None
