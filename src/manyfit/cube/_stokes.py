"""Which plane of polarisation of the data is the cube."""

from __future__ import annotations

from typing import Any

from manyfit.errors import InputError

#: Parameters of Stokes by their codes in a FITS file (Greisen and Calabretta 2002, A&A 395, 1061, table 29).
NAMES = dict(
    zip(
        (1, 2, 3, 4, *range(-1, -9, -1)),
        ("I", "Q", "U", "V", "RR", "LL", "RL", "LR", "XX", "YY", "XY", "YX"),
        strict=True,
    )
)


def plane_of(asked: str | int | None, wcs: Any, axis: int, shape: tuple[int, ...]) -> int:
    """The number of the plane along an axis of polarisation.

    Parameters
    ----------
    asked
        Name, or number from 0; None for the only one.
    wcs
        WCS of the data.
    axis
        The axis of the data.
    shape
        Shape of the data.

    Raises
    ------
    InputError
        There is no such plane, or there are several and none was asked for; the text lists them.
    """
    names = planes(wcs, axis, shape)
    if asked is None and len(names) == 1:
        return 0
    if isinstance(asked, str) and asked.upper() in names:
        return names.index(asked.upper())
    if isinstance(asked, int) and not isinstance(asked, bool) and 0 <= asked < len(names):
        return asked
    listing = ", ".join(f"{i}: {name!r}" for i, name in enumerate(names))
    said = (
        f"The data has {len(names)} planes of polarisation (axis {axis} of shape {shape}), and a cube has one"
        if asked is None
        else f"There is no plane of polarisation {asked!r}"
    )
    raise InputError(f"{said}. Give stokes= as one of these numbers or names: {listing}.")


def planes(wcs: Any, axis: int, shape: tuple[int, ...]) -> list[str]:
    """Names of the planes; the code of one that has no name."""
    pixel = [0.0] * len(shape)
    place = len(shape) - 1 - axis
    world = next(w for w in range(wcs.world_n_dim) if wcs.axis_correlation_matrix[w, place])
    codes = []
    for plane in range(shape[axis]):
        pixel[place] = float(plane)
        codes.append(round(float(wcs.pixel_to_world_values(*pixel)[world])))
    return [NAMES.get(code, str(code)) for code in codes]
