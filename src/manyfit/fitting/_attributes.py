"""What attributes say of an array in zarr, HDF5 or NetCDF: unit, scale and missing values, by the CF conventions."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError
from ._labelled import unit_of
from ._scaled import Scaled
from ._source import Source

UNITS = ("units", "unit", "BUNIT")
MISSING = ("_FillValue", "missing_value")


def unit_in(attributes: Mapping[str, Any]) -> Any:
    """The unit that attributes name, or None.

    Examples
    --------
    >>> unit_in({"units": b"K"})
    Unit("K")
    """
    return next((unit_of(text(attributes[name])) for name in UNITS if name in attributes), None)


def text(value: Any) -> Any:
    """An attribute as text if it is bytes, or an array of one."""
    value = value.item() if isinstance(value, np.ndarray | np.generic) and value.size == 1 else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def scaled(source: Source, attributes: Mapping[str, Any]) -> Source:
    """The values that the stored numbers mean."""
    scale, zero = _number(attributes.get("scale_factor", 1)), _number(attributes.get("add_offset", 0))
    blank = next((_number(attributes[name]) for name in MISSING if name in attributes), None)
    blank = None if blank is None or math.isnan(blank) else blank
    return source if (scale, zero, blank) == (1, 0, None) else Scaled(source, scale, zero, blank)


def _number(value: Any) -> float:
    value = text(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:  # xarray writes the missing value of a float into zarr 3 so
        return float(struct.unpack("<d", base64.b64decode(value))[0])
    except (TypeError, ValueError, struct.error, binascii.Error):
        raise InputError(
            f"An attribute of the data ({', '.join(('scale_factor', 'add_offset', *MISSING))}) is {value!r}, which "
            "is no number. Correct it, or give the array itself."
        ) from None


def coordinate(array: Any, attributes: Mapping[str, Any], length: int) -> Any:
    """A coordinate of a dimension, with its unit; None if it is not made of real numbers along the dimension."""
    if tuple(array.shape) != (length,) or np.dtype(array.dtype).kind not in "iuf":
        return None
    values, unit = np.asarray(array[...], np.float64), unit_in(attributes)
    return values if unit is None else values * unit


def chosen(shapes: Mapping[str, tuple[int, ...]], inside: str | None, where: str) -> str:
    """The array that is meant: that with the name, else the only one of most dimensions, else ``data``.

    Parameters
    ----------
    shapes
        Shape of each array, without coordinates.
    inside
        Name that the user gave, or None.
    where
        What they are in, for errors.

    Examples
    --------
    >>> chosen({"flux": (9, 4, 4), "noise": (4, 4)}, None, "'a.h5'")
    'flux'
    """
    listing = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in sorted(shapes.items())) or "none"
    if inside is not None:
        name = inside.strip("/")
        if name not in shapes:
            raise InputError(f"{where} has no array {inside!r} of numbers. It has {listing}.")
        return name
    most = max(map(len, shapes.values()), default=0)
    deepest = [name for name, shape in shapes.items() if len(shape) == most]
    if len(deepest) == 1:
        return deepest[0]
    if "data" in deepest:
        return "data"
    raise InputError(
        f"{where} has arrays {listing}. One with more dimensions than the others, or named 'data', is taken; else "
        "say which, as in 'file.h5[name]', 'store.zarr[name]' or group['name']."
    )
