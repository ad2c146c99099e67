"""New figures and axes, free of the global state of pyplot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from manyfit.errors import InputError

if TYPE_CHECKING:
    from astropy.visualization.wcsaxes import WCSAxes
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LABELS = {
    "pos.eq.ra": "Right ascension",
    "pos.eq.dec": "Declination",
    "pos.galactic.lon": "Galactic longitude",
    "pos.galactic.lat": "Galactic latitude",
}


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """A figure, in inches, that nothing but its caller holds on to: it is gone when the caller drops it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


def add_axes(figure: Figure, wcs: Any = None, position: tuple[int, int, int] = (1, 1, 1)) -> Axes:
    """Axes at a place of a grid (rows, columns, number from 1); with sky coordinates if there is a WCS."""
    if wcs is None:
        return figure.add_subplot(*position)
    flat = plane(wcs)
    ax: WCSAxes = figure.add_subplot(*position, projection=flat)
    for coordinate, kind in zip(ax.coords, flat.world_axis_physical_types, strict=True):
        coordinate.set_auto_axislabel(False)  # it would say "pos.eq.ra"
        coordinate.set_axislabel(LABELS.get(kind, kind or ""))
    return cast("Axes", ax)


def plane(wcs: Any) -> Any:
    """The two-dimensional low-level WCS of an image: the given one, or its celestial part.

    Raises
    ------
    InputError
        If the WCS has not two dimensions and no celestial part.
    """
    from astropy.wcs.wcsapi import BaseHighLevelWCS

    low_level = wcs.low_level_wcs if isinstance(wcs, BaseHighLevelWCS) else wcs
    if low_level.pixel_n_dim == 2:
        return low_level
    celestial = getattr(low_level, "celestial", None)  # of a FITS WCS
    if celestial is not None and celestial.naxis == 2:
        return celestial
    raise InputError(
        f"The WCS has {low_level.pixel_n_dim} pixel axes and no celestial part. "
        "Give the WCS of the two axes of the map."
    )
