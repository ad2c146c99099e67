"""Values on the command line and in configuration files: numbers with units, bounds, axes, memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from manyfit.errors import InputError

MEMORY = re.compile(r"\s*(?P<number>\d+\.?\d*)\s*(?P<prefix>[kMGT]?)(?P<binary>i?)B?\s*")
LONGEST = 100  # characters of a value
LONGEST_PATH = 4096
POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}


def axes(text: str) -> tuple[int | str, ...]:
    """Axes from ``"0"`` or ``"1,2"``.

    >>> axes("1, -2")
    (1, -2)
    """
    if len(text) > LONGEST:
        raise InputError(f"Axes {text[:LONGEST]!r}… are not understood. Give numbers or names.")
    return tuple(int(part) if re.fullmatch(r"\s*-?\d+\s*", part) else part.strip() for part in text.split(","))


def bounds(texts: Iterable[str]) -> dict[str, tuple[Any, Any]]:
    """Bounds from ``NAME=LOW:HIGH``; a unit behind the upper one counts for both, and a side may be empty.

    Raises
    ------
    InputError
        A text of another form.

    Examples
    --------
    >>> bounds(["mean=3:6 km/s", "stddev=0:"])
    {'mean': (<Quantity 3. km / s>, <Quantity 6. km / s>), 'stddev': (0, None)}
    """
    return dict(map(_bound, texts))


def _bound(text: str) -> tuple[str, tuple[Any, Any]]:
    name, _, sides = text.partition("=")
    if sides.count(":") != 1:
        raise InputError(f"Bounds {text!r} are not understood. Give NAME=LOW:HIGH, such as 'mean=3 km/s:6 km/s'.")
    low, high = (quantity(side) if side.strip() else None for side in sides.split(":"))
    unit = getattr(high, "unit", None)
    if unit is not None and low is not None and not hasattr(low, "unit"):
        low = low * unit
    return name.strip(), (low, high)


def channels(text: str) -> Any:
    """Channels from ``LOW:HIGH``: numbers of channels, the second one past the end, or a range with a unit.

    Raises
    ------
    InputError
        A text of another form.

    Examples
    --------
    >>> channels("0:20"), channels("-5:-2 km/s")
    (slice(0, 20, None), <Quantity [-5., -2.] km / s>)
    """
    if len(text) > LONGEST:
        raise InputError(f"Channels {text[:LONGEST]!r}… are not understood. Give LOW:HIGH.")
    low, colon, high = text.partition(":")
    if re.fullmatch(r"\s*-?\d*\s*:\s*-?\d*\s*", text):
        return slice(int(low) if low.strip() else None, int(high) if high.strip() else None)
    unit = getattr(quantity(high), "unit", None) if colon and low.strip() and high.strip() else None
    if unit is None:
        raise InputError(f"Channels {text!r} are not understood. Give LOW:HIGH, such as '0:20' or '-5:-2 km/s'.")
    start = quantity(low)
    if not unit.is_equivalent(own := getattr(start, "unit", unit)):
        raise InputError(f"Channels {text!r}: {own} does not convert to {unit}. Give both ends in one unit.")
    return [(start if hasattr(start, "unit") else start * unit).to_value(unit), quantity(high).value] * unit


def quantity(text: str) -> Any:
    """A number with or without unit."""
    from manyfit.models._scan import value

    return value(text)


def uncertainty(text: str) -> Any:
    """A number with or without unit, or the path of a file.

    Raises
    ------
    InputError
        It is neither.
    """
    if len(text) > LONGEST_PATH or "\0" in text:
        raise InputError(f"uncertainty {text[:LONGEST]!r}… is no path and no number.")
    if Path(text.partition("[")[0]).exists():
        return text
    try:
        return quantity(text)
    except InputError:
        raise InputError(
            f"uncertainty {text!r} is neither a file that exists nor a number. Give a FITS file, or a "
            "number with or without unit, such as '0.25 K'."
        ) from None


def memory(text: str) -> int:
    """Bytes from ``"500 MB"`` or a number.

    >>> memory("1.5 GB"), memory("64MiB"), memory("1000")
    (1500000000, 67108864, 1000)
    """
    match = MEMORY.fullmatch(text)
    if match is None or len(text) > LONGEST:
        raise InputError(f"memory {text[:LONGEST]!r} is not understood. Give bytes, or such as '500 MB'.")
    unit: int = (1024 if match["binary"] else 1000) ** POWERS[match["prefix"]]
    return int(float(match["number"]) * unit)
