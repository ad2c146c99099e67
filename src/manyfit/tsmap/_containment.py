"""Where the source may be: the smallest set of pixels that holds it with a probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError, unknown_name

from ._confidence import containment_level
from ._grid import Grid, Pixels
from ._lookup import Lookup
from ._mesh import icrs_mesh

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.units import Quantity

    from ._ts_map import TSMap

Array = NDArray[np.float64]

METHODS = ("chi2", "posterior")
FOLLOWED = 4096  # pixels whose edges are followed closely by a MOC; those of larger regions less so


@dataclass(frozen=True, eq=False, repr=False)
class Region:
    """Pixels of a map that hold the source with a probability.

    Attributes
    ----------
    grid
        The positions of the map.
    pixels
        Places in the map of the pixels of the region, highest TS first.
    containment
        The probability asked for.
    method
        ``"chi2"`` or ``"posterior"``.
    lowest_ts
        TS of the faintest pixel of the region.
    probability
        Posterior probability of the pixels together.
    """

    grid: Grid
    pixels: Pixels
    containment: float
    method: str
    lowest_ts: float
    probability: float

    @property
    def area(self) -> Quantity:
        """Area in square degrees."""
        from astropy import units as u

        return (float(self.grid.area[self.pixels].sum()) * u.sr).to(u.deg**2)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Which positions of the map lie in the region, (position,)."""
        mask = np.zeros(len(self.grid), np.bool_)
        mask[self.pixels] = True
        return mask

    @property
    def moc(self) -> Any:
        """The region as a `mocpy.MOC`, which is in ICRS.

        A grid in ICRS gives its own pixels. The pixels of a galactic grid are followed by ICRS pixels of an eighth of
        their width (a half in regions of thousands), those whose centres lie inside; the area is then near `area`.
        """
        mocpy = _mocpy()
        part = self.part
        finer = np.full(len(part), 3 if len(part) <= FOLLOWED else 1)
        cells, place = icrs_mesh(part, finer)
        inside = place >= 0
        level = cells.level[inside].astype(np.uint8)
        top = int(level.max())
        return mocpy.MOC.from_healpix_cells(cells.nested[inside].astype(np.uint64), level, top)

    @property
    def part(self) -> Grid:
        """The pixels of the region as a grid."""
        from ._grid import chosen

        return chosen(self.grid, self.mask)

    def contains(self, position: SkyCoord) -> NDArray[np.bool_]:
        """Whether positions, in any frame, lie in the region."""
        place = Lookup(self.grid).at_skycoord(position)
        return (place >= 0) & self.mask[place]

    def __len__(self) -> int:
        """Number of pixels."""
        return self.pixels.size

    def __repr__(self) -> str:
        """One line."""
        pixels = "pixel" if len(self) == 1 else "pixels"
        return f"<Region: {100 * self.containment:g} % ({self.method}), {self.area:.4g}, {len(self)} {pixels}>"


def containment(tsmap: TSMap, probability: float, method: str) -> Region:
    """The region of a map; see `TSMap.containment`."""
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    fall = containment_level(probability)
    ts, area = source_ts(tsmap), tsmap.grid.area
    if np.all(np.isnan(ts)):
        raise InputError("No position of the map could be fitted, so no region holds a source. See summary().")
    share = posterior(ts, area)
    order = np.argsort(-np.nan_to_num(ts, nan=-np.inf, posinf=np.inf), kind="stable")
    if method == "chi2":
        n = int(np.count_nonzero(ts >= np.nanmax(ts) - fall))
    else:
        n = int(np.searchsorted(np.cumsum(share[order]), probability * (1 - 1e-12)) + 1)
    pixels = order[: max(1, min(n, len(order)))]
    return Region(tsmap.grid, pixels, probability, method, float(ts[pixels[-1]]), float(share[pixels].sum()))


def source_ts(tsmap: TSMap) -> Array:
    """TS of a source that shines: that of a negative norm says nothing for a source, and counts as zero."""
    return np.where((tsmap.norm < 0) & ~np.isnan(tsmap.ts), 0.0, tsmap.ts)


def posterior(ts: Array, area: Array) -> Array:
    r"""Probability that the source lies in each pixel, (pixel,), with sum 1.

    With a flat prior on the sky, :math:`P_p \propto \Omega_p \exp(TS_p / 2)`: the likelihood of the best norm. A pixel
    without TS has none; where TS is infinite the probability is shared.

    Examples
    --------
    >>> posterior(np.array([10.0, 10.0, np.nan, 0.0]), np.array([1.0, 1.0, 1.0, 2.0])).round(3).tolist()
    [0.497, 0.497, 0.0, 0.007]
    """
    peak = np.nanmax(ts)
    fall = np.where(ts == peak, 0.0, np.nan_to_num(ts, nan=-np.inf) - min(peak, np.finfo(float).max))
    weight = area * np.exp(0.5 * fall)
    return np.asarray(weight / weight.sum())


def _mocpy() -> Any:
    try:
        import mocpy
    except ImportError as error:
        raise InputError('A MOC needs the package mocpy. Install it by pip install "manyfit[tsmap]".') from error
    return mocpy
