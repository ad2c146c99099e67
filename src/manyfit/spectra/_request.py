"""What is asked of a reader, the same for all formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.spectra._bits import bit_numbers, flagged

BAD_ERROR = 1e8
"""Errors from here on mark unusable pixels: APOGEE writes 1e10, and 1e10/√n into the coadd of n visits."""


@dataclass(frozen=True)
class Request:
    """What is asked of a reader.

    Parameters
    ----------
    name
        Name of the input, for messages and for the table of rows.
    bits
        Bits of the mask that make a pixel unusable; None for those that the survey calls bad.
    hdu
        Which HDU of a file that has several spectra side by side, or None.
    """

    name: str
    bits: tuple[int | str, ...] | None = None
    hdu: int | str | None = None

    def apply_bits(
        self,
        ivar: NDArray[np.float64],
        bitmask: NDArray[np.integer],
        names: Mapping[str, int],
        default: tuple[int, ...],
    ) -> NDArray[np.float64]:
        """The inverse variance with 0 where any bit that counts is set."""
        bits = default if self.bits is None else bit_numbers(self.bits, names)
        return np.where(flagged(bitmask, bits), 0.0, ivar)


def ivar_of_error(error: ArrayLike) -> NDArray[np.float64]:
    """Inverse variance of a standard deviation: 0 where that is not finite, not positive or as large as 1e8.

    >>> ivar_of_error([0.5, 0, -1, np.nan, 1e10])
    array([4., 0., 0., 0., 0.])
    """
    sigma = np.asarray(error, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        usable = (sigma > 0) & (sigma < BAD_ERROR)
    return np.where(usable, np.where(usable, sigma, 1.0) ** -2.0, 0.0)
