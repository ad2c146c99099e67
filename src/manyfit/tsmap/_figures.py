"""Figures of TS maps: the whole sky, and the part of it around a position, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError, unknown_name
from manyfit.plot._colours import colour_map
from manyfit.plot._figure import add_axes, new_figure

from . import _mollweide
from ._columns import WORDS, columns
from ._grid import FRAMES
from ._lookup import Lookup, turned

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from ._ts_map import TSMap

Array = NDArray[np.float64]
Image = NDArray[Any]

WIDTH = 900  # pixels of the image of the whole sky
ZOOM = 360  # of the image of a part
LABELS = {"ts": "TS", "sqrt_ts": "√TS", "probability": "probability of the pixel"}
STYLES = ("solid", "dashed", "dotted")
TYPES = {"galactic": ("GLON", "GLAT"), "icrs": ("RA--", "DEC-")}
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


def draw(tsmap: TSMap, view: View, zoom: Any = None, centre: SkyCoord | None = None) -> Figure:
    """The whole sky, or a part that is `zoom` wide."""
    if view.frame not in FRAMES:
        raise unknown_name("frame", view.frame, FRAMES)
    values, label = _values(tsmap, view.name)
    if zoom is None:
        return _draw_sky(tsmap, view, values, label)
    return _draw_part(tsmap, view, values, label, _width(zoom), centre)


def _values(tsmap: TSMap, name: str) -> tuple[Array, str]:
    """A map and what to write beside it."""
    if name == "probability":
        return tsmap.probability, LABELS[name]
    found = {each.name: each for each in columns(tsmap)}
    if name not in found:
        raise unknown_name("Map", name, [*found, "probability"])
    column = found[name]
    unit = " (ph cm⁻² s⁻¹)" if column.unit else ""
    return column.values.astype(np.float64), LABELS.get(name, WORDS[name]) + unit


def _width(zoom: Any) -> float:
    from astropy.coordinates import Angle

    width = float(Angle(zoom, "deg").deg)
    if not 0.0 < width <= 120.0:
        raise InputError(f"zoom is {zoom!r}. Give the width of a part of the sky, above 0 and up to 120 deg.")
    return width


# -- the whole sky -------------------------------------------------------------------------------------------


def _draw_sky(tsmap: TSMap, view: View, values: Array, label: str) -> Figure:
    figure = new_figure(9.0, 5.4, layout=None)  # places are known: to find them costs as much as to draw
    ax = figure.add_axes((0.02, 0.14, 0.96, 0.81))
    centre = _mollweide.CENTRES[view.frame]
    edge = _mollweide.draw_graticule(ax, view.frame)
    if tsmap.grid.uniq is None:
        shown = _draw_points(ax, tsmap, view, values)
    else:
        lon, lat = _mollweide.inverse(*_mollweide.raster(WIDTH), centre)
        place = places(tsmap, lon, lat, view.frame)
        shown = _draw_image(ax, view, image(values, place), (-2.0, 2.0, -1.0, 1.0))
        shown.set_clip_path(edge)
        _draw_regions(ax, tsmap, view, place, (-2.0, 2.0, -1.0, 1.0))
    _mark_positions(ax, tsmap, view, centre)
    bar = figure.add_axes((0.27, 0.105, 0.46, 0.022))
    figure.colorbar(shown, cax=bar, orientation="horizontal", label=label)
    _finish(ax, view, "Galactic" if view.frame == "galactic" else "ICRS")
    return figure


def places(tsmap: TSMap, lon: Array, lat: Array, frame: str) -> NDArray[np.int64]:
    """The position of the map at each place of an image, -1 outside."""
    found = np.full(lon.shape, -1, np.int64)
    on_sky = np.isfinite(lon) & np.isfinite(lat)
    found[on_sky] = Lookup(tsmap.grid).at_frame(lon[on_sky], lat[on_sky], frame)
    return found


def image(values: Array, place: NDArray[np.int64]) -> Array:
    """Values at places; NaN outside."""
    return np.append(values, np.nan)[place]


def _draw_image(ax: Axes, view: View, shown: Array, extent: tuple[float, float, float, float] | None) -> AxesImage:
    low, high = _limits(view, shown)
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


def _limits(view: View, shown: Array) -> tuple[float, float]:
    finite = shown[np.isfinite(shown)]
    if view.limits is not None or not finite.size:
        return view.limits or (0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _draw_points(ax: Axes, tsmap: TSMap, view: View, values: Array) -> Any:
    """A list of positions as dots."""
    lon, lat = turned(tsmap.grid.lon, tsmap.grid.lat, tsmap.grid.frame, view.frame)
    low, high = _limits(view, values)
    x, y = _mollweide.forward(lon, lat, _mollweide.CENTRES[view.frame])
    return ax.scatter(
        x, y, c=values, s=14, cmap=colour_map(view.cmap), vmin=low, vmax=high, plotnonfinite=True, zorder=6
    )


def _mark_positions(ax: Axes, tsmap: TSMap, view: View, centre: float) -> None:
    for position, style in _marked(tsmap, view):
        x, y = _mollweide.forward(*_directions(position, view.frame), centre)
        ax.plot(x, y, **style)


# -- a part of it --------------------------------------------------------------------------------------------


def _draw_part(tsmap: TSMap, view: View, values: Array, label: str, width: float, centre: SkyCoord | None) -> Figure:
    tsmap.grid.unique()  # an error for a list of positions
    figure = new_figure(6.6, 5.4, layout=None)
    figure.subplots_adjust(left=0.13, right=0.84, bottom=0.11, top=0.95)
    lon, lat = _directions(tsmap.peak.position if centre is None else centre, view.frame)
    wcs = tangent_wcs(float(lon[0]), float(lat[0]), width, view.frame)
    ax: Any = add_axes(figure, wcs)
    x, y = np.meshgrid(np.arange(ZOOM), np.arange(ZOOM))
    sky_lon, sky_lat = wcs.wcs_pix2world(x, y, 0)
    place = places(tsmap, sky_lon, sky_lat, view.frame)
    shown = _draw_image(ax, view, image(values, place), None)
    _draw_regions(ax, tsmap, view, place, None)
    for position, style in _marked(tsmap, view):
        at_x, at_y = wcs.wcs_world2pix(*_directions(position, view.frame), 0)
        if 0 <= at_x[0] < ZOOM and 0 <= at_y[0] < ZOOM:
            ax.plot(at_x, at_y, **style)
    ax.coords.grid(color="white", alpha=0.35, linestyle="solid", linewidth=0.5)
    ax.set_xlim(-0.5, ZOOM - 0.5)
    ax.set_ylim(-0.5, ZOOM - 0.5)
    figure.colorbar(shown, cax=figure.add_axes((0.86, 0.11, 0.025, 0.84)), label=label)
    _finish(ax, view, "")
    return figure


def tangent_wcs(lon: float, lat: float, width: float, frame: str) -> Any:
    """The WCS of a square image in the tangential projection."""
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"{kind}-TAN" for kind in TYPES[frame]]
    wcs.wcs.crval = [lon, lat]
    wcs.wcs.crpix = [0.5 * (ZOOM + 1)] * 2
    scale = 2.0 * np.degrees(np.tan(np.radians(0.5 * width))) / ZOOM
    wcs.wcs.cdelt = [-scale, scale]
    if frame == "icrs":
        wcs.wcs.radesys = "ICRS"
    wcs.wcs.set()
    return wcs


# -- what both have ------------------------------------------------------------------------------------------


def _draw_regions(ax: Axes, tsmap: TSMap, view: View, place: NDArray[np.int64], extent: Any) -> None:
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


def _marked(tsmap: TSMap, view: View) -> list[tuple[SkyCoord, dict[str, Any]]]:
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


def _directions(position: SkyCoord, frame: str) -> tuple[Array, Array]:
    there = position.transform_to(frame).spherical
    return np.atleast_1d(there.lon.deg), np.atleast_1d(there.lat.deg)


def _finish(ax: Axes, view: View, what: str) -> None:
    """Title and legend."""
    words = " · ".join(part for part in (view.title, what) if part)
    if words:
        ax.set_title(words, fontsize=10)
    if ax.get_legend_handles_labels()[1]:
        corner: Literal["lower right", "upper right"] = "lower right" if what else "upper right"
        ax.legend(loc=corner, fontsize=8, facecolor="0.85", edgecolor="none", framealpha=0.9)
