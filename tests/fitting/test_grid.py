"""Tests of manyfit.fitting._grid."""

from __future__ import annotations

import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling.models import Gaussian1D, Planar2D
from astropy.wcs import WCS

from manyfit.errors import InputError
from manyfit.fitting._axes import Axes
from manyfit.fitting._grid import grid_of
from manyfit.fitting._world import world_of

CUBE = Axes((6, 5, 4), (0,))
X = np.linspace(1, 2, 6)
ONE = (slice(1, 2), slice(0, 4))


def test_shared_coordinates_are_converted_once():
    grid = grid_of(world_of((X * u.km,), CUBE), (u.m,), Gaussian1D())
    np.testing.assert_allclose(grid.read(ONE), [1000 * X])
    assert grid.read(ONE) is grid.read(ONE)
    assert grid.labelled()[0].unit == u.m
    np.testing.assert_allclose(grid.labelled()[0].to_value(u.km), X)


def test_coordinates_of_each_element_are_converted_block_by_block():
    array = np.random.default_rng(1).normal(size=CUBE.shape)
    grid = grid_of(world_of((array * u.km,), CUBE), (u.m,), Gaussian1D())
    assert grid.shared is None
    assert grid.labelled() is None
    np.testing.assert_allclose(grid.read(ONE)[:, 0], 1000 * array[:, 1].T)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(grid)).read(ONE), grid.read(ONE))


@pytest.mark.parametrize("equivalencies", [u.spectral(), {"x": u.spectral()}])
def test_equivalencies(equivalencies):
    grid = grid_of(world_of((X * u.THz,), CUBE), (u.um,), Gaussian1D(), equivalencies)
    np.testing.assert_allclose(grid.read(ONE)[0], (X * u.THz).to_value(u.um, u.spectral()))


def test_equivalencies_of_the_model():
    model = Gaussian1D()
    model.input_units_equivalencies = {"x": u.spectral()}
    grid = grid_of(world_of((X * u.THz,), CUBE), (u.um,), model)
    np.testing.assert_allclose(grid.read(ONE)[0], (X * u.THz).to_value(u.um, u.spectral()))


def test_numbers_are_taken_as_they_are():
    assert grid_of(world_of((X,), CUBE), (u.um,), Gaussian1D()).read(ONE)[0].tolist() == X.tolist()
    assert grid_of(world_of((X * u.m,), CUBE), (None,), Gaussian1D()).read(ONE)[0].tolist() == X.tolist()


def test_units_that_do_not_convert():
    with pytest.raises(InputError, match=r"world of input 'x' is in THz, which does not convert to um.*spectral"):
        grid_of(world_of((X * u.THz,), CUBE), (u.um,), Gaussian1D())


def test_two_axes_are_labelled_along_each():
    axes = Axes((6, 5, 4), (2, 0))
    x, y = grid_of(world_of((np.arange(4.0), X * u.m), axes), (None, u.m), Planar2D()).labelled()
    assert x.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(y, X * u.m)


def test_coordinates_that_mix_two_axes_have_the_fitting_shape():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.cdelt = 0.1, 0.1
    wcs.wcs.crval = 10, 70
    axes = Axes((6, 4), (0, 1))
    dec, ra = grid_of(world_of(wcs, axes), (u.deg, u.deg), Planar2D()).labelled()
    assert dec.shape == ra.shape == (6, 4)
    np.testing.assert_allclose(ra.value, wcs.array_index_to_world_values(*np.mgrid[:6, :4])[0])


def test_arrays_of_the_user_are_not_changed():
    given = np.asfortranarray(np.random.default_rng(1).normal(size=CUBE.shape))
    before = given.copy()
    for world in (
        (given * u.km,),
        (u.Quantity(given, u.km, copy=False),),
        (u.Quantity(X, u.km, copy=False),),
    ):
        grid_of(world_of(world, CUBE), (u.m,), Gaussian1D()).read(ONE)
    np.testing.assert_array_equal(given, before)
    assert X[0] == 1.0
