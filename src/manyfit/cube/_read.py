"""`read`: a spectral cube from a file or from any object that holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from manyfit.cube._cube import Cube

if TYPE_CHECKING:
    from astropy.units import Quantity


def read(
    source: Any,
    *,
    spectral_unit: Any = None,
    convention: str | None = None,
    rest: Any = None,
    unit: Any = None,
    uncertainty: Any = None,
    gain: Any = None,
    mask: Any = None,
    hdu: str | int | None = None,
    spectral_axis: int | str | Quantity | None = None,
    medium: str | None = None,
) -> Cube:
    """Read a spectral cube (in work)."""
    raise NotImplementedError
