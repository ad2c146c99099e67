"""A picture of how counts are distributed over one axis: data, background and source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from manyfit.errors import InputError
from manyfit.plot._figure import add_axes, new_figure

from ._axes import AnyAxis, Axis, check_same

if TYPE_CHECKING:
    from matplotlib.axes import Axes as MatplotlibAxes

    from ._counts import Counts

COLOURS = {"data": "#222222", "background": "#3b6fb6", "source": "#c8452d"}
OTHERS = ("#2d8a5f", "#8c5fb0", "#b8860b")
LABELS = {
    "Time": "Time",
    "Em": "Measured energy",
    "Ei": "Photon energy",
    "Phi": "Compton scattering angle",
    "PsiChi": "Pixel of the scattering direction",
}


def plot_counts(counts: Mapping[str, Counts], axis: str = "Em", *, ax: MatplotlibAxes | None = None) -> MatplotlibAxes:
    """Draw distributions of counts over one axis as steps.

    Parameters
    ----------
    counts
        Counts by the name that is shown.
    axis
        Label of the axis; the counts are summed over the others.
    ax
        Axes to draw into; by default those of a new figure, found as ``ax.figure``.

    Raises
    ------
    InputError
        There is nothing to draw, or the axes differ.

    Examples
    --------
    >>> from manyfit.tsmap import Axes, Axis, Counts
    >>> data = Counts.from_dense(Axes([Axis("Em", [100, 1000, 10000], "log")]), [30, 4])
    >>> plot_counts({"data": data}).get_ylabel()
    'Counts'
    """
    if not counts:
        raise InputError("There are no counts to draw.")
    names = list(counts)
    first = counts[names[0]].axes
    for name in names[1:]:
        check_same(first, counts[name].axes, [axis], (names[0], name))
    drawn = add_axes(new_figure(6.4, 4.2)) if ax is None else ax
    others = iter(OTHERS * len(names))
    for name in names:
        projected = counts[name].project(axis).dense()
        drawn.stairs(projected, _edges(first[axis]), label=name, color=COLOURS.get(name) or next(others), linewidth=1.4)
    _dress(drawn, first[axis])
    return drawn


def _edges(axis: AnyAxis) -> list[float]:
    edges = axis.edges - axis.edges[0] if _is_time(axis) else getattr(axis, "edges", None)  # type: ignore[union-attr]
    return list(range(axis.n_bins + 1)) if edges is None else [float(e) for e in edges]


def _is_time(axis: AnyAxis) -> bool:
    return isinstance(axis, Axis) and axis.label == "Time"


def _dress(ax: MatplotlibAxes, axis: AnyAxis) -> None:
    if isinstance(axis, Axis) and axis.scale == "log":
        ax.set_xscale("log")
        ax.set_yscale("log")
    since = f" since {axis.edges[0]:.0f}" if isinstance(axis, Axis) and _is_time(axis) else ""
    unit = f" / {axis.unit}" if isinstance(axis, Axis) and axis.unit else ""
    ax.set_xlabel(f"{LABELS.get(axis.label, axis.label)}{since}{unit}")
    ax.set_ylabel("Counts")
    ax.margins(x=0)
    ax.legend(frameon=False)
