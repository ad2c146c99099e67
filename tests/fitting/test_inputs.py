"""Tests of manyfit.fitting._inputs."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import NDData, StdDevUncertainty
from astropy.wcs import WCS

from manyfit.errors import InputError, InputTypeError
from manyfit.fitting._inputs import read

VALUES = np.random.default_rng(1).normal(size=(6, 5, 4))
CUT = (slice(1, 5), slice(0, 2), slice(1, 4))
MASK = VALUES > 1


def wcs():
    made = WCS(naxis=3)
    made.wcs.ctype = "RA---TAN", "DEC--TAN", "FREQ"
    made.wcs.cunit = "deg", "deg", "Hz"
    made.wcs.cdelt = 0.1, 0.1, 1e6
    made.wcs.crval = 10, 20, 1e9
    made.wcs.set()
    return made


def same(labelled):
    assert labelled.source.shape == VALUES.shape
    np.testing.assert_array_equal(labelled.source.read(CUT), VALUES[CUT])
    return labelled


def bad(labelled):
    return np.broadcast_to(labelled.mask, VALUES.shape)


@pytest.mark.parametrize("dtype", [">f8", "<f4", ">i2", "u1", np.float16, np.longdouble])
def test_arrays_of_numbers(dtype):
    values = (10 * np.abs(VALUES)).astype(dtype)
    np.testing.assert_array_equal(read(values).source.read(CUT), values[CUT])


def test_quantity():
    assert same(read(VALUES * u.Jy)).unit == u.Jy


def test_masked_array():
    labelled = same(read(np.ma.MaskedArray(VALUES, MASK)))
    np.testing.assert_array_equal(bad(labelled), MASK)
    assert read(np.ma.MaskedArray(VALUES)).mask is None


def test_masked_quantity():
    from astropy.utils.masked import Masked

    labelled = same(read(Masked(VALUES * u.K, MASK)))
    np.testing.assert_array_equal(bad(labelled), MASK)
    assert labelled.unit == u.K
    assert same(read(Masked(VALUES, MASK))).unit is None


def test_nddata():
    noise = StdDevUncertainty(np.ones(VALUES.shape))
    labelled = same(read(NDData(VALUES, unit="Jy", wcs=wcs(), mask=MASK, uncertainty=noise)))
    assert labelled.unit == u.Jy
    assert labelled.wcs.pixel_n_dim == 3
    assert labelled.uncertainty is not None
    np.testing.assert_array_equal(bad(labelled), MASK)


def test_nddata_with_nothing_else():
    labelled = same(read(NDData(VALUES)))
    assert (labelled.unit, labelled.wcs, labelled.mask, labelled.uncertainty) == (None, None, None, None)


def test_ndcube_of_dask():
    import dask.array as da
    from ndcube import NDCube

    labelled = same(read(NDCube(da.from_array(VALUES, chunks=(6, 1, 4)), wcs=wcs(), unit="K", mask=MASK)))
    assert labelled.source.chunks == (6, 1, 4)
    assert labelled.unit == u.K
    np.testing.assert_array_equal(bad(labelled), MASK)


@pytest.mark.parametrize("use_dask", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_spectral_cube(use_dask):
    from spectral_cube import SpectralCube

    cube = SpectralCube(VALUES * u.K, wcs(), use_dask=use_dask).with_mask(~MASK).with_fill_value(0.0)
    labelled = read(cube)
    assert labelled.unit == u.K
    assert labelled.wcs.pixel_n_dim == 3
    expected = np.where(MASK, np.nan, VALUES)[CUT]
    for source in (labelled.source, pickle.loads(pickle.dumps(labelled.source))):
        np.testing.assert_array_equal(source.read(CUT), expected)


def test_xarray():
    import xarray as xr

    coords = {"v": ("v", np.arange(6.0), {"units": "km/s"}), "x": np.arange(4), "y": list("abcde")}
    labelled = same(read(xr.DataArray(VALUES, dims=("v", "y", "x"), coords=coords, attrs={"units": "K"})))
    assert labelled.names == ("v", "y", "x")
    assert labelled.unit == u.K
    v, y, x = labelled.coordinates
    assert v.unit == u.km / u.s
    assert y is None
    np.testing.assert_array_equal(x, np.arange(4.0))


def test_xarray_of_dask():
    import dask.array as da
    import xarray as xr

    assert same(read(xr.DataArray(da.from_array(VALUES, chunks=(6, 5, 2))))).source.chunks == (6, 5, 2)


def zarr_group(path, **arrays):
    import zarr

    group = zarr.open_group(str(path), mode="w")
    for name, (values, attributes) in arrays.items():
        array = group.create_array(name, shape=values.shape, chunks=(6, 1, 4), dtype=values.dtype)
        array[...] = values
        array.attrs.update(attributes)
    return group


def test_zarr_group_of_one_array(tmp_path):
    group = zarr_group(tmp_path / "a.zarr", flux=(VALUES, {"units": "mJy"}))
    for data in (
        group,
        group["flux"],
        tmp_path / "a.zarr",
        str(tmp_path / "a.zarr"),
        tmp_path / "a.zarr" / "flux",
    ):
        labelled = same(read(data))
        assert labelled.unit == u.mJy
        assert labelled.source.chunks == (6, 1, 4)


def test_zarr_group_of_several_arrays(tmp_path):
    group = zarr_group(tmp_path / "a.zarr", flux=(VALUES, {}), noise=(2 * VALUES, {}))
    with pytest.raises(InputError, match=r"has arrays flux 6x5x4, noise 6x5x4.*group\['name'\]"):
        read(group)
    same(read(tmp_path / "a.zarr" / "flux"))
    same(read(zarr_group(tmp_path / "b.zarr", data=(VALUES, {}), noise=(2 * VALUES, {}))))


def test_paths_and_hdus(tmp_path):
    file = tmp_path / "cube[1].fits"
    fits.HDUList([fits.PrimaryHDU(VALUES), fits.ImageHDU(-VALUES, name="NEG")]).writeto(file)
    for data in (file, str(file), Path(f"{file}[0]")):
        same(read(data))
    np.testing.assert_array_equal(read(f"{file}[NEG]").source.read(CUT), -VALUES[CUT])
    with fits.open(file) as hdus:
        same(read(hdus))
        same(read(hdus[0]))


@pytest.mark.parametrize("name", ["none.fits", "none.fits[1]", "none.zarr"])
def test_no_such_file(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"mask: there is no file '.*none"):
        read(tmp_path / name, "mask")


def test_a_folder_that_is_no_zarr_store(tmp_path):
    with pytest.raises(InputError, match="is no zarr store"):
        read(tmp_path)


@pytest.mark.parametrize("data", [None, b"abc", {"a": 1}, {1, 2}, VALUES + 1j, np.array(["a"]), object()])
def test_other_things_are_refused(data):
    with pytest.raises(InputTypeError, match=r"data is a \w+"):
        read(data)


def test_an_xarray_dataset_is_refused():
    import xarray as xr

    with pytest.raises(InputTypeError, match=r"data is a Dataset\. Accepted: a path or URL of a FITS file"):
        read(xr.Dataset({"a": ("x", [1.0])}))


def test_plain_arrays_import_no_heavy_package():
    code = (
        "import sys, numpy as np; from manyfit.fitting._inputs import read; read(np.zeros((2, 3)));"
        "heavy = {'dask', 'xarray', 'zarr', 'spectral_cube', 'ndcube', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
