"""A fit on a dask cluster of this machine, into a store."""

from distributed import Client, LocalCluster

import manyfit
from manyfit import datasets
from manyfit.models import parse

model = parse("Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)")

if __name__ == "__main__":  # the workers import this file
    datasets.simulate_cube((60, 48, 40), noise=0.1).write("cube.fits")
    with LocalCluster(n_workers=2, threads_per_worker=1) as cluster, Client(cluster) as client:
        print(client.dashboard_link)
        result = manyfit.fit(model, "cube.fits", scheduler=client, store="fit.zarr")
    print(result.compute().summary())
