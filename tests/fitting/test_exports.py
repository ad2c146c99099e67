"""Tables and Datasets of results: every number at its place, with unit and coordinates."""

from __future__ import annotations

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
import xarray
from astropy.modeling import custom_model
from astropy.modeling import models as m
from astropy.table import QTable
from astropy.wcs import WCS
from numpy.testing import assert_array_equal

from manyfit.datasets import simulate_cube
from manyfit.fitting._axes import Axes
from manyfit.fitting._wcs import iterating_wcs
from manyfit.kernels import Status

from .results import LINE, gaussian, result_of

CUBE = simulate_cube((4, 6, 5))


def sky():
    return replace(result_of(gaussian(), (6, 5), **LINE), wcs=CUBE.wcs.celestial)


# -- tables --------------------------------------------------------------------------------------------------


def test_table_of_a_map_of_the_sky():
    result = sky()
    table = result.to_table()
    assert len(table) == 30
    row = table[(table["index_0"] == 4) & (table["index_1"] == 2)][0]
    sky_position = CUBE.wcs.celestial.pixel_to_world(2, 4)
    assert (row["ra"], row["dec"]) == (sky_position.ra, sky_position.dec)
    for name in result.names:
        assert_array_equal(row[name], result[name][4, 2])
        assert_array_equal(row[f"{name}_error"], result.error[name][4, 2])
        assert table[name].unit == result[name].unit
    for name in ("statistic", "dof", "n_points", "n_iter", "status"):
        assert_array_equal(table[name], getattr(result, name).reshape(-1))
    assert table.meta["status"][Status.SINGULAR] == "singular"


def test_ecsv(tmp_path):
    table = sky().to_table()
    table.write(tmp_path / "a.ecsv")
    again = QTable.read(tmp_path / "a.ecsv")
    assert again.colnames == table.colnames
    assert again.meta == table.meta
    for name in table.colnames:
        assert_array_equal(again[name], table[name])


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 2), (0, 3)])
def test_tables_of_other_shapes(shape):
    table = result_of(m.Const1D(), shape).to_table()
    assert len(table) == np.prod(shape)
    assert table.colnames[: len(shape)] == [f"index_{axis}" for axis in range(len(shape))]
    if shape:
        assert_array_equal(table["index_0"], np.indices(shape)[0].reshape(-1))


def test_names_that_clash():
    @custom_model
    def line(x, ra=1, ra_error=2, status=3):
        return ra * x + ra_error + status

    result = replace(result_of(line(), (6, 5)), wcs=CUBE.wcs.celestial)
    table, dataset = result.to_table(), result.to_xarray()
    assert len(set(table.colnames)) == len(table.colnames) == 2 + 2 + 6 + 5
    for found in (table, dataset):
        assert_array_equal(np.ravel(found["ra_"]), result["ra"].reshape(-1))
        assert_array_equal(np.ravel(found["ra_error"]), result.error["ra"].reshape(-1))
        assert_array_equal(np.ravel(found["ra_error_"]), result["ra_error"].reshape(-1))
        assert_array_equal(np.ravel(found["status"]), result["status"].reshape(-1))
        assert_array_equal(np.ravel(found["status_"]), result.status.reshape(-1))


def test_coordinates_of_one_row_of_the_sky():
    own = iterating_wcs(CUBE.wcs, Axes((4, 6, 5), (0, 1)))
    table = replace(result_of(m.Const1D(), (5,)), wcs=own).to_table()
    expected = CUBE.wcs.celestial.pixel_to_world(np.arange(5), 0)
    assert_array_equal(table["ra"], expected.ra)
    assert_array_equal(table["dec"], expected.dec)


# -- datasets ------------------------------------------------------------------------------------------------


def test_dataset_of_a_map_of_the_sky():
    result = sky()
    dataset = result.to_xarray()
    assert dict(dataset.sizes) == {"y": 6, "x": 5}
    assert dataset["ra"].dims == dataset["dec"].dims == ("y", "x")
    assert dataset["dec"].attrs["units"] == "deg"
    assert_array_equal(dataset["dec"][4, 2], CUBE.wcs.celestial.pixel_to_world(2, 4).dec.deg)
    for name in result.names:
        assert_array_equal(dataset[name], result[name].value)
        assert_array_equal(dataset[f"{name}_error"], result.error[name].value)
        assert u.Unit(dataset[name].attrs["units"]) == result[name].unit
    assert_array_equal(dataset["status"], result.status)
    assert dataset["status"].attrs["flag_meanings"].split()[Status.SINGULAR] == "singular"


def test_separable_coordinates_have_one_dimension():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cunit, wcs.wcs.cdelt = ["VRAD", "STOKES"], ["km/s", ""], [2, 1]
    dataset = replace(result_of(m.Const1D(), (3, 4)), wcs=wcs).to_xarray()
    assert dataset["radio"].dims == ("axis_1",)
    assert_array_equal(dataset["radio"].diff("axis_1"), [2000.0] * 3)
    assert dataset["radio"].attrs["units"] == "m / s"
    assert dataset["stokes"].dims == ("axis_0",)


def test_lazy_results_stay_lazy():
    import dask.array as da

    result = result_of(gaussian(), **LINE)
    parameters = result.parameters
    arrays = {name: da.from_array(values) for name, values in vars(parameters.solution).items()}
    lazy = replace(result, parameters=replace(parameters, solution=replace(parameters.solution, **arrays)))
    dataset = lazy.to_xarray()
    assert all(variable.chunks is not None for variable in dataset.data_vars.values())
    xarray.testing.assert_identical(dataset.compute(), result.to_xarray())
    assert_array_equal(lazy.to_table()["mean"], result.to_table()["mean"])


def test_netcdf_zarr_and_shapes(tmp_path):
    for shape in ((), (4,), (2, 3, 2)):
        dataset = result_of(gaussian(), shape, **LINE).to_xarray()
        store = tmp_path / f"{len(shape)}.zarr"
        dataset.to_zarr(store, zarr_format=2, consolidated=True)
        xarray.testing.assert_identical(xarray.open_zarr(store).compute(), dataset)
