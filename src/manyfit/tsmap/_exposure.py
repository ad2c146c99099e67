"""How long each pixel of a response looked at a position: attitude, livetime, Earth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._exposure_kernel import exposures
from ._occultation import horizon

if TYPE_CHECKING:
    from ._orientation import Orientation

Array = NDArray[np.float64]
Csr = tuple[NDArray[np.int64], NDArray[np.int64], Array]


@dataclass(frozen=True, eq=False)
class Exposure:
    """Attitudes of a response's grid in the galactic frame, and how long each was held.

    Attributes
    ----------
    attitudes
        Axes of the grid as columns, (time, 3, 3).
    seconds
        Livetime, (time,).
    zenith, horizon
        Unit vectors (time, 3) and cosines (time,) for the Earth; empty if it hides nothing.
    nside
        Of the response's grid of directions.

    Examples
    --------
    >>> starts, pixels, seconds = fixed_exposure(1, "galactic").of(np.array([[0.0, 0.0, 1.0]]))
    >>> pixels.tolist(), seconds.tolist()
    ([0, 1, 2, 3], [0.25, 0.25, 0.25, 0.25])
    """

    attitudes: Array
    seconds: Array
    zenith: Array
    horizon: Array
    nside: int

    def of(self, vectors: Array) -> Csr:
        """Seconds of each pixel (RING) for galactic unit vectors (position, 3): starts of rows, pixels, seconds."""
        colatitudes = ring_colatitudes(self.nside)
        return exposures(
            np.ascontiguousarray(vectors),
            self.attitudes,
            self.seconds,
            self.zenith,
            self.horizon,
            colatitudes,
            self.nside,
        )


def pointed_exposure(orientation: Orientation, nside: int, *, occultation: bool = False) -> Exposure:
    """Exposure of a detector response: the attitude of each interval, weighted with its livetime.

    Raises
    ------
    InputError
        There is no livetime, or no position of the Earth for its occultation.
    """
    live = orientation.livetime > 0.0
    if not live.any():
        raise InputError(f"{orientation.path!r} has no livetime in this range. Give a range with observations.")
    zenith, edge = _earth(orientation, live) if occultation else (np.empty((0, 3)), np.empty(0))
    attitudes = np.ascontiguousarray(orientation.attitudes[:-1][live])
    return Exposure(attitudes, np.ascontiguousarray(orientation.livetime[live]), zenith, edge, nside)


def fixed_exposure(nside: int, frame: str) -> Exposure:
    """A response on a grid that is fixed on the sky, with the times already multiplied in."""
    axes = np.eye(3)
    if frame == "icrs":
        from astropy.coordinates import CartesianRepresentation, SkyCoord

        icrs = SkyCoord(CartesianRepresentation(*axes), frame="icrs")
        axes = icrs.galactic.cartesian.xyz.value
    return Exposure(np.ascontiguousarray(axes[None]), np.ones(1), np.empty((0, 3)), np.empty(0), nside)


def ring_colatitudes(nside: int) -> Array:
    """Colatitudes of the rings of a HEALPix grid, from north to south, (4 nside - 1,).

    >>> np.cos(ring_colatitudes(1)).round(6).tolist()
    [0.666667, 0.0, -0.666667]
    """
    cap = np.arange(1, nside)
    belt = (2.0 - np.arange(nside, 2 * nside) / nside) * 2.0 / 3.0
    # 1 - z is small near the pole: an arc cosine would lose digits
    north = np.concatenate([2.0 * np.arcsin(cap / (nside * np.sqrt(6.0))), np.arccos(belt)])
    return np.concatenate([north, [0.5 * np.pi], np.pi - north[::-1]])


def _earth(orientation: Orientation, live: NDArray[np.bool_]) -> tuple[Array, Array]:
    from ._orientation import vectors

    if orientation.zenith is None or orientation.altitude is None:
        raise InputError(
            f"{orientation.path!r} does not say where the Earth is, so occultation=True is not possible. Give a file "
            "with altitude and Earth zenith, or leave it out."
        )
    return vectors(orientation.zenith[:-1][live]), horizon(orientation.altitude[:-1][live])
