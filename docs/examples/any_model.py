"""Any astropy model on N-D data: maps with errors, and the same call as astropy's."""

from astropy import units as u
from astropy.io import fits
from astropy.modeling import fitting, models
from astropy.wcs import WCS

import manyfit

with fits.open(manyfit.datasets.l1448()) as hdus:
    data, wcs = hdus[0].data.copy(), WCS(hdus[0].header)
model = models.Gaussian1D(amplitude=1, mean=4 * u.km / u.s, stddev=0.5 * u.km / u.s) + models.Const1D(0)
limits = {"mean_0": (3 * u.km / u.s, 6 * u.km / u.s)}

result = manyfit.fit(model, data, fitting_axes=0, world=wcs, data_unit=u.K, bounds=limits)
print(result.summary())
velocity = result["mean_0"].to("km/s")
error = result.error["mean_0"].to("km/s")
line = result.model(5 * u.km / u.s)  # an ordinary astropy model with array parameters
result.plot("mean_0")

# The same call as astropy's; only the import changes.
fitted = manyfit.parallel_fit_dask(
    model=model, fitter=fitting.TRFLSQFitter(), data=data, world=wcs, fitting_axes=0, data_unit=u.K
)
