"""One map (or one line, if there is but one axis) with its colour bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError
from manyfit.plot._colours import MODEL, colour_map
from manyfit.plot._figure import add_axes, new_figure
from manyfit.plot._limits import colour_limits

if TYPE_CHECKING:
    from astropy.units import UnitBase
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

#: Characters of a label above a colour bar, markup included; a longer one goes along the bar.
MOST_ABOVE = 36


def plot_map(
    values: ArrayLike,
    *,
    wcs: Any = None,
    unit: str | UnitBase | None = None,
    title: str | None = None,
    ax: Axes | None = None,
    percentile: tuple[float, float] = (1.0, 99.0),
    cmap: str | None = None,
    centred: bool | float = False,
    limits: tuple[float, float] | None = None,
    colorbar: bool = True,
    size: float | None = None,
) -> Axes:
    """Draw a map of two axes as an image, or of one axis as a line against its index.

    Parameters
    ----------
    values
        Array (y, x) or (index,), masked or not. What is masked, NaN or infinite is grey.
    wcs
        WCS of the two axes, for sky coordinates along the sides: any APE-14 WCS of two dimensions, or a FITS
        WCS with a celestial part. Not used for one axis, nor if `ax` is given.
    unit
        Unit of the values, the label of the colour bar.
    title
        Title of the axes.
    ax
        Axes to draw into; by default those of a new `matplotlib.figure.Figure`, found as ``ax.figure``.
    percentile
        Percentiles of the values at the ends of the colour scale.
    cmap
        Name of a colour map; by default viridis, or RdBu_r if `centred`.
    centred
        Put the middle of the colour scale at this number, or, if True, at the median: for velocities.
    limits
        Ends of the colour scale, in place of percentiles: for maps to be compared.
    colorbar
        Whether to draw a colour bar.
    size
        Size of the words at the colour bar, in points, with the unit above it. By default all words have one size,
        and the unit is along the bar.

    Returns
    -------
    ax
        The axes that were drawn into.

    Raises
    ------
    InputError
        If the values have not one or two axes, or the WCS has not two.

    Examples
    --------
    >>> ax = plot_map(np.arange(12.0).reshape(3, 4), unit="km/s", title="mean")
    >>> ax.figure.savefig("mean.png")  # doctest: +SKIP
    """
    array = _plain(values)
    if ax is None:
        ax = add_axes(new_figure(6.0, 4.8), wcs if array.ndim == 2 else None)
    if array.ndim == 1:
        _draw_line(ax, array, unit_label(unit))
    else:
        limits = limits or colour_limits(array, percentile, centre=_centre(array, centred))
        image = _draw_image(ax, array, limits, colour_map(cmap, centred=centred is not False))
        if colorbar:
            _draw_bar(ax, image, unit_label(unit), size)
    if title is not None:
        ax.set_title(title)
    return ax


def unit_label(unit: str | UnitBase | None) -> str:
    """The unit as it is written along an axis; nothing for no unit or a dimensionless one.

    >>> unit_label("km/s"), unit_label(None)
    ('km/s', '')
    """
    if unit is None or isinstance(unit, str):
        return unit or ""
    return str(unit.to_string("latex_inline")) if unit.to_string() else ""


def _plain(values: ArrayLike) -> NDArray[np.float64]:
    """A copy in float64 with NaN for all that cannot be shown."""
    array = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    if array.ndim not in (1, 2):
        raise InputError(
            f"The values have shape {array.shape}. A map has two axes, a line one: choose a plane of more "
            "axes by its index; a single value cannot be drawn."
        )
    return np.where(np.isfinite(array), array, np.nan)


def _centre(values: NDArray[np.float64], centred: bool | float) -> float | None:
    if centred is False:
        return None
    if centred is not True:
        return float(centred)
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0


def _draw_line(ax: Axes, values: NDArray[np.float64], label: str) -> None:
    ax.plot(np.arange(values.size), values, color=MODEL, marker=".", linewidth=1)
    ax.set_xlabel("index")
    ax.set_ylabel(label)


def _draw_bar(ax: Axes, image: AxesImage, label: str, size: float | None) -> None:
    """A colour bar beside the map and as high as it is, whatever its shape; few small words go above it."""
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.04, 0.0, 0.05, 1.0)))
    if power := _power(image.get_clim()):
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value / 10.0**power:.6g}")
        label = f"$10^{{{power}}}$ {label}"
    if size is not None:
        bar.ax.tick_params(labelsize=size)
    if size is None or len(label) > MOST_ABOVE:
        bar.set_label(label, fontsize=size)
    else:
        bar.ax.set_title(label, y=1.0, pad=4, loc="left", fontsize=size)


def _power(limits: tuple[float, float]) -> int:
    """The power of ten that goes to the label: matplotlib would write it over the title of the next map.

    >>> _power((-2e-17, 3e-16)), _power((0.0, 250.0))
    (-16, 0)
    """
    largest = max(abs(limit) for limit in limits)
    if largest == 0 or not math.isfinite(largest) or 1e-3 <= largest < 1e6:
        return 0
    return math.floor(math.log10(largest))


def _draw_image(ax: Axes, values: NDArray[np.float64], limits: tuple[float, float], colours: Colormap) -> AxesImage:
    low, high = limits
    return ax.imshow(values, vmin=low, vmax=high, cmap=colours, origin="lower", interpolation="nearest")
