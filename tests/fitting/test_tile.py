"""Tests of manyfit.fitting._tile: the tile of any block against the whole data, arranged by hand."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from astropy.modeling import models as m
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.blocks import plan
from manyfit.fitting._problem import problem

MODELS = {1: m.Gaussian1D, 2: m.Planar2D}


def by_element(array, fitting):
    """Every element of N-D data as a list of its points, by plain loops."""
    iterating = [axis for axis in range(array.ndim) if axis not in fitting]
    elements = []
    for index in np.ndindex(*(array.shape[axis] for axis in iterating)):
        points = []
        for point in np.ndindex(*(array.shape[axis] for axis in fitting)):
            place = dict(zip([*iterating, *fitting], [*index, *point], strict=True))
            points.append(float(array[tuple(place[axis] for axis in range(array.ndim))]))
        elements.append(points)
    return np.array(elements)


def whole_tile(p, max_elements):
    """Tiles of all blocks of a plan, put together again by flat index of the element."""
    blocks = plan(p.shape, bytes_per_element=1, max_elements=max_elements).blocks
    place = np.arange(int(np.prod(p.shape))).reshape(p.shape)
    found = {}
    for block in blocks:
        tile = p.tile(block)
        rows = place[block.slices].ravel()
        n = len(rows)
        assert tile.y.shape == (n, p.n_points)
        for name in ("y", "weight", "start", "lower", "upper", "x"):
            value = getattr(tile, name)
            if value is None:
                continue
            assert value.dtype == np.float64
            assert value.flags.c_contiguous
            if name == "x" and value.ndim == 2:
                value = value[None]
            value = np.broadcast_to(value, (n, *value.shape[1:]))
            found.setdefault(name, np.full((place.size, *value.shape[1:]), -1e300))[rows] = value
    return found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_tiles_hold_what_plain_loops_find(data):
    n_inputs = data.draw(st.sampled_from([1, 2]))
    ndim = data.draw(st.integers(n_inputs, 4))
    shape = tuple(data.draw(st.sampled_from([1, 2, 3, 8, 9])) for _ in range(ndim))
    axes = data.draw(st.permutations(range(ndim)))[:n_inputs]
    given_axes = tuple(axis - ndim if data.draw(st.booleans()) else axis for axis in axes)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    dtype = data.draw(st.sampled_from([">f4", "<f4", ">f8", "<f8", ">i2", "u1"]))
    values = np.round(rng.uniform(0, 100, shape)).astype(dtype)
    mask = rng.random([n if data.draw(st.booleans()) else 1 for n in shape]) > 0.7
    sigma = rng.uniform(0.5, 2, [n if data.draw(st.booleans()) else 1 for n in shape])
    copies = values.copy(), mask.copy(), sigma.copy()

    p = problem(MODELS[n_inputs](), values, fitting_axes=given_axes, mask=mask, uncertainty=sigma)
    found = whole_tile(p, max_elements=data.draw(st.integers(1, 30)))

    iterating = [axis for axis in range(ndim) if axis not in axes]
    assert p.shape == tuple(shape[axis] for axis in iterating)
    expected = np.where(np.broadcast_to(mask, shape), np.nan, values.astype(float))
    np.testing.assert_array_equal(found["y"], by_element(expected, axes))
    weights = by_element(1 / np.broadcast_to(sigma, shape) ** 2, axes)
    np.testing.assert_allclose(np.broadcast_to(found["weight"], weights.shape), weights, rtol=1e-13)
    x = [by_element(np.broadcast_to(np.indices(shape)[axis], shape), axes) for axis in axes]
    np.testing.assert_array_equal(found["x"], np.stack(x, axis=1))
    for before, after in zip(copies, (values, mask, sigma), strict=True):
        np.testing.assert_array_equal(before, after)


def test_masks_add_up():
    data = np.ma.MaskedArray(np.ones((4, 3)), np.eye(4, 3))
    p = problem(m.Const1D(), data, mask=np.array([0, 0, 0, 1]).astype(bool))
    assert np.isnan(whole_tile(p, 2)["y"]).tolist() == [[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]


@pytest.mark.parametrize(
    "mask",
    [
        np.array([0, 1, 0, 1], bool),
        np.array([0, 1, 0, 1]),
        np.array([0, 64, 0, 2], ">i4"),
        np.array([0, np.nan, 0, 1.0]),
        np.array([[0], [1], [0], [1]], bool),
    ],
)
def test_anything_but_zero_is_masked(mask):
    p = problem(m.Const1D(), np.ones((4, 3)), mask=mask)
    assert np.isnan(whole_tile(p, 2)["y"]).tolist() == [[0, 1, 0, 1]] * 3


def test_a_map_masks_whole_elements():
    mask = np.arange(15).reshape(5, 3) > 7
    y = whole_tile(problem(m.Const1D(), np.ones((4, 5, 3)), mask=mask), 4)["y"]
    np.testing.assert_array_equal(np.isnan(y).all(axis=1), mask.ravel())


def test_scalar_mask():
    assert np.isnan(whole_tile(problem(m.Const1D(), np.ones((4, 3)), mask=True), 2)["y"]).all()


def test_coordinates_of_each_element():
    world = np.random.default_rng(1).normal(size=(4, 5, 3))
    x = whole_tile(problem(m.Const1D(), np.ones((5, 4, 3)), fitting_axes=1, world=(world.swapaxes(0, 1),)), 4)["x"]
    np.testing.assert_array_equal(x[:, 0], np.moveaxis(world, 0, -1).reshape(15, 4))


def test_tiles_travel_without_the_model():
    model = m.Gaussian1D()
    model.mean.tied = lambda model: 3.0  # cannot be pickled
    p = problem(model, np.arange(12.0).reshape(4, 3))
    tiles = pickle.loads(pickle.dumps(p.tiles))
    np.testing.assert_array_equal(tiles.read((slice(0, 2),)).y, p.tiles.read((slice(0, 2),)).y)


def test_tiles_of_a_file_travel_as_its_name(tmp_path):
    from astropy.io import fits

    fits.PrimaryHDU(np.zeros((50, 40, 30), ">f4")).writeto(tmp_path / "a.fits")
    p = problem(m.Gaussian1D(), tmp_path / "a.fits", uncertainty=tmp_path / "a.fits", mask=tmp_path / "a.fits")
    p.tiles.read((slice(0, 2), slice(0, 2)))
    assert len(pickle.dumps(p.tiles)) < 5000


def test_no_elements():
    p = problem(m.Const1D(), np.ones((4, 0, 3)))
    assert p.shape == (0, 3)
    assert p.tiles.read((slice(0, 0), slice(0, 3))).y.shape == (0, 4)


def test_every_axis_is_fitted():
    p = problem(m.Planar2D(), np.arange(12.0).reshape(3, 4), fitting_axes=(1, 0))
    assert p.shape == ()
    assert p.tiles.read(()).y.tolist() == [np.arange(12.0).reshape(3, 4).T.ravel().tolist()]


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        ({}, 0),
        ({"uncertainty": np.ones(100)}, 0),
        ({"uncertainty": np.ones((100, 7))}, 1600),
        ({"mask": np.ones((100, 7), bool)}, 100),
        ({"world": (np.ones((100, 7)),)}, 4000),
    ],
)
def test_bytes_of_an_element(arguments, more):
    base = problem(m.Const1D(), np.zeros((100, 7))).tiles.bytes_per_element
    assert problem(m.Const1D(), np.zeros((100, 7)), **arguments).tiles.bytes_per_element == base + more
