"""Lines of a cube fitted on a dask cluster."""

from __future__ import annotations

import pytest
from astropy.modeling.models import Gaussian1D
from numpy.testing import assert_array_equal

from manyfit import cube, datasets

distributed = pytest.importorskip("distributed")


def test_lines_on_a_cluster(tmp_path):
    datasets.simulate_cube((40, 12, 10), noise=0.1).write(tmp_path / "cube.fits")
    data = cube.read(tmp_path / "cube.fits")
    with (
        distributed.LocalCluster(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        found = cube.fit_lines(data, Gaussian1D(), scheduler=client)
    expected = cube.fit_lines(data, Gaussian1D(), scheduler="serial")
    assert_array_equal(found["mean"], expected["mean"])
    assert_array_equal(found.error["mean"], expected.error["mean"])
