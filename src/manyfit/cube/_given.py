"""Mask, uncertainty and gain as the user gave them, laid along the axes of a cube."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.cube._input import array_of, input_of
from manyfit.cube._layout import Layout
from manyfit.errors import InputError, unknown_name
from manyfit.fitting._aligned import align
from manyfit.fitting._inputs import read
from manyfit.fitting._source import kind_of, source_of

if TYPE_CHECKING:
    from astropy.units import UnitBase

POWERS = {"std": 1, "var": 2, "ivar": -2}


@dataclass(frozen=True)
class Place:
    """Where something that goes with a cube is to be laid.

    Attributes
    ----------
    layout
        Layout of the cube's data.
    file
        FITS file of the cube, in which an extension may be named.
    """

    layout: Layout
    file: str | None

    def lay(self, what: str, given: Any) -> tuple[Any, UnitBase | None]:
        """An array with the axes of the cube, of length 1 where it is repeated, and its unit.

        Raises
        ------
        InputError
            The shape does not fit.
        """
        given = self._path(given)
        labelled = input_of(given).labelled if isinstance(given, str | Path) else read(given, what)
        values = array_of(labelled.source)
        if len(labelled.source.shape) == len(self.layout.shape) and self._as_data(labelled.source.shape):
            return self.layout.arranged(values), labelled.unit
        return laid(what, values, self.layout.cube_shape), labelled.unit

    def booleans(self, what: str, given: Any) -> Any:
        """Likewise, as booleans: what is not zero is True."""
        values = self.lay(what, given)[0]
        return values if values.dtype == bool else np.asarray(values) != 0

    def _path(self, given: Any) -> Any:
        if isinstance(given, str) and self.file is not None and not Path(given).exists() and "[" not in given:
            return f"{self.file}[{given}]" if not Path(given).suffix else given
        return given

    def _as_data(self, shape: tuple[int, ...]) -> bool:
        """Whether the axes are those of the data before they were put in order."""
        return all(n in (1, own) for n, own in zip(shape, self.layout.shape, strict=True))


def laid(what: str, values: Any, shape: tuple[int, ...]) -> Any:
    """An array with the axes of a cube, from one that broadcasts to it, or has its channels or its spatial shape.

    Raises
    ------
    InputError
        The shape does not fit, or fits in two ways.

    Examples
    --------
    >>> laid("noise", np.ones((4, 5)), (9, 4, 5)).shape, laid("mask", np.ones(9), (9, 4, 5)).shape
    ((1, 4, 5), (9, 1, 1))
    """
    from manyfit.fitting._axes import Axes

    found = align(what, source_of(values, what), Axes(shape, (0,)))
    if found.places == tuple(range(len(shape))):
        return values
    return found.read(tuple(slice(0, n) for n in shape[1:]))


def deviations(given: Any, place: Place, unit: UnitBase, kind: str = "std") -> Any:
    """Standard deviations in the unit of a cube.

    Parameters
    ----------
    given
        Array, Quantity, number, path, extension of the cube's file, or ``NDUncertainty``.
    place
        Where to lay it.
    unit
        Unit of the cube.
    kind
        What the values are: "std", "var" or "ivar".

    Raises
    ------
    InputError
        An unknown kind, a shape that does not fit, or a unit that does not convert.
    """
    if kind_of(given, "astropy", "NDUncertainty"):
        kind, given = given.uncertainty_type, given.array if given.unit is None else given.quantity
    if kind not in POWERS:
        raise unknown_name("uncertainty_type", kind, POWERS)
    values, own = place.lay("uncertainty", given)
    scale = 1.0 if own is None else _scale(own, unit ** POWERS[kind])
    return values if kind == "std" and scale == 1 else _as_deviations(values, kind, scale)


def _scale(own: UnitBase, target: UnitBase) -> float:
    if not own.is_equivalent(target):
        raise InputError(
            f"The uncertainty is in {own}, which does not convert to {target}, as the unit of the cube asks."
        )
    return float(own.to(target))


def _as_deviations(values: Any, kind: str, scale: float) -> Any:
    """From variances or weights; what is not positive becomes NaN or infinite, which marks a bad voxel."""
    values = values if kind_of(values, "dask", "Array") else np.asarray(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = values * scale if scale != 1 else values
        match kind:
            case "var":
                return np.sqrt(scaled)
            case "ivar":
                return 1 / np.sqrt(scaled)
        return scaled
