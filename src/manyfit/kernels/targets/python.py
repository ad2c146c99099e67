"""Plain Python: the same kernels and solver without a compiler, the oracle of tests."""

from __future__ import annotations

from typing import Any


def at(array: Any, place: int) -> Any:
    """The array from a place on."""
    return array[place:]
