"""Spectra of surveys: readers, continuum, stacking and resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.spectra._bits import APOGEE_PIXMASK as APOGEE_PIXMASK
    from manyfit.spectra._chebyshev import chebyshev_continuum as chebyshev_continuum
    from manyfit.spectra._continuum import Continuum as Continuum
    from manyfit.spectra._continuum import ContinuumStatus as ContinuumStatus
    from manyfit.spectra._continuum import normalize as normalize
    from manyfit.spectra._linear_continuum import Clip as Clip
    from manyfit.spectra._quantile import quantile_continuum as quantile_continuum
    from manyfit.spectra._read import read as read
    from manyfit.spectra._regions import APOGEE_REGIONS as APOGEE_REGIONS
    from manyfit.spectra._regions import read_regions as read_regions
    from manyfit.spectra._sinusoidal import sinusoidal_continuum as sinusoidal_continuum
    from manyfit.spectra._spectra import Spectra as Spectra
    from manyfit.spectra._together import together as together

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "APOGEE_PIXMASK": "_bits",
        "APOGEE_REGIONS": "_regions",
        "Clip": "_linear_continuum",
        "Continuum": "_continuum",
        "ContinuumStatus": "_continuum",
        "Spectra": "_spectra",
        "chebyshev_continuum": "_chebyshev",
        "normalize": "_continuum",
        "quantile_continuum": "_quantile",
        "read": "_read",
        "read_regions": "_regions",
        "sinusoidal_continuum": "_sinusoidal",
        "together": "_together",
    },
)
