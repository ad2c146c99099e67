"""Where two records of JSON differ, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST = 120  # characters of a value that are shown


def difference(stored: Any, given: Any, name: str = "") -> list[str]:
    """A line for each entry that differs.

    Examples
    --------
    >>> difference({"fit": {"tolerance": 1e-7}, "n": 3}, {"fit": {"tolerance": 1e-6}, "n": 3})
    ['fit.tolerance: 1e-07 in the store, 1e-06 now']
    """
    if isinstance(stored, Mapping) and isinstance(given, Mapping):
        names = [*stored, *(key for key in given if key not in stored)]
        lines = [
            difference(stored.get(key, "nothing"), given.get(key, "nothing"), f"{name}.{key}" if name else str(key))
            for key in names
        ]
        return [line for part in lines for line in part]
    # written alike is the same, NaN too
    if repr(stored) == repr(given):
        return []
    return [f"{name}: {_short(stored)} in the store, {_short(given)} now"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
