"""A whole spectral cube: from a file to line maps with errors."""

from manyfit import cube, datasets

datasets.simulate_clouds_cube().write("clouds.fits")  # or a cube of your own

co = cube.read("clouds.fits", spectral_unit="km/s")
signal = cube.signal_mask(co, low=3, high=6, min_voxels=40, min_bright_voxels=5, grow_channels=1)
print(signal.regions)  # a table: voxels, peak S/N, position, velocity range

maps = cube.moments(co, signal)  # peak, moment 0, 1, 2, line width, equivalent width; values and errors
maps.plot()

one = cube.fit_lines(co[:, 32, 32])  # try one spectrum first: an astropy model comes back
fit = cube.fit_lines(co, signal)  # every selected spectrum, over its whole axis
print(fit.summary())  # how many converged, what failed and why, median errors, rate

velocity, error, status = fit["mean"], fit.error["mean"], fit.status  # maps with units and WCS
fit.compare(maps).plot()  # guess, fit, difference
fit.to_fits("clouds_fit.fits")
fit.report("clouds_fit.html")

blended = cube.decompose(co, signal, max_components=3, criterion="aicc")
