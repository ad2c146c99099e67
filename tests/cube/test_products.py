"""Files of a cube: what is in them, and that there is never half of one."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import xarray
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from numpy.testing import assert_allclose, assert_array_equal

from manyfit import FitResult, cube, datasets
from manyfit.cube import _exports, _fits_maps
from manyfit.cube._exports import write_table, write_zarr
from manyfit.cube._fits_axis import cube_header
from manyfit.cube._fits_maps import image
from manyfit.cube._products import write_fit, write_moments, write_signal
from manyfit.errors import InputError, OutputExists
from manyfit.fitting._folder import check_folder, filling

SIMULATED = datasets.simulate_cube((53, 14, 12), noise=0.15)


@pytest.fixture(scope="module")
def hdu():
    simulated = SIMULATED.to_hdu()
    simulated.header["BMAJ"] = 0.01
    simulated.header["TELESCOP"] = "none"
    return simulated


@pytest.fixture(scope="module")
def co(hdu):
    return replace(cube.read(hdu, spectral_unit="km/s"), notes=("a note: σ is small",))


@pytest.fixture(scope="module")
def signal(co):
    return cube.signal_mask(co, min_voxels=10, min_bright_voxels=3)


@pytest.fixture(scope="module")
def moments(co, signal):
    return cube.moments(co, signal)


@pytest.fixture(scope="module")
def fit(co, signal):
    return cube.fit_lines(co, signal)


@pytest.fixture(scope="module")
def blended(co, signal):
    return cube.decompose(co, signal, max_components=2)


def verified(path):
    """All HDUs by name; every one of them as its checksums say and as the standard wants it."""
    with fits.open(path, memmap=False, checksum=True) as hdus:
        for hdu in hdus:
            hdu.verify("exception")
            assert {"CHECKSUM", "DATASUM"} <= set(hdu.header)
            assert hdu.verify_checksum() == 1
            assert hdu.data is None or hdu.data.size  # read before the file is closed
        return {hdu.name: hdu for hdu in hdus}


# -- the fit -------------------------------------------------------------------------------------------------


def test_fit_reads_back_number_for_number(fit, moments, tmp_path):
    write_fit(fit, tmp_path / "fit.fits", moments=moments, history=["mask_low = 3"])
    again = FitResult.read(tmp_path / "fit.fits")
    assert again.names == fit.names
    for name in fit:
        assert_array_equal(again[name].value, fit[name].value)
        assert_array_equal(again.error[name].value, fit.error[name].value)
        assert again[name].unit == fit[name].unit
    assert_array_equal(again.status, fit.status)


def test_every_map_has_name_unit_and_sky(fit, moments, tmp_path):
    write_fit(fit, tmp_path / "fit.fits", moments=moments)
    hdus = verified(tmp_path / "fit.fits")
    expected = {
        "NOISE": (fit.noise, "K"),
        "INTEGRATED": (fit.integrated(), "K km s-1"),
        "INTEGRATED_ERR": (fit.integrated_error(), "K km s-1"),
        "MOMENTS_PEAK": (moments["peak"], "K"),
        "MOMENTS_MOMENT1_ERR": (moments.error["moment1"], "km s-1"),
        "MEAN": (fit["mean"], "km s-1"),
        "AMPLITUDE_ERR": (fit.error["amplitude"], "K"),
    }
    celestial = SIMULATED.wcs.celestial
    for name, (values, unit) in expected.items():
        assert_array_equal(hdus[name].data, values.value)
        assert u.Unit(hdus[name].header["BUNIT"]) == u.Unit(unit)
        sky = WCS(hdus[name].header).pixel_to_world(3, 4)
        assert sky.separation(celestial.pixel_to_world(3, 4)) < 1e-6 * u.arcsec
    assert hdus["STATUS"].header["FLAG0"] == "converged"


def test_header_says_what_was_read_and_done(fit, tmp_path):
    write_fit(fit, tmp_path / "fit.fits", history=["mask_low = 3", "two\nlines"])
    header = verified(tmp_path / "fit.fits")["PRIMARY"].header
    history = list(header["HISTORY"])
    assert "a note: \\u03c3 is small" in history
    assert history[-3:] == ["mask_low = 3", "two", "lines"]
    assert header["OBJECT"] == "simulated 13CO"
    assert (header["BMAJ"], header["TELESCOP"]) == (0.01, "none")
    assert header["CREATOR"].startswith("manyfit")
    assert "DATE" in header


def test_decomposition(blended, signal, tmp_path):
    write_fit(blended, tmp_path / "fit.fits", noise=signal.noise)
    hdus = verified(tmp_path / "fit.fits")
    assert_array_equal(hdus["NCOMP"].data, blended.n_components)
    assert_array_equal(hdus["INTEGRATED_1"].data, blended.integrated()[1].value)
    assert_array_equal(hdus["NOISE"].data, signal.noise.value)
    again = FitResult.read(tmp_path / "fit.fits")
    assert_array_equal(again["mean_0"].value, blended["mean"][0].value)


def test_compressed(fit, tmp_path):
    write_fit(fit, tmp_path / "fit.fits.gz")
    assert (tmp_path / "fit.fits.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert_array_equal(FitResult.read(tmp_path / "fit.fits.gz")["mean"].value, fit["mean"].value)


# -- moments and mask ----------------------------------------------------------------------------------------


def test_moments(moments, co, tmp_path):
    write_moments(moments, tmp_path / "m.fits", cube=co, history=["x = 1"])
    hdus = verified(tmp_path / "m.fits")
    assert [*hdus] == ["PRIMARY", *(f"{name}{end}".upper() for name in moments for end in ("", "_err"))]
    for name in moments:
        assert_array_equal(hdus[name.upper()].data, moments[name].value)
        assert_array_equal(hdus[f"{name.upper()}_ERR"].data, moments.error[name].value)
        assert u.Unit(hdus[name.upper()].header["BUNIT"]) == moments[name].unit
    assert list(hdus["PRIMARY"].header["HISTORY"]) == ["a note: \\u03c3 is small", "x = 1"]


def test_mask(signal, co, tmp_path):
    write_signal(signal, co, tmp_path / "mask.fits")
    hdus = verified(tmp_path / "mask.fits")
    assert_array_equal(hdus["LABELS"].data, signal.labels)
    assert_array_equal(hdus["NOISE"].data, signal.noise.value)
    assert len(hdus["REGIONS"].data) == len(signal.regions) > 0
    sky, velocity = WCS(hdus["LABELS"].header).pixel_to_world(3, 4, 7)
    assert sky.separation(SIMULATED.wcs.celestial.pixel_to_world(3, 4)) < 1e-6 * u.arcsec
    assert_allclose(velocity.to_value("km/s"), co.spectral_axis[7].to_value("km/s"))


def test_regions_can_be_read_as_a_table(signal, co, tmp_path):
    write_signal(signal, co, tmp_path / "mask.fits")
    table = QTable.read(tmp_path / "mask.fits", hdu="REGIONS")
    for name in set(signal.regions.colnames) - {"position"}:
        assert_array_equal(np.asarray(table[name]), np.asarray(signal.regions[name]))
    assert_allclose(table["ra"], signal.regions["position"].ra, rtol=1e-15)
    assert_allclose(table["dec"], signal.regions["position"].dec, rtol=1e-15)


# -- the spectral axis in a header ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "options", "kind"),
    [
        (np.arange(5) * u.km / u.s, {"convention": "radio"}, "VRAD"),
        (np.arange(5)[::-1] * u.km / u.s, {"convention": "optical"}, "VOPT"),
        (np.arange(1, 6) * u.GHz, {}, "FREQ"),
        (np.arange(4000, 4005) * u.AA, {"medium": "air"}, "AWAV"),
        (np.arange(4000, 4005) * u.AA, {"medium": "vacuum"}, "WAVE"),
        (np.arange(1, 6) * u.eV, {}, "ENER"),
    ],
)
def test_spectral_axis_in_a_header(values, options, kind):
    made = cube.read(np.ones((5, 3, 4)), spectral_axis=values, unit="K", **options)
    header = cube_header(made)
    assert header["CTYPE3"] == kind
    steps = header["CRVAL3"] + header["CDELT3"] * (np.arange(5) + 1 - header["CRPIX3"])
    assert_allclose((steps * u.Unit(header["CUNIT3"])).to_value(values.unit), values.value)


@pytest.mark.parametrize("values", [[0, 1, 2, 4, 5], [1, 1, 1, 1, 1]])
def test_irregular_axis_is_left_out(values):
    made = cube.read(np.ones((5, 3, 4)), spectral_axis=values * u.km / u.s, unit="K")
    assert "CRVAL3" not in cube_header(made)


def test_image_of_booleans_and_without_unit():
    hdu = image("mask", np.eye(2, dtype=bool))
    assert hdu.data.dtype == np.uint8
    assert "BUNIT" not in hdu.header


# -- tables and zarr -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["ecsv", "parquet"])
def test_table(fit, suffix, tmp_path):
    rows = fit.to_table()
    assert len(rows) == np.count_nonzero(fit.selected)
    write_table(rows, tmp_path / f"t.{suffix}")
    again = QTable.read(tmp_path / f"t.{suffix}")
    assert again.colnames == rows.colnames
    for name in rows.colnames:
        assert_array_equal(np.asarray(again[name]), np.asarray(rows[name]))
        assert getattr(again[name], "unit", None) == getattr(rows[name], "unit", None)


def test_table_of_another_format(tmp_path):
    with pytest.raises(InputError, match=r"Format of a table 'csv' is not known.*Did you mean 'ecsv'"):
        write_table(QTable({"a": [1]}), tmp_path / "t.csv")
    assert not list(tmp_path.iterdir())


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setattr(_exports, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r'pip install "manyfit\[cube\]"'):
        write_table(QTable({"a": [1]}), tmp_path / "t.parquet")


def test_zarr(fit, tmp_path):
    write_zarr(fit.result.to_xarray(), tmp_path / "fit.zarr")
    again = xarray.open_zarr(tmp_path / "fit.zarr", consolidated=False)
    assert_array_equal(again["mean"].values, fit["mean"].value)
    assert again["mean"].attrs["units"] == "km / s"
    assert again["mean"].dims == ("y", "x")
    assert (tmp_path / "fit.zarr" / "zarr.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["fit.zarr"]


def test_zarr_is_replaced_only_if_asked_and_only_if_it_is_one(tmp_path):
    maps = [xarray.Dataset({"a": (("x",), [float(i)])}) for i in range(2)]
    path = tmp_path / "fit.zarr"
    write_zarr(maps[0], path)
    with pytest.raises(OutputExists, match=r"fit\.zarr' exists"):
        write_zarr(maps[1], path)
    assert xarray.open_zarr(path, consolidated=False)["a"] == 0
    write_zarr(maps[1], path, overwrite=True)
    assert xarray.open_zarr(path, consolidated=False)["a"] == 1
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious").touch()
    with pytest.raises(OutputExists, match="is no zarr store, and is not replaced"):
        write_zarr(maps[1], tmp_path / "home", overwrite=True)
    assert (tmp_path / "home" / "precious").exists()


# -- never half a file ---------------------------------------------------------------------------------------


def no_space(*_args, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_disk_leaves_what_was_there(fit, tmp_path, monkeypatch):
    path = tmp_path / "fit.fits"
    path.write_text("precious")
    monkeypatch.setattr("manyfit.cube._fits_maps.write_stream", no_space)
    with pytest.raises(OSError, match="No space left on device"):
        write_fit(fit, path, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["fit.fits"]
    assert path.read_text() == "precious"


def test_full_disk_while_writing_zarr(tmp_path, monkeypatch):
    maps = xarray.Dataset({"a": (("x",), [1.0])})

    def half(_, store, **_options):
        Path(store).mkdir()
        (Path(store) / "zarr.json").write_text("{")
        no_space()

    monkeypatch.setattr(xarray.Dataset, "to_zarr", half)
    with pytest.raises(OSError, match="No space left"):
        write_zarr(maps, tmp_path / "fit.zarr")
    assert not list(tmp_path.iterdir())


def test_files_exist(fit, moments, signal, co, tmp_path):
    path = tmp_path / "a.fits"
    path.touch()
    writers = [
        lambda: write_fit(fit, path),
        lambda: write_moments(moments, path),
        lambda: write_signal(signal, co, path),
        lambda: write_table(QTable({"a": [1]}), (tmp_path / "a.fits").rename(tmp_path / "a.ecsv")),
    ]
    for writer in writers:
        with pytest.raises(OutputExists, match=r"exists\. Give another name"):
            writer()


def test_folder_appears_whole(tmp_path):
    with filling(tmp_path / "out") as part:
        (part / "a").write_text("1")
        (part / "sub").mkdir()
        (part / "sub" / "b").write_text("2")
        assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "out", "sub"]


def test_folder_keeps_what_is_not_its_own(tmp_path):
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / "mine").write_text("precious")
    (out / "a").write_text("old")
    (out / "sub" / "old").touch()
    with filling(out, overwrite=True) as part:
        (part / "a").write_text("new")
        (part / "sub").mkdir()
    assert sorted(path.name for path in out.rglob("*")) == ["a", "mine", "sub"]
    assert (out / "a").read_text() == "new"
    with pytest.raises(OutputExists, match=r"has a already.*--overwrite"), filling(out) as part:
        (part / "a").write_text("newer")
    assert (out / "a").read_text() == "new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "mine", "out", "sub"]


@pytest.mark.parametrize("there", [True, False])
def test_nothing_of_a_folder_is_left_on_an_error(there, tmp_path):
    out = tmp_path / "out"
    if there:
        out.mkdir()

    def work():
        with filling(out, overwrite=True) as part:
            (part / "a").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert list(tmp_path.rglob("*")) == ([out] if there else [])


def test_folder_says_that_a_disk_may_be_full(tmp_path):
    with pytest.raises(OSError, match=r"out' could not be written \(7 requested.*\)\. Is the disk full\?"):  # noqa: SIM117
        with filling(tmp_path / "out"):
            raise OSError("7 requested and 3 written")


def test_check_folder(tmp_path, monkeypatch):
    check_folder(tmp_path / "new", ["a"], overwrite=False)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"is a file\. Give the name of a folder"):
        check_folder(tmp_path / "file", ["a"], overwrite=True)
    with pytest.raises(OutputExists, match="has file already"):
        check_folder(tmp_path, ["a", "file"], overwrite=False)
    check_folder(tmp_path, ["a", "file"], overwrite=True)
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        check_folder(tmp_path / "no" / "out", ["a"], overwrite=True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError):
        check_folder(tmp_path / "new", ["a"], overwrite=True)


def test_units_that_fits_has_no_word_for(tmp_path):
    _fits_maps.write_hdus(tmp_path / "a.fits", [_fits_maps.primary("x"), image("odd", [[1.0]] * u.K / u.lsec)])
    assert verified(tmp_path / "a.fits")["ODD"].header["BUNIT"] == "K / lsec"
