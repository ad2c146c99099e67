"""Tests of manyfit.fitting._world."""

from __future__ import annotations

import re

import astropy.units as u
import numpy as np
import pytest
from astropy.wcs import WCS

from manyfit.errors import InputError, InputTypeError
from manyfit.fitting._axes import Axes
from manyfit.fitting._labelled import Labelled
from manyfit.fitting._source import Memory
from manyfit.fitting._wcs import WCSCoordinates
from manyfit.fitting._world import world_of, world_or_own

CUBE = Axes((6, 5, 4), (0,))
PAIR = Axes((6, 5, 4), (2, 0))
X, Y = np.linspace(1, 2, 6), np.linspace(3, 9, 4)


def whole(axes):
    return tuple(slice(0, n) for n in axes.iterating_shape)


def test_pixel_indices():
    coordinates = world_of(None, PAIR)
    j, i = np.meshgrid(np.arange(4.0), np.arange(6.0), indexing="ij")
    np.testing.assert_array_equal(coordinates.read((slice(0, 1),))[0], [j.ravel(), i.ravel()])
    assert coordinates.units == (None, None)


@pytest.mark.parametrize("world", [X, X.tolist(), (X,), X * u.m, (X * u.m,), [X], (X.tolist(),)])
def test_one_axis(world):
    coordinates = world_of(world, CUBE)
    np.testing.assert_array_equal(coordinates.read((slice(0, 1), slice(0, 1)))[0, 0], X)
    assert not coordinates.differ_between_elements
    assert coordinates.units == (
        (u.m,) if "m" in str(getattr(world, "unit", getattr(world[0], "unit", ""))) else (None,)
    )


def test_two_axes_in_the_order_of_fitting_axes():
    coordinates = world_of((Y * u.s, X * u.m), PAIR)
    j, i = np.meshgrid(Y, X, indexing="ij")
    np.testing.assert_array_equal(coordinates.read((slice(2, 3),))[0], [j.ravel(), i.ravel()])
    assert coordinates.units == (u.s, u.m)


@pytest.mark.parametrize(
    ("axes", "shape", "differ"),
    [
        (CUBE, (6, 5, 4), True),
        (CUBE, (6, 1, 1), False),
        (CUBE, (6, 1, 4), True),
        (CUBE, (1, 5, 4), True),
        (CUBE, (5, 4), True),
        (Axes((5, 4, 6), (2,)), (5, 4, 6), True),
        (Axes((5, 4, 6), (-1 % 3,)), (1, 4, 6), True),
        (Axes((5, 6, 4), (1,)), (6, 4), True),
    ],
)
def test_arrays_that_broadcast_to_the_data(axes, shape, differ):
    array = np.random.default_rng(1).normal(size=shape)
    coordinates = world_of((array,), axes)
    assert coordinates.differ_between_elements is differ
    expected = axes.arrange(np.broadcast_to(array, axes.shape)).reshape(-1, 1, axes.n_points)
    np.testing.assert_array_equal(coordinates.read(whole(axes)), expected)


def test_one_dimension_and_more_can_be_mixed():
    array = np.random.default_rng(1).normal(size=PAIR.shape)
    x = world_of((Y, array), PAIR).read(whole(PAIR))
    np.testing.assert_array_equal(x[:, 0], np.broadcast_to(np.repeat(Y, 6), (5, 24)))
    np.testing.assert_array_equal(x[:, 1], PAIR.arrange(array).reshape(5, 24))


def test_wcs():
    wcs = WCS(naxis=3)
    for world in (wcs, wcs.low_level_wcs):
        assert isinstance(world_of(world, CUBE), WCSCoordinates)


@pytest.mark.parametrize(
    ("world", "axes", "error", "text"),
    [
        ("banana", CUBE, InputTypeError, "world should be None, a WCS object or a tuple of arrays; got str"),
        ({"x": X}, CUBE, InputTypeError, "world should be None, a WCS object or a tuple of arrays"),
        (3.0, CUBE, InputTypeError, "world should be None, a WCS object or a tuple of arrays"),
        ((X, X), CUBE, InputError, "The number of world arrays (2) must match number of fitting axes (1)"),
        ((Y,), PAIR, InputError, "The number of world arrays (1) must match number of fitting axes (2)"),
        (Y, PAIR, InputError, "world is one array, but there are 2 fitting axes"),
        ((X, Y), PAIR, InputError, "world[2] has length 6 but data along dimension 2 has length 4"),
        (
            (np.zeros((7, 5, 4)),),
            CUBE,
            InputError,
            "should be broadcastable to the shape of the data (expected (6, 5, 4)), got (7, 5, 4))",
        ),
        ((np.array(["a"] * 6),), CUBE, InputTypeError, "world is a ndarray with dtype <U1"),
        ((None,), CUBE, InputTypeError, "world is a NoneType"),
    ],
)
def test_bad_world(world, axes, error, text):
    with pytest.raises(error, match=re.escape(text)):
        world_of(world, axes)


@pytest.mark.parametrize("world", [X, X.tolist(), [X], X * u.m])
def test_strict_refuses_what_astropy_refuses(world):
    with pytest.raises(TypeError, match="world should be None, a WCS object or a tuple of arrays"):
        world_of(world, CUBE, strict=True)


class TestOwnWorld:
    source = Memory(np.zeros(CUBE.shape))

    def test_wcs_of_the_data(self):
        wcs = WCS(naxis=3)
        labelled = Labelled(self.source, wcs=wcs)
        assert world_or_own(None, labelled, CUBE) is wcs
        assert world_or_own("wcs", labelled, CUBE) is wcs
        assert world_or_own("pixel", labelled, CUBE) is None
        assert world_or_own((X,), labelled, CUBE) == (X,)

    def test_coordinates_of_the_data(self):
        labelled = Labelled(self.source, coordinates=(X * u.m, None, Y))
        assert world_or_own(None, labelled, PAIR)[0] is Y
        assert world_or_own(None, labelled, Axes((6, 5, 4), (1,))) is None
        assert world_or_own("pixel", labelled, CUBE) is None

    def test_nothing(self):
        assert world_or_own(None, Labelled(self.source), CUBE) is None
        with pytest.raises(InputError, match="the data has no WCS"):
            world_or_own("wcs", Labelled(self.source), CUBE)
