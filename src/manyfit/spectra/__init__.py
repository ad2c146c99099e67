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
    from manyfit.spectra._download import fetch as fetch
    from manyfit.spectra._grid import apogee_grid as apogee_grid
    from manyfit.spectra._grid import log_grid as log_grid
    from manyfit.spectra._light import air_to_vacuum as air_to_vacuum
    from manyfit.spectra._light import doppler_factor as doppler_factor
    from manyfit.spectra._light import to_rest as to_rest
    from manyfit.spectra._light import to_vacuum as to_vacuum
    from manyfit.spectra._light import vacuum_to_air as vacuum_to_air
    from manyfit.spectra._linear_continuum import Clip as Clip
    from manyfit.spectra._paths import SurveyFile as SurveyFile
    from manyfit.spectra._paths import sdss_access_file as sdss_access_file
    from manyfit.spectra._paths import survey_file as survey_file
    from manyfit.spectra._quantile import quantile_continuum as quantile_continuum
    from manyfit.spectra._read import read as read
    from manyfit.spectra._read_many import Block as Block
    from manyfit.spectra._read_many import read_many as read_many
    from manyfit.spectra._regions import APOGEE_REGIONS as APOGEE_REGIONS
    from manyfit.spectra._regions import read_regions as read_regions
    from manyfit.spectra._resample import resample as resample
    from manyfit.spectra._sinusoidal import sinusoidal_continuum as sinusoidal_continuum
    from manyfit.spectra._spectra import Spectra as Spectra
    from manyfit.spectra._stack import stack as stack
    from manyfit.spectra._together import together as together

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "APOGEE_PIXMASK": "_bits",
        "APOGEE_REGIONS": "_regions",
        "Block": "_read_many",
        "Clip": "_linear_continuum",
        "Continuum": "_continuum",
        "ContinuumStatus": "_continuum",
        "Spectra": "_spectra",
        "SurveyFile": "_paths",
        "air_to_vacuum": "_light",
        "apogee_grid": "_grid",
        "chebyshev_continuum": "_chebyshev",
        "doppler_factor": "_light",
        "fetch": "_download",
        "log_grid": "_grid",
        "normalize": "_continuum",
        "quantile_continuum": "_quantile",
        "read": "_read",
        "read_many": "_read_many",
        "read_regions": "_regions",
        "resample": "_resample",
        "sdss_access_file": "_paths",
        "sinusoidal_continuum": "_sinusoidal",
        "stack": "_stack",
        "survey_file": "_paths",
        "to_rest": "_light",
        "to_vacuum": "_light",
        "together": "_together",
        "vacuum_to_air": "_light",
    },
)
