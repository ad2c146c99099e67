"""Figures of TS maps: the whole sky, and the part of it around a position, pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError, unknown_name
from manyfit.plot._colours import colour_map
from manyfit.plot._figure import add_axes, new_figure

from . import _mollweide
from ._columns import WORDS, columns
from ._figure_parts import View, directions, draw_image, draw_regions, finish, image, limits_of, marked, places
from ._grid import FRAMES
from ._lookup import turned

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ._ts_map import TSMap

Array = NDArray[np.float64]

WIDTH = 800  # pixels of the image of the whole sky
ZOOM = 360  # of the image of a part
LABELS = {"ts": "TS", "sqrt_ts": "√TS", "probability": "probability of the pixel"}
TYPES = {"galactic": ("GLON", "GLAT"), "icrs": ("RA--", "DEC-")}


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
        shown = draw_image(ax, view, image(values, place), (-2.0, 2.0, -1.0, 1.0))
        shown.set_clip_path(edge)
        draw_regions(ax, tsmap, view, place, (-2.0, 2.0, -1.0, 1.0))
    _mark_positions(ax, tsmap, view, centre)
    bar = figure.add_axes((0.27, 0.105, 0.46, 0.022))
    figure.colorbar(shown, cax=bar, orientation="horizontal", label=label)
    finish(ax, view, "Galactic" if view.frame == "galactic" else "ICRS")
    return figure


def _draw_points(ax: Axes, tsmap: TSMap, view: View, values: Array) -> Any:
    """A list of positions as dots."""
    lon, lat = turned(tsmap.grid.lon, tsmap.grid.lat, tsmap.grid.frame, view.frame)
    low, high = limits_of(view, values)
    x, y = _mollweide.forward(lon, lat, _mollweide.CENTRES[view.frame])
    return ax.scatter(
        x, y, c=values, s=14, cmap=colour_map(view.cmap), vmin=low, vmax=high, plotnonfinite=True, zorder=6
    )


def _mark_positions(ax: Axes, tsmap: TSMap, view: View, centre: float) -> None:
    for position, style in marked(tsmap, view):
        x, y = _mollweide.forward(*directions(position, view.frame), centre)
        ax.plot(x, y, **style)


# -- a part of it --------------------------------------------------------------------------------------------


def _draw_part(tsmap: TSMap, view: View, values: Array, label: str, width: float, centre: SkyCoord | None) -> Figure:
    tsmap.grid.unique()  # an error for a list of positions
    figure = new_figure(6.6, 5.4, layout=None)
    figure.subplots_adjust(left=0.13, right=0.84, bottom=0.11, top=0.95)
    lon, lat = directions(tsmap.peak.position if centre is None else centre, view.frame)
    wcs = tangent_wcs(float(lon[0]), float(lat[0]), width, view.frame)
    ax: Any = add_axes(figure, wcs)
    x, y = np.meshgrid(np.arange(ZOOM), np.arange(ZOOM))
    sky_lon, sky_lat = wcs.wcs_pix2world(x, y, 0)
    place = places(tsmap, sky_lon, sky_lat, view.frame)
    shown = draw_image(ax, view, image(values, place), None)
    draw_regions(ax, tsmap, view, place, None)
    for position, style in marked(tsmap, view):
        at_x, at_y = wcs.wcs_world2pix(*directions(position, view.frame), 0)
        if 0 <= at_x[0] < ZOOM and 0 <= at_y[0] < ZOOM:
            ax.plot(at_x, at_y, **style)
    ax.coords.grid(color="white", alpha=0.35, linestyle="solid", linewidth=0.5)
    ax.set_xlim(-0.5, ZOOM - 0.5)
    ax.set_ylim(-0.5, ZOOM - 0.5)
    figure.colorbar(shown, cax=figure.add_axes((0.86, 0.11, 0.025, 0.84)), label=label)
    finish(ax, view, "")
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
