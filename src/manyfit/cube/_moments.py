"""`moments`: peak, moments 0, 1 and 2, line width and equivalent width of each spectrum, with errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from manyfit.cube._cube import Cube

if TYPE_CHECKING:
    from astropy.units import Quantity

NAMES = ("peak", "moment0", "moment1", "moment2", "linewidth", "equivalent_width")


@dataclass(frozen=True, eq=False)
class Moments(Mapping[str, "Quantity"]):
    """Maps of the moments of spectra, by name, with units.

    Attributes
    ----------
    maps
        Maps by name: ``peak``, ``moment0``, ``moment1``, ``moment2``, ``linewidth``, ``equivalent_width``.
    error
        Standard deviations by the same names.
    wcs
        Low-level WCS of the maps, or None.
    """

    maps: Mapping[str, Quantity]
    error: Mapping[str, Quantity]
    wcs: Any = None

    def __getitem__(self, name: str) -> Quantity:
        return self.maps[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.maps)

    def __len__(self) -> int:
        return len(self.maps)


def moments(cube: Cube, signal: Any = None, *, noise: Any = None) -> Moments:
    """Moments of each spectrum (in work)."""
    raise NotImplementedError
