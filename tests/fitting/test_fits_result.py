"""FITS files of results: every bit comes back, others can read them, and nothing half is left."""

from __future__ import annotations

import errno
import os
import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.modeling import custom_model
from astropy.modeling import models as m
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from manyfit import FitResult
from manyfit.datasets import simulate_cube
from manyfit.errors import CoordinatesWarning, InputError, OutputExists
from manyfit.fitting import _fits_write
from manyfit.fitting._axes import Axes
from manyfit.fitting._fits_layout import extension_names, from_ascii, to_ascii, unit_from_text, unit_text
from manyfit.fitting._wcs import iterating_wcs

from .results import LINE, gaussian, result_of

MAPS = ("statistic", "dof", "n_points", "n_iter", "status", "covariance")
CUBE = simulate_cube((4, 6, 5))


def bits(values):
    plain = np.ascontiguousarray(getattr(values, "value", values))
    return plain.dtype, plain.shape, plain.tobytes()


def assert_same(a, b):
    """Two results have the same maps to the last bit, units and options."""
    assert a.names == b.names
    assert a.units == b.units
    assert (a.system.inputs, a.system.data) == (b.system.inputs, b.system.data)
    assert (a.options, a.parameters.columns, a.seconds) == (b.options, b.parameters.columns, b.seconds)
    for name in a.names:
        assert bits(a[name]) == bits(b[name])
        assert bits(a.error[name]) == bits(b.error[name])
    for name in MAPS:
        assert bits(getattr(a, name)) == bits(getattr(b, name)), name


def there_and_back(result, path, model=None):
    result.to_fits(path)
    again = FitResult.read(path, model=model)
    assert_same(result, again)
    return again


# -- every bit comes back ------------------------------------------------------------------------------------

TIED = {"stddev": lambda model: 0.1 * model.mean * model.amplitude}
MODELS = {
    "units": (gaussian(), LINE),
    "plain": (m.Gaussian1D(1, 2, 3), {}),
    "fixed": (gaussian(fixed={"mean": True}), LINE),
    "tied": (m.Gaussian1D(1, 2, 3, tied=TIED), {}),
    "all fixed": (m.Const1D(3, fixed={"amplitude": True}), {}),
    "sum": (gaussian() + m.Const1D(0 * u.K), LINE),
    "relative": (m.Polynomial1D(4), {"absolute_sigma": False, "statistic": "chi2", "precision": "mixed"}),
    "two inputs": (m.Gaussian2D(1, 2, 3), {"inputs": (u.arcsec, None)}),
}


@pytest.mark.parametrize("seconds", [0.0026849996, 0.0026850004, 1.2345e-5, 12345.678901234567])
def test_summary_of_the_file_is_that_of_the_result(seconds, tmp_path):
    # The time is not rounded in the file: rounded once more in the text, it could come out otherwise.
    result = replace(result_of(gaussian(), (2, 3), **LINE), seconds=seconds)
    result.to_fits(tmp_path / "r.fits")
    assert str(FitResult.read(tmp_path / "r.fits").summary()) == str(result.summary())


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 1, 3), (2, 1, 3, 2), (0, 3)])
@pytest.mark.parametrize("case", MODELS)
def test_round_trip(case, shape, tmp_path):
    model, given = MODELS[case]
    result = result_of(model, shape, **given)
    again = there_and_back(result, tmp_path / "a.fits")
    assert again.model.param_names == model.param_names
    for name in model.param_names:
        fitted, expected = getattr(again.model, name), getattr(result.model, name)
        assert_array_equal(fitted.value, expected.value)
        assert (fitted.unit, fitted.fixed, fitted.bounds) == (expected.unit, expected.fixed, expected.bounds)


@given(
    seed=st.integers(0, 2**32),
    names=st.lists(st.sampled_from(["a", "A", "a_err", "status", "primary"]), min_size=1, unique=True),
)
def test_round_trip_of_any_names(seed, names, tmp_path_factory):
    model = custom_model(eval(f"lambda x, {', '.join(f'{n}=1' for n in names)}: {'+'.join(names)} + 0 * x"))()
    result = result_of(model, (2, 2), seed=seed)
    there_and_back(result, tmp_path_factory.mktemp("any") / "a.fits", model)


def test_written_again_it_is_the_same(tmp_path):
    once = there_and_back(result_of(gaussian(fixed={"stddev": True}), **LINE), tmp_path / "a.fits")
    there_and_back(once, tmp_path / "b.fits.gz")
    assert (tmp_path / "b.fits.gz").read_bytes()[:2] == b"\x1f\x8b"


def test_tracebacks(tmp_path):
    texts = {7: "ValueError: µ \\ \n  line 2", 1: ""}
    result = replace(result_of(m.Const1D()), tracebacks=texts)
    assert there_and_back(result, tmp_path / "a.fits").tracebacks == texts


def test_lazy_results_are_computed(tmp_path):
    import dask.array as da

    result = result_of(gaussian(), **LINE)
    solution = result.parameters.solution
    arrays = {name: da.from_array(values) for name, values in vars(solution).items()}
    lazy = replace(result, parameters=replace(result.parameters, solution=replace(solution, **arrays)))
    assert lazy.is_lazy
    lazy.to_fits(tmp_path / "a.fits")
    assert_same(result, FitResult.read(tmp_path / "a.fits"))


# -- models that are not in the file -------------------------------------------------------------------------


@custom_model
def ramp(x, height=1):
    return height * x


def test_own_models(tmp_path):
    result = result_of(ramp(), (2,))
    again = there_and_back(result, tmp_path / "a.fits")
    assert "FitResult of ramp" in repr(again)
    again.summary()
    for use in (lambda: again.model, lambda: again.evaluate(np.arange(3.0))):
        with pytest.raises(InputError, match=r"\(ramp\) cannot be made.*FitResult\.read\(path, model="):
            use()
    given = FitResult.read(tmp_path / "a.fits", model=ramp())
    assert_array_equal(given.evaluate(np.arange(3.0)), result["height"][:, None] * np.arange(3.0))
    with pytest.raises(InputError, match=r"model has the parameters \('amplitude',\).*has \('height',\)"):
        FitResult.read(tmp_path / "a.fits", model=m.Const1D())


def test_models_that_astropy_has_no_more(tmp_path):
    result_of(m.Const1D()).to_fits(tmp_path / "a.fits")
    fits.setval(tmp_path / "a.fits", "MODEL", value="Forgotten1D(amplitude=1.0)")
    again = FitResult.read(tmp_path / "a.fits")
    with pytest.raises(InputError, match="cannot be made"):
        _ = again.model


def test_nothing_is_executed(tmp_path):
    result_of(m.Const1D()).to_fits(tmp_path / "a.fits")
    path = tmp_path / "trace"
    fits.setval(tmp_path / "a.fits", "MODEL", value=f"__import__('os').mkdir('{path}')")
    FitResult.read(tmp_path / "a.fits")
    assert not path.exists()


# -- others can read it --------------------------------------------------------------------------------------


def sky_result(wcs=None, **options):
    return replace(result_of(gaussian(), (6, 5), **{**LINE, **options}), wcs=wcs or CUBE.wcs.celestial)


def test_verification_and_checksums(tmp_path):
    sky_result().to_fits(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits", checksum=True) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus[1:]] == [
            *("AMPLITUDE", "AMPLITUDE_ERR", "MEAN", "MEAN_ERR", "STDDEV", "STDDEV_ERR"),
            *("STATISTIC", "DOF", "NPOINTS", "NITER", "STATUS", "COVARIANCE"),
        ]
        assert all(hdu.verify_checksum() == hdu.verify_datasum() == 1 for hdu in hdus)
        assert hdus[0].data is None


def test_units_and_meanings(tmp_path):
    result = sky_result()
    result.to_fits(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        assert u.Unit(hdus["MEAN"].header["BUNIT"]) == u.Unit(hdus["MEAN_ERR"].header["BUNIT"]) == u.km / u.s
        assert hdus["AMPLITUDE"].header["BUNIT"] == "K"
        assert "BUNIT" not in hdus["STATISTIC"].header
        assert hdus["STATUS"].header["FLAG4"] == "singular"
        assert "4 singular: The data do not determine" in str(hdus["STATUS"].header["COMMENT"])
        assert hdus[0].header["CREATOR"].startswith("manyfit ")
        assert hdus[0].header["MODEL"].startswith("Gaussian1D(amplitude=1.0, ")
        assert hdus["COVARIANCE"].header["PLANE2"] == "mean amplitude"
        assert_array_equal(hdus["COVARIANCE"].data[1], result.covariance[..., 1, 0])


def test_celestial_coordinates_are_those_of_the_cube(tmp_path):
    sky_result(wcs=iterating_wcs(CUBE.wcs, Axes((4, 6, 5), (0,)))).to_fits(tmp_path / "a.fits")
    x, y = np.meshgrid(np.arange(5), np.arange(6))
    expected = CUBE.wcs.celestial.pixel_to_world(x, y)
    for name in ("MEAN", "STATUS"):
        found = WCS(fits.getheader(tmp_path / "a.fits", name)).pixel_to_world(x, y)
        assert isinstance(found, SkyCoord)
        assert found.separation(expected).max() < 1e-9 * u.arcsec
    planes = WCS(fits.getheader(tmp_path / "a.fits", "COVARIANCE"))
    assert planes.naxis == 3
    assert planes.celestial.pixel_to_world(x, y).separation(expected).max() < 1e-9 * u.arcsec


def test_spectral_cube_reads_it(tmp_path):
    from spectral_cube.lower_dimensional_structures import Projection

    result = sky_result()
    result.to_fits(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        found = Projection.from_hdu(hdus["MEAN"])
        assert found.unit == u.km / u.s
        assert_array_equal(found.value, result["mean"].value)
        y, x = np.indices(found.shape)
        separation = found.wcs.pixel_to_world(x, y).separation(CUBE.wcs.celestial.pixel_to_world(x, y))
        assert separation.max() < 1e-9 * u.arcsec


def wcs_of(ctype, cunit):
    wcs = WCS(naxis=len(ctype))
    wcs.wcs.ctype, wcs.wcs.cunit = ctype, cunit
    wcs.wcs.crval = [10.0, 20.0, 1000.0, 1.0][: len(ctype)]
    wcs.wcs.cdelt = [-0.01, 0.01, 500.0, 1.0][: len(ctype)]
    wcs.wcs.crpix = [2.0, 3.0, 1.5, 1.0][: len(ctype)]
    wcs.wcs.set()
    return wcs


CELESTIAL = (["RA---TAN", "DEC--TAN", "VRAD"], ["deg", "deg", "m/s"])
PLAIN = (["RA---TAN", "DEC--TAN", "VRAD", "STOKES"], ["deg", "deg", "m/s", ""])


@pytest.mark.parametrize(
    ("names", "fitting"),
    [
        (CELESTIAL, (0,)),  # a map of the sky
        (CELESTIAL, (1,)),  # one declination at a time: two sky coordinates, one sky axis
        (CELESTIAL, (2,)),
        (CELESTIAL, (1, 2)),  # images: the spectral axis is left
        (CELESTIAL, (0, 1)),
        (PLAIN, (1,)),
        (PLAIN, (0, 3)),
    ],
)
@pytest.mark.parametrize("sliced", [False, True])
def test_any_fits_wcs_comes_back(names, fitting, sliced, tmp_path):
    wcs, shape = wcs_of(*names), (2, 4, 6, 5)[-len(names[0]) :]
    if sliced:  # the user has cut the cube
        wcs = wcs.slice([slice(1, None)] + [slice(2, None)] * (len(shape) - 1))
    axes = Axes(shape, fitting)
    own = iterating_wcs(wcs, axes)
    result = replace(result_of(gaussian(), axes.iterating_shape, **LINE), wcs=own)
    found = there_and_back(result, tmp_path / "a.fits").wcs.low_level_wcs
    own = own.low_level_wcs
    kinds = list(found.world_axis_physical_types)
    order = [kinds.index(kind) for kind in own.world_axis_physical_types]
    pixels = np.indices(axes.iterating_shape)
    expected = np.reshape(own.array_index_to_world_values(*pixels), (len(order), -1))
    values = np.reshape(found.array_index_to_world_values(*pixels), (len(order), -1))
    assert_allclose(values[order], expected, rtol=1e-12)


def test_a_wcs_of_another_kind_is_lost_with_a_warning(tmp_path):
    from astropy.wcs.wcsapi import BaseLowLevelWCS

    methods = {name: property(lambda _: None) for name in BaseLowLevelWCS.__abstractmethods__}
    other = type("gWCS", (BaseLowLevelWCS,), methods)()
    with pytest.warns(CoordinatesWarning, match="The WCS is a gWCS, which FITS keywords cannot hold"):
        sky_result(wcs=other).to_fits(tmp_path / "a.fits")
    assert FitResult.read(tmp_path / "a.fits").wcs is None


# -- nothing half, nothing lost ------------------------------------------------------------------------------


def test_existing_files_are_kept(tmp_path):
    path = tmp_path / "a.fits"
    path.write_text("precious")
    with pytest.raises(OutputExists, match=r"a\.fits' exists\. Give another name, or overwrite=True"):
        result_of(m.Const1D()).to_fits(path)
    assert path.read_text() == "precious"
    result_of(m.Const1D()).to_fits(path, overwrite=True)
    FitResult.read(path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.fits"]


def test_full_disk(tmp_path, monkeypatch):
    path = tmp_path / "a.fits"
    path.write_text("precious")

    class Full(fits.HDUList):
        """Writes a part and then finds no space."""

        def writeto(self, file, **_options):
            file.write(b"SIMPLE  =")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_fits_write, "hdu_list", lambda _: Full())
    with pytest.raises(OSError, match="No space left"):
        result_of(m.Const1D()).to_fits(path, overwrite=True)
    assert path.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["a.fits"]


def test_a_limit_of_the_system(tmp_path):
    resource = pytest.importorskip("resource", reason="needs limits on the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(OSError, match=r"a\.fits' could not be written \(.*\)\. Is the disk full"):
            result_of(m.Const1D(), (50, 50)).to_fits(tmp_path / "a.fits")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_fits_write, "hdu_list", interrupt)
    with pytest.raises(KeyboardInterrupt):
        result_of(m.Const1D()).to_fits(tmp_path / "a.fits")
    assert not list(tmp_path.iterdir())


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*none' for 'a\.fits'\. Make it"):
        result_of(m.Const1D()).to_fits(tmp_path / "none" / "a.fits")


def test_read_only_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(PermissionError, match=r"cannot be written\. Give another"):
        result_of(m.Const1D()).to_fits(tmp_path / "a.fits")


# -- bad files -----------------------------------------------------------------------------------------------


def written(tmp_path):
    path = tmp_path / "a.fits"
    result_of(gaussian(), (40, 30), **LINE).to_fits(path)
    return path


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*b\.fits'"):
        FitResult.read(tmp_path / "b.fits")


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps([1]), b"SIMPLE  =                    T" + b" " * 2850])
def test_no_fits_file(content, tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.fits'.*(damaged or no FITS file|no result of manyfit)"):
        FitResult.read(path)


def test_other_fits_file(tmp_path):
    CUBE.write(tmp_path / "cube.fits")
    with pytest.raises(InputError, match=r"cube\.fits' is a FITS file, but no result of manyfit"):
        FitResult.read(tmp_path / "cube.fits")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_truncated(part, tmp_path):
    path = written(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(InputError, match="is damaged"):
        FitResult.read(path)


def test_flipped_bit(tmp_path):
    path = written(tmp_path)
    with fits.open(path) as hdus:
        place = hdus["MEAN"].fileinfo()["datLoc"] + 100
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="is damaged: extension MEAN does not have its checksum"):
        FitResult.read(path)


def test_missing_extension(tmp_path):
    path = written(tmp_path)
    with fits.open(path) as hdus:
        del hdus["MEAN"]
        hdus.writeto(tmp_path / "b.fits")
    with pytest.raises(InputError, match="damaged"):
        FitResult.read(tmp_path / "b.fits")


def test_later_layout(tmp_path):
    path = written(tmp_path)
    fits.setval(path, "MFFORMAT", value=99)
    with pytest.raises(InputError, match=r"in a layout \(99\) that this version does not know.*Update manyfit"):
        FitResult.read(path)


def test_edited_headers_are_read(tmp_path):
    path = written(tmp_path)
    fits.setval(path, "OBJECT", value="L1448", ext=0)
    fits.setval(path, "OBSERVER", value="me", extname="MEAN")
    FitResult.read(path)


# -- words ---------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["a", "A", "a_err", "A_ERR", "status", "DOF", "a_2", "primary", "σ"]), unique=True))
def test_extension_names_are_unique(parameters):
    names = extension_names(parameters)
    assert list(names) == parameters
    every = [name for base in names.values() for name in (base, f"{base}_ERR")]
    assert len({name.upper() for name in every}) == 2 * len(parameters)


@given(st.text())
def test_text_in_ascii(text):
    assert from_ascii(to_ascii(text)) == text
    assert to_ascii(text).isascii()


@pytest.mark.parametrize(
    "unit",
    [
        u.K,
        u.km / u.s,
        u.Jy / u.beam,
        u.dimensionless_unscaled,
        u.erg / u.s / u.cm**2 / u.AA,
        u.Unit("1e-17 erg / (s cm2 Angstrom)"),
        u.Unit("0.3 K"),
        u.mag,
        u.lsec,
        u.K**0.5,
        u.percent,
        u.electron / u.pix,
    ],
)
def test_units_come_back(unit):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert unit_from_text(unit_text(unit)) == unit


def test_path_kinds(tmp_path):
    result_of(m.Const1D()).to_fits(str(tmp_path / "a.fits"))
    assert FitResult.read(str(tmp_path / "a.fits")).shape == FitResult.read(Path(tmp_path / "a.fits")).shape
