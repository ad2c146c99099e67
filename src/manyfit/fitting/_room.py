"""Whether data and results fit into the memory of the machine: files may say any size, and have no values."""

from __future__ import annotations

import math
import os

from manyfit.errors import InputError


def check_results(n_elements: int, n_free: int) -> None:
    """Refuse results that are larger than the memory.

    Raises
    ------
    InputError
        The text says how large they are.
    """
    need = n_elements * (8 * (n_free + n_free * (n_free + 1) // 2 + 1) + 9)
    if need > memory():
        raise InputError(
            f"The results of {n_elements:,} elements take {need / 1e9:,.0f} GB, and this machine has "
            f"{memory() / 1e9:,.0f} GB of memory. Give store=PLACE, to which they are written block by block, or fit "
            "a part."
        )


def check_points(n_points: int) -> None:
    """Refuse elements of more points than the memory has room for, with a coordinate for each.

    Raises
    ------
    InputError
        The text says how many there are.
    """
    if 16 * n_points > memory():
        raise InputError(
            f"One element has {n_points:,} points, and takes more than the {memory() / 1e9:,.0f} GB of memory that "
            "this machine has. Are the fitting axes those that are meant?"
        )


def memory() -> float:
    """Bytes of the machine; without end where it does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # Windows
        return math.inf
