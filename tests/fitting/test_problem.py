"""Tests of manyfit.fitting._problem."""

from __future__ import annotations

import os
import re
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling import models as m
from astropy.nddata import NDData, StdDevUncertainty
from astropy.wcs import WCS

from manyfit.blocks import Block, plan
from manyfit.errors import InputError, InputTypeError
from manyfit.fitting._problem import bytes_per_element, problem

KMS = u.km / u.s
CUBE = np.random.default_rng(1).normal(size=(6, 5, 4))
FIRST = Block(0, (slice(0, 1), slice(0, 1)))


def data_file(name):
    folder = os.environ.get("MANYFIT_TEST_DATA")
    path = None if folder is None else Path(folder) / "cubes" / name
    if path is None or not path.exists():
        pytest.skip(f"{name} is not in MANYFIT_TEST_DATA")
    return path


def line():
    model = m.Gaussian1D(amplitude=1, mean=4 * KMS, stddev=0.5 * KMS) + m.Const1D(0)
    model.mean_0.bounds = (3 * KMS, 6 * KMS)
    return model


def spectral_wcs(unit="m/s"):
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN", "VRAD"
    wcs.wcs.cunit = "deg", "deg", unit
    wcs.wcs.cdelt = 0.1, 0.1, 500
    wcs.wcs.crval = 10, 20, 2000
    wcs.wcs.set()
    return wcs


class TestExample:
    """The public example: a model with some units, data without, a WCS in m/s."""

    def test_units(self):
        p = problem(line(), CUBE, world=spectral_wcs(), data_unit=u.K)
        assert p.parameter_units == {"amplitude_0": u.K, "mean_0": KMS, "stddev_0": KMS, "amplitude_1": u.K}
        assert p.data_unit == u.K
        tile = p.tile(FIRST)
        np.testing.assert_allclose(tile.x[0], 2.5 + 0.5 * np.arange(6))
        assert tile.start.tolist() == [[1, 4, 0.5, 0]]
        assert (tile.lower[0, 1], tile.upper[0, 1]) == (3, 6)
        np.testing.assert_allclose(p.world[0].to_value("m/s"), 2500 + 500 * np.arange(6))

    def test_restored_model(self):
        p = problem(line(), CUBE, world=spectral_wcs(), data_unit=u.K)
        model = p.restore({name: np.full(p.shape, i + 1.0) for i, name in enumerate(p.model.param_names)})
        assert model.mean_0.quantity.shape == (5, 4)
        assert model.amplitude_1.unit == u.K
        assert model.mean_0.bounds == (3, 6)
        np.testing.assert_allclose(model(2000 * u.m / u.s).to_value(u.K), 5)

    def test_bounds_of_the_restored_model_are_in_its_units(self):
        model = m.Gaussian1D(1, 4 * KMS, 500 * u.m / u.s)
        model.stddev.bounds = (100, 900)
        p = problem(model, CUBE, world=spectral_wcs(), bounds={"mean": (3000 * u.m / u.s, np.full((5, 4), 6.0))})
        restored = p.restore(dict.fromkeys(p.parameter_units, np.ones(p.shape)))
        assert restored.stddev.unit == KMS
        assert restored.stddev.bounds == pytest.approx((0.1, 0.9))
        assert restored.mean.bounds == (3, None)  # a model cannot hold one for each element
        assert model.stddev.bounds == (100, 900)

    def test_sky_coordinates(self):
        assert list(problem(line(), CUBE, world=spectral_wcs(), data_unit=u.K).wcs.wcs.ctype) == [
            "RA---TAN",
            "DEC--TAN",
        ]

    def test_real_cube(self):
        path = data_file("l1448_13co.fits")
        values = fits.getdata(path)
        p = problem(line(), path, data_unit=u.K)
        assert p.shape == (105, 105)
        seen = 0
        for block in plan(p.shape, bytes_per_element=bytes_per_element(p), max_elements=1500).blocks:
            expected = np.moveaxis(values[(slice(None), *block.slices)], 0, -1).reshape(-1, 53)
            np.testing.assert_array_equal(p.tile(block).y, expected)
            seen += block.n_elements
        assert seen == 105 * 105
        assert p.tile(block).x.shape == (1, 53)

    @pytest.mark.filterwarnings("ignore:Invalid 'BLANK' keyword")  # of astropy's own reading
    def test_real_cube_of_four_dimensions(self):
        path = data_file("NGC4047.co.smo7msk.fits.gz")
        p = problem(m.Gaussian1D(), path, fitting_axes=1)
        assert p.shape == (1, 128, 128)
        assert p.data_unit == u.Jy / u.beam
        np.testing.assert_array_equal(
            p.tile(Block(0, (slice(0, 1), slice(60, 61), slice(0, 128)))).y, fits.getdata(path)[0, :, 60].T
        )

    def test_real_extension_with_variance(self):
        path = data_file("ngc3081_cube.fits")
        p = problem(m.Gaussian1D(), f"{path}[SCI]", uncertainty=f"{path}[ERR]")
        weight = p.tile(Block(0, (slice(2, 3), slice(0, 6)))).weight
        error = fits.getdata(path, "ERR")[:, 2].T.astype(float)
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(weight, 1 / error**2, rtol=1e-12)


class TestUnitsOfTheResult:
    @pytest.mark.parametrize(
        ("model", "world", "data_unit", "units", "attached"),
        [
            (m.Gaussian1D(), None, None, (None, None, None), False),
            (m.Gaussian1D(), (np.arange(6.0) * u.m,), None, (None, u.m, u.m), False),
            (m.Gaussian1D(), None, u.K, (u.K, None, None), True),
            (m.Gaussian1D(), (np.arange(6.0) * u.m,), u.K, (u.K, u.m, u.m), True),
            (m.Gaussian1D(1 * u.mK), None, u.K, (u.K, None, None), True),
            (m.Gaussian1D(1, 4 * u.km, 1 * u.m), (np.arange(6.0) * u.m,), None, (None, u.km, u.km), True),
            (m.Gaussian1D(1, 4 * u.km, 1 * u.m), (np.arange(6.0),), None, (None, u.km, u.km), True),
        ],
    )
    def test_parameters(self, model, world, data_unit, units, attached):
        p = problem(model, CUBE, world=world, data_unit=data_unit)
        assert tuple(p.parameter_units.values()) == units
        restored = p.restore(dict.fromkeys(p.parameter_units, np.ones(p.shape)))
        found = tuple(getattr(restored, name).unit for name in restored.param_names)
        assert found == (units if attached else (None, None, None))

    def test_constants_with_units_and_pixels(self):
        p = problem(m.Const1D(1 * u.mJy), CUBE * u.Jy)
        assert p.tile(FIRST).start.tolist() == [[0.001]]
        assert p.restore({"amplitude": np.ones(p.shape)}).amplitude.unit == u.Jy

    def test_swapped_fitting_axes_of_a_wcs_with_different_units(self):
        wcs = WCS(naxis=3)
        wcs.wcs.ctype = "OFFSET", "WEIGHTS", "WAVE"
        wcs.wcs.cunit = "deg", "kg", "mm"
        model = m.Planar2D(1 * u.Jy / u.kg, 1 * u.Jy / u.mm, 1 * u.Jy)
        p = problem(model, CUBE * u.Jy, fitting_axes=(1, 0), world=wcs)
        assert p.units.inputs == (u.kg, u.m)
        np.testing.assert_allclose(p.world[1].to_value(u.mm), 1 + np.arange(6.0))

    def test_astropy_agrees(self):
        """The stripped start values are those of astropy's own way."""
        model = m.Gaussian1D(1500 * u.mJy, 7 * u.um, 0.002 * u.mm) + m.Linear1D(1 * u.Jy / u.mm, 2 * u.Jy)
        ours = problem(model, CUBE * u.Jy, world=(np.arange(6.0) * u.nm,)).tile(FIRST).start[0]
        theirs = model.without_units_for_data(x=0 * u.um, y=0 * u.Jy)
        np.testing.assert_allclose(ours, theirs.parameters)


class TestUncertainty:
    @pytest.mark.parametrize(
        ("arguments", "absolute"),
        [
            ({}, False),
            ({"uncertainty": 1.0}, True),
            ({"weights": 1.0}, False),
            ({"weights": StdDevUncertainty(CUBE)}, True),
        ],
    )
    def test_absolute_or_relative(self, arguments, absolute):
        assert problem(m.Const1D(), CUBE, **arguments).absolute_sigma is absolute

    def test_that_of_the_data_is_used_unless_another_is_given(self):
        data = NDData(CUBE, uncertainty=StdDevUncertainty(np.full(CUBE.shape, 2.0)))
        assert problem(m.Const1D(), data).tile(FIRST).weight[0, 0] == 0.25
        assert problem(m.Const1D(), data, uncertainty=4.0).tile(FIRST).weight[0, 0] == 1 / 16
        assert problem(m.Const1D(), data, weights=3.0).tile(FIRST).weight[0, 0] == 9.0

    def test_its_unit_is_converted(self):
        data = NDData(CUBE, unit="Jy", uncertainty=StdDevUncertainty(np.full(CUBE.shape, 100.0), unit="mJy"))
        np.testing.assert_allclose(problem(m.Const1D(), data).tile(FIRST).weight, 100.0)

    @pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
    def test_no_uncertainty_that_can_be_used_is_no_error(self, value):
        weight = problem(m.Const1D(), CUBE, uncertainty=np.full(CUBE.shape, value)).tile(FIRST).weight
        assert not (np.isfinite(weight) & (weight > 0)).any()


class TestLabels:
    def test_xarray(self):
        import xarray as xr

        coords = {"v": ("v", np.linspace(1, 2, 6), {"units": "km/s"})}
        data = xr.DataArray(CUBE, dims=("v", "y", "x"), coords=coords, attrs={"units": "K"})
        p = problem(m.Gaussian1D(), data, fitting_axes="v")
        assert tuple(p.parameter_units.values()) == (u.K, KMS, KMS)
        np.testing.assert_allclose(p.tile(FIRST).x[0], np.linspace(1, 2, 6))
        q = problem(m.Planar2D(), data, fitting_axes=("x", "v"), world="pixel")
        assert q.fitting_shape == (4, 6)

    def test_chunks_along_the_iterating_axes(self):
        import dask.array as da

        p = problem(m.Gaussian1D(), da.from_array(CUBE, chunks=(3, 5, 2)))
        assert p.native_chunks == (5, 2)
        assert problem(m.Gaussian1D(), CUBE).native_chunks is None

    def test_sky_coordinates_stay_when_the_spectral_ones_are_given(self):
        p = problem(m.Gaussian1D(), NDData(CUBE, wcs=spectral_wcs()), world=np.arange(6.0))
        assert list(p.wcs.wcs.ctype) == ["RA---TAN", "DEC--TAN"]
        assert problem(m.Gaussian1D(), CUBE).wcs is None

    def test_coordinates_that_differ_between_elements(self):
        world = np.random.default_rng(1).normal(size=CUBE.shape)
        p = problem(m.Gaussian1D(), CUBE, world=(world,))
        assert p.world is None
        np.testing.assert_array_equal(p.coordinates(FIRST)[0, 0], world[:, 0, 0])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            {"model": m.Gaussian1D},
            InputTypeError,
            "model is the class Gaussian1D. Give an instance: Gaussian1D(...)",
        ),
        ({"model": "Gaussian1D"}, InputTypeError, "model is a str. Give an instance of an astropy model"),
        ({"model": m.Mapping((0, 0))}, InputError, "The model has 2 outputs"),
        ({"model": m.Planar2D()}, InputError, "Model is 2-dimensional, but got 1 value(s) in fitting_axes="),
        ({"model": m.Const1D([1, 2, 3], n_models=3)}, InputError, "A model set of 3 models does not match"),
        ({"model": m.Const1D(np.zeros((4, 5)))}, InputError, "Parameter 'amplitude' has shape (4, 5)"),
        ({"model": m.Const1D(1 * u.Jy)}, InputError, "Data or world has no unit: give data_unit"),
        (
            {"model": m.Const1D(1 * u.Jy), "data_unit": u.K},
            InputError,
            "is in Jy, which does not convert to K",
        ),
        (
            {"model": line(), "data_unit": u.K},
            InputError,
            "has coordinates in km / s, but no world was given",
        ),
        (
            {"model": line(), "world": (np.arange(6) * u.Hz,)},
            InputError,
            "is in Hz, which does not convert to km / s",
        ),
        ({"data": np.zeros((0, 5, 4))}, InputError, "has no points along fitting_axes=0"),
        ({"data": np.float64(3)}, InputError, "Fitting index 0 out of range for 0-dimensional data"),
        ({"data": CUBE > 0}, InputTypeError, "data is made of booleans"),
        ({"data": CUBE * 1j}, InputTypeError, "dtype complex128"),
        ({"data": "none.fits"}, FileNotFoundError, "there is no file 'none.fits'"),
        ({"fitting_axes": 3}, InputError, "Fitting index 3 out of range for 3-dimensional data"),
        ({"mask": np.zeros((6, 5), bool)}, InputError, "mask has shape (6, 5), which does not broadcast"),
        ({"uncertainty": np.ones(5)}, InputError, "uncertainty has shape (5,), which does not broadcast"),
        ({"uncertainty": 1.0, "weights": 1.0}, InputError, "Both uncertainty and weights were given"),
        (
            {"world": (np.arange(5),)},
            InputError,
            "world[0] has length 5 but data along dimension 0 has length 6",
        ),
        ({"world": WCS(naxis=2)}, InputError, "The WCS pixel_n_dim (2) does not match the number of"),
        ({"bounds": {"amplitud": (0, 1)}}, InputError, "Did you mean 'amplitude'?"),
        ({"data_unit": "Kelvinn"}, InputError, "data_unit='Kelvinn' is no unit"),
    ],
)
def test_bad_input(arguments, error, text):
    given = {"model": m.Const1D(), "data": CUBE, **arguments}
    with pytest.raises(error, match=re.escape(text)):
        problem(given.pop("model"), given.pop("data"), **given)


def test_nothing_of_the_user_is_changed():
    model = m.Gaussian1D(np.ones((5, 4)) * u.mK, 4 * KMS, 0.5 * KMS)
    arrays = {
        "data": CUBE.copy(),
        "mask": CUBE > 1,
        "uncertainty": np.abs(CUBE),
        "world": np.arange(6.0),
    }
    before = {name: array.copy() for name, array in arrays.items()}
    bounds = {"mean": (np.full((5, 4), 3.0), None)}
    p = problem(
        model,
        arrays["data"],
        mask=arrays["mask"],
        uncertainty=arrays["uncertainty"],
        world=(u.Quantity(arrays["world"], u.m / u.s, copy=False),),
        data_unit=u.K,
        bounds=bounds,
    )
    tile = p.tile(FIRST)
    for part in (tile.x, tile.y, tile.weight, tile.start, tile.lower, tile.upper):
        part[...] = -7
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])
    assert (bounds["mean"][0] == 3).all()
    assert model.amplitude.unit == u.mK
    assert (model.amplitude.value == 1).all()
    assert model.mean.bounds == (None, None)
