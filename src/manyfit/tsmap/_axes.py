"""The axes of binned counts and responses: intervals of a quantity, and pixels of the sky."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError

Edges = NDArray[np.float64]
Scheme = Literal["RING", "NESTED"]

UNITS = {"Time": "s", "Ei": "keV", "Em": "keV", "Phi": "deg", "Dist": "cm"}
"""The unit in which edges of a known axis are kept."""

FRAMES = ("galactic", "icrs", "spacecraft")
"""Frames of a HEALPix axis: fixed on the sky, or that of the instrument."""

SAME_EDGES = 1e-9
"""Two axes are equal if their edges differ by less than this share of the largest edge."""


@dataclass(frozen=True, eq=False)
class Axis:
    """Intervals of one quantity.

    Parameters
    ----------
    label
        Name: "Time", "Ei" (energy of the photon), "Em" (measured energy), "Phi" (Compton angle), ...
    edges
        Increasing edges, (bin + 1,); a Quantity, or plain numbers in s, keV, deg for the names above.
    scale
        "linear" or "log": how a picture is to be drawn.

    Raises
    ------
    InputError
        The edges are not at least two increasing finite numbers, or have a unit that does not fit.

    Examples
    --------
    >>> from astropy import units as u
    >>> Axis("Em", [0.1, 1, 10] * u.MeV, scale="log")
    <Axis Em: 2 bins, 100 to 10000 keV>
    """

    label: str
    edges: Edges
    scale: str = "linear"
    unit: str | None = field(default=None)

    def __post_init__(self) -> None:
        unit = UNITS.get(self.label, self.unit) or _unit_of(self.edges)
        object.__setattr__(self, "edges", _increasing(self.label, _plain(self.label, self.edges, unit)))
        object.__setattr__(self, "unit", unit)

    @property
    def n_bins(self) -> int:
        """Number of intervals."""
        return self.edges.size - 1

    @property
    def widths(self) -> Edges:
        """Widths of the intervals."""
        return np.diff(self.edges)

    def cut(self, low: int, high: int) -> Axis:
        """The bins from `low` to before `high`."""
        return Axis(self.label, self.edges[low : high + 1], self.scale, self.unit)

    def __eq__(self, other: object) -> bool:
        """Whether label and edges are the same."""
        if not isinstance(other, Axis) or (self.label, self.edges.size) != (other.label, other.edges.size):
            return False
        tolerance = SAME_EDGES * float(np.abs(self.edges).max())
        return bool(np.allclose(self.edges, other.edges, rtol=0, atol=tolerance))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"<Axis {self.label}: {self.n_bins} bins, {self.edges[0]:g} to {self.edges[-1]:g}{unit}>"


@dataclass(frozen=True)
class HealpixAxis:
    """Pixels of the sphere.

    Parameters
    ----------
    label
        Name: "NuLambda" (direction of the source), "PsiChi" (direction of the scattered photon), ...
    nside
        HEALPix resolution, a power of two.
    scheme
        "RING" or "NESTED".
    frame
        "galactic", "icrs", "spacecraft", or None where a file does not say.

    Raises
    ------
    InputError
        `nside` is no power of two, or scheme or frame is not known.

    Examples
    --------
    >>> HealpixAxis("PsiChi", 8, frame="galactic").n_bins
    768
    """

    label: str
    nside: int
    scheme: Scheme = "RING"
    frame: str | None = None

    def __post_init__(self) -> None:
        if self.nside < 1 or self.nside & (self.nside - 1):
            raise InputError(f"Axis {self.label!r} has nside={self.nside}. A power of two is needed: 1, 2, 4, 8, ...")
        if self.scheme not in {"RING", "NESTED"}:
            raise InputError(f"Axis {self.label!r} has scheme {self.scheme!r}. Accepted: 'RING', 'NESTED'.")
        if self.frame is not None and self.frame not in FRAMES:
            raise InputError(f"Axis {self.label!r} has frame {self.frame!r}. Accepted: {', '.join(map(repr, FRAMES))}.")

    @property
    def n_bins(self) -> int:
        """Number of pixels."""
        return 12 * self.nside**2

    def __repr__(self) -> str:
        return f"<HealpixAxis {self.label}: nside {self.nside} {self.scheme}, {self.frame or 'unknown'} frame>"


AnyAxis = Axis | HealpixAxis


@dataclass(frozen=True, eq=False)
class Axes:
    """Several axes in order, found by label.

    Examples
    --------
    >>> axes = Axes([Axis("Em", [100, 200, 400]), HealpixAxis("PsiChi", 1)])
    >>> axes.labels, axes.shape, axes["Em"].n_bins
    (('Em', 'PsiChi'), (2, 12), 2)
    """

    items: tuple[AnyAxis, ...]

    def __init__(self, items: Iterable[AnyAxis]) -> None:
        object.__setattr__(self, "items", tuple(items))
        if len(set(self.labels)) != len(self.items):
            raise InputError(f"Axes {', '.join(self.labels)} have a name twice.")

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(axis.label for axis in self.items)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins of each axis."""
        return tuple(axis.n_bins for axis in self.items)

    @property
    def size(self) -> int:
        """Number of all bins."""
        return int(np.prod(self.shape, dtype=np.int64))

    def index(self, label: str) -> int:
        """Place of an axis.

        Raises
        ------
        InputError
            There is no such axis.
        """
        if label not in self.labels:
            raise InputError(f"There is no axis {label!r}. There are: {', '.join(self.labels)}.")
        return self.labels.index(label)

    def __getitem__(self, label: str) -> AnyAxis:
        """The axis with this label."""
        return self.items[self.index(label)]

    def interval(self, label: str) -> Axis:
        """The axis with this label, which must be one of intervals."""
        axis = self[label]
        if not isinstance(axis, Axis):
            raise InputError(f"Axis {label!r} is one of HEALPix pixels; one with edges is needed.")
        return axis

    def healpix(self, label: str) -> HealpixAxis:
        """The axis with this label, which must be one of pixels."""
        axis = self[label]
        if not isinstance(axis, HealpixAxis):
            raise InputError(f"Axis {label!r} is one with edges; one of HEALPix pixels is needed.")
        return axis

    def __contains__(self, label: object) -> bool:
        """Whether there is an axis with this label."""
        return label in self.labels

    def __iter__(self) -> Iterator[AnyAxis]:
        """The axes in order."""
        return iter(self.items)

    def __len__(self) -> int:
        """Number of axes."""
        return len(self.items)

    def __eq__(self, other: object) -> bool:
        """Whether all axes are the same, in the same order."""
        return isinstance(other, Axes) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]

    def chosen(self, labels: Iterable[str]) -> Axes:
        """Some of the axes, in the order given."""
        return Axes(self[label] for label in labels)

    def replaced(self, axis: AnyAxis) -> Axes:
        """The same axes with the one of this label replaced."""
        at = self.index(axis.label)
        return Axes((*self.items[:at], axis, *self.items[at + 1 :]))

    def __repr__(self) -> str:
        return f"<Axes {', '.join(f'{axis.label} {axis.n_bins}' for axis in self.items)}>"


def check_same(first: Axes, second: Axes, labels: Iterable[str], names: tuple[str, str]) -> None:
    """Refuse two objects whose axes differ; a frame that a file does not tell fits every frame.

    Parameters
    ----------
    first, second
        The axes.
    labels
        Which of them must be the same.
    names
        What the objects are called in the error.

    Raises
    ------
    InputError
        An axis is missing, or its bins or its frame differ.
    """
    for label in labels:
        for axes, name in zip((first, second), names, strict=True):
            if label not in axes:
                raise InputError(f"{name} has no axis {label!r}. It has: {', '.join(axes.labels)}.")
        if not _fits(first[label], second[label]):
            raise InputError(
                f"Axis {label!r} differs: {names[0]} has {first[label]!r}, {names[1]} has {second[label]!r}. "
                f"{_difference(first[label], second[label])}Bin both alike."
            )


def _fits(first: AnyAxis, second: AnyAxis) -> bool:
    if isinstance(first, HealpixAxis) and isinstance(second, HealpixAxis):
        frames = {first.frame, second.frame} - {None}
        return (first.nside, first.scheme) == (second.nside, second.scheme) and len(frames) < 2
    return first == second


def _difference(first: AnyAxis, second: AnyAxis) -> str:
    """The first edge that differs, which a range does not show."""
    if not (isinstance(first, Axis) and isinstance(second, Axis) and first.n_bins == second.n_bins):
        return ""
    worst = int(np.argmax(np.abs(first.edges - second.edges)))
    return f"Edge {worst} is {first.edges[worst]:.12g} and {second.edges[worst]:.12g}. "


def _unit_of(edges: Any) -> str | None:
    unit = getattr(edges, "unit", None)
    return None if unit is None else str(unit)


def _plain(label: str, edges: ArrayLike, unit: str | None) -> Edges:
    """Edges as plain numbers in the unit of the axis."""
    if getattr(edges, "unit", None) is None or unit is None:
        return np.asarray(getattr(edges, "value", edges), dtype=np.float64)
    from astropy.units import UnitConversionError

    try:
        return np.asarray(edges.to_value(unit), dtype=np.float64)  # type: ignore[union-attr]
    except UnitConversionError:
        raise InputError(f"Axis {label!r} has edges in {_unit_of(edges)!r}. {unit!r} or like is needed.") from None


def _increasing(label: str, edges: Edges) -> Edges:
    if edges.ndim != 1 or edges.size < 2 or not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        raise InputError(f"Axis {label!r} has edges {edges!r}. Two or more increasing finite numbers are needed.")
    edges = edges.copy()
    edges.flags.writeable = False
    return edges
