"""The example of astropy's documentation on parallel fitting: our call against astropy's, same process, same cores.

Run with ``python -m benchmarks.l1448``. Spectra of the L1448 cube in 13CO, 50 x 50 of them, one Gaussian.
"""

from __future__ import annotations

import warnings
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.modeling.fitting import LevMarLSQFitter, TRFLSQFitter
from astropy.modeling.fitting import parallel_fit_dask as astropy_call
from astropy.modeling.models import Gaussian1D
from astropy.wcs import WCS

import manyfit
from benchmarks.timing import Row, best_of, show
from manyfit.datasets import l1448

TARGETS = {TRFLSQFitter: 500, LevMarLSQFitter: 200}


def example() -> dict[str, Any]:
    """The arguments of the documentation's call, without the fitter."""
    with fits.open(l1448()) as hdus:
        data, wcs = np.array(hdus[0].data), WCS(hdus[0].header)
    model = Gaussian1D(amplitude=1 * u.one, mean=4000 * u.m / u.s, stddev=500 * u.m / u.s)
    return {
        "model": model,
        "data": data[:, 25:75, 35:85],
        "world": wcs[:, 25:75, 35:85],
        "fitting_axes": 0,
        "data_unit": u.one,
    }


def main() -> None:
    """Our call, then astropy's with the fastest of its schedulers."""
    arguments = example()
    rows = []
    warnings.simplefilter("ignore")
    for fitter, target in TARGETS.items():
        manyfit.parallel_fit_dask(fitter=fitter(), **arguments)
        ours = best_of(lambda f=fitter: manyfit.parallel_fit_dask(fitter=f(), **arguments), 20)
        theirs = {
            scheduler: best_of(lambda f=fitter, s=scheduler: astropy_call(fitter=f(), scheduler=s, **arguments), 2)
            for scheduler in ("synchronous", "threads", "processes")
        }
        fastest = min(theirs, key=theirs.__getitem__)
        ratio = theirs[fastest] / ours
        rows.append(
            Row(
                f"astropy's example, {fitter.__name__}: astropy / manyfit",
                f"{ratio:.0f}x ({theirs[fastest]:.2f} s, {fastest} / {ours * 1e3:.1f} ms)",
                f">= {target}x",
                ratio >= target,
            )
        )
    show(rows)


if __name__ == "__main__":
    main()
