"""Bits of the masks of surveys: their names, and which of them make a pixel unusable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError, unknown_name

APOGEE_PIXMASK: Mapping[str, int] = MappingProxyType(
    {
        "BADPIX": 0,
        "CRPIX": 1,
        "SATPIX": 2,
        "UNFIXABLE": 3,
        "BADDARK": 4,
        "BADFLAT": 5,
        "BADERR": 6,
        "NOSKY": 7,
        "LITTROW_GHOST": 8,
        "PERSIST_HIGH": 9,
        "PERSIST_MED": 10,
        "PERSIST_LOW": 11,
        "SIG_SKYLINE": 12,
        "SIG_TELLURIC": 13,
        "NOT_ENOUGH_PSF": 14,
        "FERRE_MASK": 16,
    }
)
"""Bit of each name of the pixel mask of APOGEE (sdss/apogee, ``apogee/utils/bitmask.py``)."""

APOGEE_BAD = (0, 1, 2, 3, 4, 5, 6, 7, 14)
"""Bits of `APOGEE_PIXMASK` that the survey calls bad; the others are warnings."""

ALL_BITS = tuple(range(32))


def bit_numbers(bits: Iterable[int | str], names: Mapping[str, int]) -> tuple[int, ...]:
    """Numbers of bits that are given by number or by name.

    Raises
    ------
    InputError
        A name that the mask does not have, or a number outside of 0 to 62.

    Examples
    --------
    >>> bit_numbers(["CRPIX", 12], APOGEE_PIXMASK)
    (1, 12)
    """
    if isinstance(bits, str):
        raise InputError(f"bits is the text {bits!r}. Give a list of names or numbers, such as [{bits!r}].")
    return tuple(_number(bit, names) for bit in bits)


def _number(bit: int | str, names: Mapping[str, int]) -> int:
    if isinstance(bit, str):
        if bit not in names:
            raise unknown_name("bit", bit, names)
        return names[bit]
    if not 0 <= bit < 63:
        raise InputError(f"Bit {bit} does not exist. Give numbers from 0 to 62.")
    return int(bit)


def flagged(bitmask: NDArray[np.integer], bits: Iterable[int]) -> NDArray[np.bool_]:
    """Where any of the bits is set.

    >>> flagged(np.array([0, 1, 2, 4096]), [1, 12])
    array([False, False,  True,  True])
    """
    wanted = np.int64(sum(1 << bit for bit in set(bits)))
    found: NDArray[np.bool_] = (np.asarray(bitmask, np.int64) & wanted) != 0
    return found
