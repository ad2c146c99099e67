"""A map of classes, such as status codes: one colour each, named beside the map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from manyfit.errors import InputError
from manyfit.plot._colours import CLASSES
from manyfit.plot._figure import add_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_classes(
    codes: ArrayLike,
    names: Mapping[int, str],
    *,
    wcs: Any = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a map of whole numbers, each of which has a name, with a legend of those that occur.

    Parameters
    ----------
    codes
        Array (y, x) or (index,) of whole numbers.
    names
        Name of each number; its place in the mapping chooses the colour.
    wcs
        WCS of the two axes, as in `plot_map`.
    title
        Title of the axes.
    ax
        Axes to draw into; by default those of a new `matplotlib.figure.Figure`, found as ``ax.figure``.

    Raises
    ------
    InputError
        If the codes have not one or two axes, or one of them has no name.

    Examples
    --------
    >>> ax = plot_classes([[0, 1], [0, 0]], {0: "converged", 1: "at_bound", 2: "fallback"})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['converged', 'at_bound']
    """
    array = np.asarray(codes)
    present = [code for code in names if (array == code).any()]
    if array.ndim not in (1, 2) or not np.isin(array, list(names)).all():
        raise InputError(
            f"Codes of shape {array.shape} with the values {np.unique(array)[:20]} were given. "
            f"Give one or two axes of the codes {list(names)}."
        )
    if ax is None:
        ax = add_axes(new_figure(6.0, 4.8), wcs if array.ndim == 2 else None)
    _draw(ax, array, list(names))
    _legend(ax, {names[code]: _colour(list(names).index(code)) for code in present})
    if title is not None:
        ax.set_title(title)
    return ax


def _colour(place: int) -> str:
    return CLASSES[place % len(CLASSES)]


def _draw(ax: Axes, array: np.ndarray[Any, Any], codes: list[int]) -> None:
    """Each pixel in its colour; the places of a line are drawn as points."""
    from matplotlib.colors import ListedColormap

    places = np.select([array == code for code in codes], range(len(codes)), 0)
    colours = [_colour(place) for place in range(len(codes))]
    if array.ndim == 2:
        limits = (-0.5, len(codes) - 0.5)
        ax.imshow(places, cmap=ListedColormap(colours), clim=limits, origin="lower", interpolation="nearest")
        return
    ax.scatter(np.arange(array.size), array, c=[colours[place] for place in places], s=12)
    ax.set_xlabel("index")
    ax.set_yticks(np.unique(array))


def _legend(ax: Axes, colours: Mapping[str, str]) -> None:
    """Names beside the map, where others have their colour bar."""
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colour, label=name) for name, colour in colours.items()]
    if handles:
        ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(1.02, 1.0),
            borderaxespad=0,
            frameon=False,
            fontsize="small",
            handlelength=1,
        )
