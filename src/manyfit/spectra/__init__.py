"""Spectra of surveys: readers, continuum, stacking and resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.spectra._bits import APOGEE_PIXMASK as APOGEE_PIXMASK
    from manyfit.spectra._read import read as read
    from manyfit.spectra._spectra import Spectra as Spectra
    from manyfit.spectra._together import together as together

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "APOGEE_PIXMASK": "_bits",
        "Spectra": "_spectra",
        "read": "_read",
        "together": "_together",
    },
)
