"""`noise`: the standard deviation of the noise of each spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from manyfit.cube._cube import Cube

if TYPE_CHECKING:
    from astropy.units import Quantity


def noise(cube: Cube, *, method: str = "mad", channels: Any = None, gain: Any = None) -> Quantity:
    """Estimate the noise (in work)."""
    raise NotImplementedError
