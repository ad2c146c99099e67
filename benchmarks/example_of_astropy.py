"""The example of astropy's documentation on parallel fitting, with our call; run as a whole process by `startup`."""

import astropy.units as u
from astropy.io import fits
from astropy.modeling.fitting import TRFLSQFitter
from astropy.modeling.models import Gaussian1D
from astropy.wcs import WCS

from manyfit import parallel_fit_dask
from manyfit.datasets import l1448

with fits.open(l1448()) as hdus:
    data, wcs = hdus[0].data[:, 25:75, 35:85], WCS(hdus[0].header)[:, 25:75, 35:85]
    model = Gaussian1D(amplitude=1 * u.one, mean=4000 * u.m / u.s, stddev=500 * u.m / u.s)
    fit = parallel_fit_dask(model=model, fitter=TRFLSQFitter(), data=data, world=wcs, fitting_axes=0, data_unit=u.one)
print(fit.mean.shape)
