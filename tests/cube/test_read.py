"""Reading: every kind of input, any order of axes, units, noise, masks, notes, and clear errors."""

from __future__ import annotations

import gzip
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import InverseVariance, NDData, StdDevUncertainty, VarianceUncertainty
from astropy.wcs import WCS

from manyfit import cube, datasets
from manyfit.errors import InputError, InputTypeError

KMS = u.km / u.s


def real(name: str) -> Path:
    path = Path(os.environ.get("MANYFIT_TEST_DATA", "/nonexistent")) / "cubes" / name
    if not path.is_file():
        pytest.skip(f"{name} is not in the folder cubes of MANYFIT_TEST_DATA")
    return path


@pytest.fixture(scope="module")
def made():
    return datasets.simulate_cube((12, 7, 9))


def same(co, made, axis_unit=None):
    """Whether a cube has values, axis, unit and WCS of the simulated one."""
    np.testing.assert_array_equal(co.values(), made.data.value)
    assert co.unit == u.K
    expected = made.wcs.sub([3]).pixel_to_world_values(np.arange(12)) * u.m / u.s
    np.testing.assert_allclose(co.spectral_axis.to_value(u.m / u.s), expected.value, rtol=1e-13)
    if co.wcs is not None:
        np.testing.assert_allclose(
            co.wcs.array_index_to_world_values(2, 3), made.wcs.celestial.array_index_to_world_values(2, 3)
        )
    return True


def xarray_of(made):
    import xarray

    axis = made.wcs.sub([3]).pixel_to_world_values(np.arange(12))
    return xarray.DataArray(
        made.data.value,
        dims=("velocity", "y", "x"),
        coords={"velocity": ("velocity", axis, {"units": "m/s"})},
        attrs={"units": "K"},
    )


def spectral_cube_of(made):
    from spectral_cube import SpectralCube

    return SpectralCube(made.data, made.wcs)


def ndcube_of(made):
    from ndcube import NDCube

    return NDCube(made.data.value, wcs=made.wcs, unit="K")


KINDS = {
    "tuple": lambda made: (made.data, made.wcs),
    "header": lambda made: (made.data, made.to_hdu().header),
    "hdu": lambda made: made.to_hdu(),
    "hdulist": lambda made: fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(made.data.value, made.to_hdu().header)]),
    "nddata": lambda made: NDData(made.data.value, wcs=made.wcs, unit="K"),
    "ndcube": ndcube_of,
    "xarray": xarray_of,
    "xarray dataset": lambda made: xarray_of(made).to_dataset(name="co"),
    "spectral cube": spectral_cube_of,
}


@pytest.mark.parametrize("kind", KINDS)
def test_objects_of_many_kinds(kind, made):
    for package in ("ndcube", "xarray"):
        if package in kind:
            pytest.importorskip(package)
    if kind == "spectral cube":
        pytest.importorskip("spectral_cube")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = KINDS[kind](made)
    assert same(cube.read(given), made)


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz", "a.fits.fz", "scaled.fits"])
def test_fits_files(name, made, tmp_path):
    hdu = made.to_hdu()
    path = tmp_path / name
    match name:
        case "a.fits.gz":
            path.write_bytes(gzip.compress(_bytes(hdu)))
        case "a.fits.fz":
            fits.CompImageHDU(hdu.data, hdu.header, quantize_level=0, compression_type="GZIP_2").writeto(path)
        case "scaled.fits":
            raw = np.arange(12 * 7 * 9, dtype=np.int16).reshape(12, 7, 9)
            scaled = fits.PrimaryHDU(raw, hdu.header)
            scaled.header["BSCALE"], scaled.header["BZERO"], scaled.header["BLANK"] = 0.5, 3.0, 7
            scaled.writeto(path)
            expected = np.where(raw == 7, np.nan, raw * 0.5 + 3)
            # BSCALE set in a header by hand is applied when the file is read
            np.testing.assert_array_equal(cube.read(path).values(), expected)
            return
        case _:
            path.write_bytes(_bytes(hdu))
    assert same(cube.read(str(path)), made)
    assert cube.read(path).header["OBJECT"] == "simulated 13CO"


def _bytes(hdu):
    import io

    with io.BytesIO() as file:
        hdu.writeto(file)
        return file.getvalue()


def test_a_plain_file_is_not_read_before_it_is_needed(made, tmp_path):
    made.write(tmp_path / "a.fits")
    assert isinstance(cube.read(tmp_path / "a.fits").data, np.memmap)


@pytest.mark.parametrize("grouped", [False, True])
def test_zarr(grouped, made, tmp_path):
    zarr = pytest.importorskip("zarr")
    if grouped:
        pytest.importorskip("xarray")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of zarr about its own format
            xarray_of(made).to_dataset(name="co").to_zarr(tmp_path / "a.zarr")
        assert same(cube.read(tmp_path / "a.zarr"), made)
        return
    array = zarr.create_array(tmp_path / "a.zarr", data=made.data.value, chunks=(12, 3, 4))
    axis = made.wcs.sub([3]).pixel_to_world_values(np.arange(12)) * u.m / u.s
    for given in (array, str(tmp_path / "a.zarr")):
        assert same(cube.read(given, spectral_axis=axis, unit="K"), made)
    co = cube.read(array, spectral_axis=axis, unit="K")
    np.testing.assert_array_equal(cube.noise(co), cube.noise(cube.read((made.data, made.wcs))))


def test_dask_and_a_zarr_array_with_the_spectral_axis_last(made, tmp_path):
    import dask.array

    zarr = pytest.importorskip("zarr")
    axis = made.wcs.sub([3]).pixel_to_world_values(np.arange(12)) * u.m / u.s
    lazy = dask.array.from_array(made.data.value, chunks=(5, 4, 4))
    assert same(cube.read(lazy, spectral_axis=axis, unit="K"), made)
    last = np.ascontiguousarray(np.moveaxis(made.data.value, 0, -1))
    array = zarr.create_array(tmp_path / "a.zarr", data=last, chunks=(3, 4, 12))
    assert same(cube.read(array, spectral_axis=axis, unit="K"), made)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("stokes", [None, 0, 1, 3])
def test_axes_in_any_order(order, stokes, made):
    data, axes = made.data.value.transpose(order), [3 - axis for axis in order][::-1]
    wcs = made.wcs.sub(axes)
    if stokes is not None:
        data = np.expand_dims(data, stokes)
        place = data.ndim - stokes
        header = made.wcs.sub([*axes[: place - 1], 0, *axes[place - 1 :]]).to_header()
        header[f"CTYPE{place}"] = "STOKES"
        header[f"CRVAL{place}"], header[f"CDELT{place}"], header[f"CRPIX{place}"] = 1, 1, 1
        wcs = WCS(header)
    co = cube.read((data * u.K, wcs))
    expected = made.data.value if order.index(1) < order.index(2) else made.data.value.swapaxes(1, 2)
    np.testing.assert_array_equal(co.values(), expected)
    np.testing.assert_allclose(
        co.wcs.array_index_to_world_values(2, 3),
        made.wcs.celestial.array_index_to_world_values(*((2, 3) if order.index(1) < order.index(2) else (3, 2)))
        if order.index(1) < order.index(2)
        else made.wcs.celestial.array_index_to_world_values(3, 2)[::-1],
    )
    said = " ".join(co.notes)
    assert ("dropped" in said) == (stokes is not None)
    left = [axis for axis in range(data.ndim) if axis != stokes]
    assert ("moved" in said) == (data.shape[left[0]] != 12)


@pytest.mark.parametrize(
    ("uncertainty", "kind"),
    [
        (0.5, "std"),
        (500 * u.mK, "std"),
        (np.full((12, 7, 9), 0.25), "var"),
        (np.full((7, 9), 4.0), "ivar"),
        (np.full(12, 0.25) * u.K**2, "var"),
        (StdDevUncertainty(np.full((12, 7, 9), 0.5)), "std"),
        (VarianceUncertainty(np.full((12, 7, 9), 0.25)), "std"),
        (InverseVariance(np.full((12, 7, 9), 4.0)), "std"),
        (StdDevUncertainty(np.full((12, 7, 9), 500.0), unit="mK"), "std"),
    ],
)
def test_uncertainty(uncertainty, kind, made):
    co = cube.read((made.data, made.wcs), uncertainty=uncertainty, uncertainty_type=kind)
    found = np.broadcast_to(np.asarray(co.uncertainty), co.shape)
    np.testing.assert_allclose(found, 0.5, rtol=1e-15)


def test_noise_that_comes_with_data(made):
    data = NDData(made.data.value, wcs=made.wcs, unit="K", uncertainty=VarianceUncertainty(np.full((12, 7, 9), 9.0)))
    assert (np.asarray(cube.read(data).uncertainty) == 3).all()


def test_noise_and_mask_in_the_order_of_the_data(made):
    rng = np.random.default_rng(0)
    noise, bad = rng.uniform(1, 2, (12, 7, 9)), rng.random((12, 7, 9)) < 0.2
    axis = made.wcs.sub([3]).pixel_to_world_values(np.arange(12)) * u.m / u.s
    last = [np.moveaxis(a, 0, -1) for a in (made.data.value, noise, bad)]
    co = cube.read(last[0], unit="K", spectral_axis=axis, uncertainty=last[1], mask=last[2])
    np.testing.assert_array_equal(co.uncertainty, noise)
    np.testing.assert_array_equal(np.isnan(co.values()), bad)


@pytest.mark.parametrize("shape", [(12, 7, 9), (7, 9), (12,), (1, 7, 9)])
def test_masks(shape, made):
    bad = np.random.default_rng(0).random(shape) < 0.4
    full = np.broadcast_to(bad[:, None, None] if shape == (12,) else bad, (12, 7, 9))
    for given in (bad, bad.astype(int)):
        co = cube.read((made.data, made.wcs), mask=given)
        np.testing.assert_array_equal(np.isnan(co.values()), full)
        np.testing.assert_array_equal(np.isnan(co[2:5, 1:4, 2:8].values()), full[2:5, 1:4, 2:8])
        np.testing.assert_array_equal(np.isnan(co[:, 3, 4].values()), full[:, 3, 4])


def test_extensions_of_a_file(made, tmp_path):
    header = made.to_hdu().header
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(made.data.value, header, name="SCI"),
        fits.ImageHDU(np.full((12, 7, 9), 0.04), name="ERR"),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    plain = cube.read(tmp_path / "a.fits")
    assert any("uncertainty='ERR'" in note for note in plain.notes)
    known = cube.read(tmp_path / "a.fits", uncertainty="ERR", uncertainty_type="var")
    assert not any("ERR" in note for note in known.notes)
    np.testing.assert_allclose(known.uncertainty, 0.2)
    assert same(cube.read(f"{tmp_path / 'a.fits'}[SCI]"), made)
    assert same(cube.read(tmp_path / "a.fits", hdu=1), made)


def test_units_of_data(made):
    assert cube.read((made.data, made.wcs), unit="mK").values()[0, 0, 0] == pytest.approx(
        1000 * made.data.value[0, 0, 0]
    )
    bare = cube.read((made.data.value, made.wcs))
    assert bare.unit == u.dimensionless_unscaled
    assert "unit='K'" in " ".join(bare.notes)
    hdu = made.to_hdu()
    hdu.header["BUNIT"] = "counts per something"
    assert "'counts per something' is no unit that is known" in " ".join(cube.read(hdu).notes)
    assert cube.read(hdu, unit="K").unit == u.K


def test_an_axis_without_a_unit_is_what_the_user_says(made):
    hdu = made.to_hdu()
    hdu.header["CTYPE3"] = "LAMBDA"
    del hdu.header["CUNIT3"], hdu.header["SPECSYS"], hdu.header["RESTFRQ"]
    with pytest.raises(InputError, match=r"no unit\. Give spectral_unit="):
        cube.read(hdu)
    co = cube.read(hdu, spectral_unit="Angstrom")
    assert co.spectral_axis.unit == u.AA
    assert any("taken as Angstrom" in note for note in co.notes)
    assert any("air or in vacuum" in note for note in co.notes)
    assert cube.read(hdu, spectral_unit="Angstrom", medium="air").medium == "air"


@pytest.mark.parametrize(("ctype", "medium"), [("WAVE", "vacuum"), ("AWAV", "air")])
def test_air_and_vacuum_are_those_of_the_header(ctype, medium, made):
    hdu = made.to_hdu()
    hdu.header["CTYPE3"], hdu.header["CUNIT3"] = ctype, "um"
    assert cube.read(hdu).medium == medium
    assert cube.read(hdu).spectral_axis.unit == u.um


def test_a_gwcs_like_axis_that_differs_between_spectra():
    """A spectral coordinate that depends on the column as well: one coordinate for each voxel."""
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = ["LINEAR", "LINEAR", "WAVE"]
    wcs.wcs.cunit = ["", "", "um"]
    wcs.wcs.cdelt = [1, 1, 0.01]
    wcs.wcs.crval = [0, 0, 2]
    wcs.wcs.pc = [[1, 0, 0], [0, 1, 0], [0.1, 0, 1]]
    co = cube.read((np.zeros((5, 3, 4)) * u.Jy, wcs))
    assert co.spectral_axis.shape == (5, 3, 4)
    k, _, x = np.indices((5, 3, 4))
    np.testing.assert_allclose(co.spectral_axis.to_value(u.um), 2 + 0.01 * (k + 1 + 0.1 * (x + 1)), rtol=1e-12)
    assert co[:, 1:, 2:].spectral_axis.shape == (5, 2, 2)
    assert co[:, 1, 2].spectral_axis.shape == (5,)


def test_real_files():
    co = cube.read(real("l1448_13co.fits"), unit="K", spectral_unit="km/s")
    assert (co.shape, co.unit, co.convention) == ((53, 105, 105), u.K, "optical")
    co = cube.read(real("NGC4047.co.smo7msk.fits.gz"))
    assert co.shape == (44, 128, 128)
    assert (co.unit, co.convention, co.rest) == (u.Jy / u.beam, "radio", 115.271204 * u.GHz)
    assert any("stokes" in note.lower() for note in co.notes)
    assert abs(np.isnan(co.values()).mean() - 0.37) < 0.01
    co = cube.read(real("grs-test_field_5x5.fits"))
    assert (co.shape, co.unit) == ((424, 5, 5), u.K)


def test_ngc3081_has_wavelengths_without_unit_and_variances():
    co = cube.read(real("ngc3081_cube.fits"), spectral_unit="Angstrom", uncertainty="ERR", uncertainty_type="var")
    with fits.open(real("ngc3081_cube.fits")) as hdus:
        np.testing.assert_allclose(co.uncertainty**2, hdus["ERR"].data, rtol=1e-6)
        np.testing.assert_array_equal(co.values(), hdus["SCI"].data)
    np.testing.assert_allclose(co.spectral_axis.value, 5627.89 + 0.678294 * np.arange(1800), rtol=1e-13)
    assert co.medium is None
    assert any("air" in note for note in co.notes)


def test_eis_has_the_wavelengths_of_its_reference():
    h5py = pytest.importorskip("h5py")
    path = real("eis_20210306_064444.data.h5")
    by_number, by_wavelength = cube.read_eis(path, 2), cube.read_eis(path, 192.394)
    np.testing.assert_array_equal(by_number.values(), by_wavelength.values())
    with h5py.File(real("eis_20210306_064444.fe_12_192_394.1c-0.fit.h5")) as file:
        wavelength = np.moveaxis(file["fit/wavelength"][()], -1, 0)
    np.testing.assert_allclose(by_number.spectral_axis.to_value(u.AA), wavelength, rtol=1e-13)
    assert by_number.spectral_axis.shape == by_number.shape == (24, 120, 25)
    assert 0.005 < np.isnan(by_number.values()).mean() < 0.02
    assert (by_number.uncertainty > 0).all()
    with pytest.raises(InputError, match="no window 500"):
        cube.read_eis(path, 500)
    with pytest.raises(FileNotFoundError):
        cube.read_eis("nothing.data.h5")


AXIS = np.arange(5) * KMS


@pytest.mark.parametrize(
    ("given", "arguments", "error", "text"),
    [
        (np.zeros((5, 6)), {"spectral_axis": AXIS}, InputError, "no spectral cube: it has 1 spatial axis"),
        (np.zeros((5, 3, 4)), {}, InputError, "came without coordinates"),
        (np.zeros((5, 3, 4)), {"spectral_axis": np.arange(5.0)}, InputError, "has no unit"),
        (np.zeros((5, 3, 4)), {"spectral_axis": np.arange(5) * u.K}, InputError, "no unit of a spectral axis"),
        (np.zeros((6, 3, 4)), {"spectral_axis": AXIS}, InputError, "has 5 channels"),
        (np.zeros((2, 5, 3, 4)), {"spectral_axis": AXIS}, InputError, "3 spatial axes"),
        (np.zeros((5, 3, 4)), {"spectral_axis": AXIS, "mask": np.ones((3, 3))}, InputError, "mask has shape"),
        (np.zeros((5, 3, 4)), {"spectral_axis": AXIS, "uncertainty": np.ones(6)}, InputError, "uncertainty has shape"),
        (np.zeros((5, 3, 4)) * u.K, {"spectral_axis": AXIS, "uncertainty": 1 * u.Jy}, InputError, "does not convert"),
        (np.zeros((5, 3, 4)), {"spectral_axis": AXIS, "uncertainty": 1.0, "gain": 1.0}, InputError, "Both gain"),
        (
            np.zeros((5, 3, 4)),
            {"spectral_axis": AXIS, "uncertainty": 1.0, "uncertainty_type": "sigma"},
            InputError,
            "Accepted: 'std', 'var', 'ivar'",
        ),
        (np.zeros((5, 3, 4)), {"spectral_axis": AXIS, "spectral_unit": "GHz"}, InputError, "rest frequency"),
        (np.zeros((5, 3, 4)), {"spectral_axis": AXIS, "spectral_unit": "kg"}, InputError, "no unit of a spectral axis"),
        (np.zeros((5, 3, 4)), {"spectral_axis": AXIS, "convention": "radios"}, InputError, "Did you mean 'radio'"),
        (np.zeros((5, 3, 4)), {"spectral_axis": AXIS, "medium": "water"}, InputError, "medium 'water'"),
        (np.zeros((5, 3, 4)), {"spectral_axis": AXIS, "rest": 115.27}, InputError, "no rest frequency"),
        (np.zeros((5, 3, 4)), {"spectral_axis": AXIS, "hdu": 1}, InputError, "It is for FITS files"),
        ("nothing.fits", {}, FileNotFoundError, "no file"),
        ((np.zeros((5, 3, 4)), 3), {}, InputTypeError, "Give .data, wcs."),
        ({}, {}, InputTypeError, "Accepted"),
    ],
)
def test_clear_errors(given, arguments, error, text):
    with pytest.raises(error, match=text):
        cube.read(given, **arguments)


def test_images_and_polarisation(made):
    with pytest.raises(InputError, match="No spectral axis"):
        cube.read((made.data[0], made.wcs.celestial))
    wcs = WCS(naxis=4)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN", "VRAD", "STOKES"]
    wcs.wcs.cunit = ["deg", "deg", "m/s", ""]
    with pytest.raises(
        InputError, match=r"4 planes of polarisation .* numbers or names: 0: 'I', 1: 'Q', 2: 'U', 3: 'V'"
    ):
        cube.read((np.zeros((4, 5, 3, 3)), wcs))
    with pytest.raises(InputError, match="The WCS has 4 axes and the data 3"):
        cube.read((np.zeros((5, 3, 3)), wcs))
    header = made.to_hdu().header
    for key in ("CTYPE3", "CUNIT3", "SPECSYS", "RESTFRQ"):
        del header[key]
    with pytest.raises(InputError, match="spectral_axis="):
        cube.read((made.data, header))


@pytest.fixture
def polarised(tmp_path):
    """A file with planes XX, YY and XY, and the numbers in it."""
    data = np.random.default_rng(0).normal(size=(3, 5, 4, 6)).astype(np.float32)
    header = fits.Header([("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("CTYPE3", "VRAD"), ("CUNIT3", "km/s")])
    header.extend([("CTYPE4", "STOKES"), ("CRPIX4", 1), ("CRVAL4", -5), ("CDELT4", -1), ("BUNIT", "K")])
    hdus = [fits.PrimaryHDU(data, header), fits.ImageHDU(np.abs(data), name="ERR")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    return tmp_path / "a.fits", data


@pytest.mark.parametrize(("asked", "plane"), [("XX", 0), ("yy", 1), ("XY", 2), (0, 0), (2, 2)])
def test_planes_of_polarisation(polarised, asked, plane):
    file, data = polarised
    co = cube.read(file, stokes=asked, uncertainty="ERR", mask=data > 2)
    np.testing.assert_array_equal(co.values(), np.where(data[plane] > 2, np.nan, data[plane]))
    np.testing.assert_array_equal(np.asarray(co.uncertainty), np.abs(data[plane]))
    assert any(f"took {('XX', 'YY', 'XY')[plane]} of 3" in note for note in co.notes)
    assert co.wcs.pixel_n_dim == 2
    assert co.n_channels == 5


@pytest.mark.parametrize("asked", ["I", "ZZ", 3, -1, None, True])
def test_planes_that_are_not_there(polarised, asked):
    with pytest.raises(InputError, match="0: 'XX', 1: 'YY', 2: 'XY'"):
        cube.read(polarised[0], stokes=asked)


def test_no_planes_at_all(made):
    for given in ({}, {"spectral_axis": np.arange(len(made.data)) * u.km / u.s}):
        with pytest.raises(InputError, match="no axis of polarisation"):
            cube.read(made.to_hdu(), stokes="I", **given)


def test_a_truncated_file(made, tmp_path):
    made.write(tmp_path / "a.fits")
    (tmp_path / "b.fits").write_bytes((tmp_path / "a.fits").read_bytes()[:4000])
    with pytest.raises(InputError, match="truncated"):
        cube.read(tmp_path / "b.fits")
