"""The projection of Mollweide, of equal areas: the sky as an ellipse of half-axes 2 and 1, longitude to the left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Ellipse

Array = NDArray[np.float64]

#: Longitude at the centre: the centre of the Galaxy; 12 h.
CENTRES = {"galactic": 0.0, "icrs": 180.0}
STEPS = 6  # of Newton's method, from a start that is near


def inverse(x: Array, y: Array, centre: float) -> tuple[Array, Array]:
    """Longitude and latitude in deg of places in the plane; NaN outside of the ellipse.

    Examples
    --------
    >>> lon, lat = inverse(np.array([0.0, -1.0, 2.0]), np.array([0.0, 0.0, 0.5]), 0.0)
    >>> lon.tolist(), lat.tolist()
    ([0.0, 90.0, nan], [0.0, 0.0, nan])
    """
    outside = 0.25 * x**2 + y**2 > 1.0
    theta = np.arcsin(np.clip(y, -1.0, 1.0))
    lat = np.degrees(np.arcsin(np.clip((2.0 * theta + np.sin(2.0 * theta)) / np.pi, -1.0, 1.0)))
    lon = (centre - 90.0 * x / np.maximum(np.cos(theta), 1e-12)) % 360.0
    return np.where(outside, np.nan, lon), np.where(outside, np.nan, lat)


def forward(lon: Array, lat: Array, centre: float) -> tuple[Array, Array]:
    """Places in the plane of directions in deg.

    Examples
    --------
    >>> x, y = forward(np.array([90.0, 200.0]), np.array([0.0, 90.0]), 0.0)
    >>> x.round(6).tolist(), y.round(6).tolist()
    ([-1.0, 0.0], [0.0, 1.0])
    """
    # with u = pi - 2 theta the equation is u - sin(u) = goal, and u**3 / 6 = goal near the pole
    goal = 2.0 * np.pi * np.sin(np.radians(0.5 * (90.0 - np.abs(lat)))) ** 2
    u = np.cbrt(6.0 * goal)
    for _ in range(STEPS):
        u = u - (u - np.sin(u) - goal) / np.maximum(2.0 * np.sin(0.5 * u) ** 2, 1e-300)
    theta = np.copysign(0.5 * (np.pi - u), lat)
    off = (np.asarray(centre - np.asarray(lon)) + 180.0) % 360.0 - 180.0
    return off / 90.0 * np.cos(theta), np.sin(theta)


def raster(width: int) -> tuple[Array, Array]:
    """Places of the centres of the pixels of an image, (width / 2, width) each."""
    side = (np.arange(width) + 0.5) / width
    x, y = np.meshgrid(4.0 * side - 2.0, 2.0 * side[: width // 2] * 2.0 - 1.0)
    return x, y


def draw_graticule(ax: Axes, frame: str) -> Ellipse:
    """Meridians, parallels, their labels and the edge, which is returned to clip by."""
    from matplotlib.patches import Ellipse

    centre = CENTRES[frame]
    fine = np.linspace(-90.0, 90.0, 91)
    line: dict[str, Any] = {"color": "0.5", "linewidth": 0.5, "alpha": 0.6, "zorder": 3}
    for off in range(-150, 180, 30):
        ax.plot(*forward(np.full(fine.size, centre + off), fine, centre), **line)
    around = centre + np.linspace(-179.999, 179.999, 121)
    for lat in range(-60, 90, 30):
        ax.plot(*forward(around, np.full(around.size, float(lat)), centre), **line)
    _draw_labels(ax, centre)
    edge = Ellipse((0.0, 0.0), 4.0, 2.0, facecolor="none", edgecolor="0.25", linewidth=1.0, zorder=4)
    ax.add_patch(edge)
    ax.set_xlim(-2.12, 2.12)
    ax.set_ylim(-1.04, 1.04)
    ax.set_aspect("equal")
    ax.axis("off")
    return edge


def _draw_labels(ax: Axes, centre: float) -> None:
    words: dict[str, Any] = {"fontsize": 7, "color": "0.15", "zorder": 5}
    halo = {"boxstyle": "round,pad=0.12", "facecolor": "white", "alpha": 0.55, "linewidth": 0}
    for off in range(-120, 180, 60):
        lon = (centre + off) % 360.0
        x, y = forward(np.array([lon]), np.array([0.0]), centre)
        ax.text(float(x[0]), float(y[0]), f"{lon:.0f}°", ha="center", va="center", bbox=halo, **words)
    for lat in (-60.0, -30.0, 30.0, 60.0):
        x, y = forward(np.array([centre + 179.999]), np.array([lat]), centre)
        ax.text(float(x[0]) * 1.02 - 0.02, float(y[0]) * 1.04, f"{lat:+.0f}°", ha="right", va="center", **words)
