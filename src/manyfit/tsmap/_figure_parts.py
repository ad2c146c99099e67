"""What all figures of TS maps share: the image, outlines of regions, markers, title and legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from manyfit.plot._colours import colour_map

from ._lookup import Lookup

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from ._ts_map import TSMap

Array = NDArray[np.float64]

STYLES = ("solid", "dashed", "dotted")
HALO = "black"


@dataclass(frozen=True, eq=False)
class View:
    """What to draw, see `TSMap.plot`."""

    name: str
    frame: str
    containment: float | tuple[float, ...] | None = None
    method: str = "chi2"
    true_position: SkyCoord | None = None
    limits: tuple[float, float] | None = None
    cmap: str | None = None
    title: str | None = None

    @property
    def levels(self) -> tuple[float, ...]:
        """Containments of the regions to outline."""
        if self.containment is None:
            return ()
        return self.containment if isinstance(self.containment, tuple) else (self.containment,)


def places(tsmap: TSMap, lon: Array, lat: Array, frame: str) -> NDArray[np.int64]:
    """The position of the map at each place of an image, -1 outside."""
    found = np.full(lon.shape, -1, np.int64)
    on_sky = np.isfinite(lon) & np.isfinite(lat)
    found[on_sky] = Lookup(tsmap.grid).at_frame(lon[on_sky], lat[on_sky], frame)
    return found


def image(values: Array, place: NDArray[np.int64]) -> Array:
    """Values at places; NaN outside."""
    return np.append(values, np.nan)[place]


def draw_image(ax: Axes, view: View, shown: Array, extent: tuple[float, float, float, float] | None) -> AxesImage:
    low, high = limits_of(view, shown)
    colours = colour_map(view.cmap)
    return ax.imshow(
        np.where(np.isfinite(shown), shown, np.nan),
        origin="lower",
        extent=extent,
        cmap=colours,
        vmin=low,
        vmax=high,
        interpolation="nearest",
        zorder=1,
    )


def limits_of(view: View, shown: Array) -> tuple[float, float]:
    finite = shown[np.isfinite(shown)]
    if view.limits is not None or not finite.size:
        return view.limits or (0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def draw_regions(ax: Axes, tsmap: TSMap, view: View, place: NDArray[np.int64], extent: Any) -> None:
    """Outlines of regions, along the edges of their pixels."""
    for level, style in zip(view.levels, STYLES * len(view.levels), strict=False):
        region = tsmap.containment(level, method=view.method)
        inside = np.append(region.mask, False)[place]
        if inside.any() and not inside.all():
            outline = {"levels": [0.5], "origin": "lower", "extent": extent, "zorder": 7}
            ax.contour(inside.astype(float), colors=HALO, linewidths=2.6, **outline)
            ax.contour(inside.astype(float), colors="white", linewidths=1.2, linestyles=style, **outline)
        name = f"{100 * level:g} % region, {region.area.value:,.3g} deg²"
        ax.plot([], [], color="white", linewidth=1.2, linestyle=style, label=name, path_effects=_halo())


def _halo() -> list[Any]:
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=2.6, foreground=HALO), Normal()]


def marked(tsmap: TSMap, view: View) -> list[tuple[SkyCoord, dict[str, Any]]]:
    """Positions with markers: the peak, and the true position if it is known."""
    marker = {"linestyle": "none", "zorder": 8}
    found: list[tuple[SkyCoord, dict[str, Any]]] = []
    if not np.all(np.isnan(tsmap.ts)):
        ring = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "markeredgecolor": "white"}
        found.append(
            (tsmap.peak.position, marker | ring | {"markeredgewidth": 1.4, "path_effects": _halo(), "label": "peak"})
        )
    if view.true_position is not None:
        cross = {"marker": "x", "markersize": 8, "markeredgecolor": "#ff4d4d", "markeredgewidth": 2.0}
        found.append((view.true_position, marker | cross | {"label": "true position"}))
    return found


def directions(position: SkyCoord, frame: str) -> tuple[Array, Array]:
    there = position.transform_to(frame).spherical
    return np.atleast_1d(there.lon.deg), np.atleast_1d(there.lat.deg)


def finish(ax: Axes, view: View, what: str) -> None:
    """Title and legend."""
    words = " · ".join(part for part in (view.title, what) if part)
    if words:
        ax.set_title(words, fontsize=10)
    if ax.get_legend_handles_labels()[1]:
        corner: Literal["lower right", "upper right"] = "lower right" if what else "upper right"
        ax.legend(loc=corner, fontsize=8, facecolor="0.85", edgecolor="none", framealpha=0.9)
