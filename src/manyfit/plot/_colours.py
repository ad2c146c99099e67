"""The colours of all pictures, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"
MISSING = "0.75"
DATA = "0.35"
MODEL = "#c1272d"
BAND = "0.9"
#: For classes, after Paul Tol's bright scheme (https://sronpersonalpages.nl/~pault), with greys.
CLASSES = (
    *("#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#bfbfbf"),
    *("#999999", "#aa3377", "#994455", "#000000", "#e5e5e5", "#ee8866"),
)


def colour_map(name: str | None = None, *, centred: bool = False) -> Colormap:
    """A colour map that shows missing values grey.

    Parameters
    ----------
    name
        A name of matplotlib; by default viridis, or RdBu_r for values on both sides of a centre.
    centred
        Whether the default is the one for values on both sides of a centre.

    Raises
    ------
    ValueError
        If matplotlib does not know the name.

    Examples
    --------
    >>> colour_map(centred=True).name
    'RdBu_r'
    """
    from matplotlib import colormaps

    return colormaps.get_cmap(name or (DIVERGING if centred else SEQUENTIAL)).with_extremes(bad=MISSING)
