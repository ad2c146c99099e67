"""One model, millions of independent fits.

`fit` fits an astropy model to every element of N-D data and gives a `FitResult`: maps of parameters with errors, units
and WCS, and a status for each element. `parallel_fit_dask` is astropy's call of that name, with the same answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit import cannon as cannon
    from manyfit import cube as cube
    from manyfit import datasets as datasets
    from manyfit import errors as errors
    from manyfit import kernels as kernels
    from manyfit import models as models
    from manyfit import pipeline as pipeline
    from manyfit import spectra as spectra
    from manyfit import tsmap as tsmap
    from manyfit.fitting._fit import fit as fit
    from manyfit.fitting._parallel_fit_dask import parallel_fit_dask as parallel_fit_dask
    from manyfit.fitting._result import FitResult as FitResult
    from manyfit.kernels._status import Status as Status

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "FitResult": "fitting._result",
        "Status": "kernels._status",
        "cannon": "cannon",
        "cube": "cube",
        "datasets": "datasets",
        "errors": "errors",
        "fit": "fitting._fit",
        "kernels": "kernels",
        "models": "models",
        "parallel_fit_dask": "fitting._parallel_fit_dask",
        "pipeline": "pipeline",
        "spectra": "spectra",
        "tsmap": "tsmap",
    },
)
