"""A gamma-ray burst on the sky: from files of counts to a position, a flux and a sky map that alert tools read."""

from astropy import units as u

from manyfit import tsmap

sky = tsmap.simulate(".", source_counts=20000)  # response.h5, orientation.ori, observation.hdf5, background.hdf5

response = tsmap.DetectorResponse.open("response.h5")
orientation = tsmap.Orientation.read("orientation.ori")
counts = tsmap.Counts.read("observation.hdf5", during=sky.window)
background = tsmap.Counts.read("background.hdf5").scaled_to(counts.time_range)

burst = tsmap.fit(
    counts,
    background,
    response,
    orientation=orientation.during(counts.time_range),
    spectrum=tsmap.PowerLaw(index=-2.2, pivot=100 * u.keV, norm=1 / (u.cm**2 * u.s * u.keV)),
    nside=16,
)
peak = burst.peak  # position, TS, norm, flux with errors
limits = burst.flux_ul  # upper limits everywhere else
region = burst.containment(0.9)  # area, MOC
burst.plot(containment=0.9)
burst.to_fits("burst_skymap.multiorder.fits")

finer = burst.refine(nside=128, containment=0.99)
