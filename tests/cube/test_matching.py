"""The order of components from pixel to pixel."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.cube._matching import order_of
from manyfit.errors import InputError

NONE = [np.nan] * 3


def layers(shape=(12, 15), seed=0, present=0.7):
    """Three smooth layers that cross in velocity, some of them missing, in a random order in each pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape) / max(shape)
    means = np.stack([5 + 6 * x, 9 - 4 * x + y, 20 + 3 * y], axis=-1)
    truth = np.stack([means * 0 + np.arange(4.0, 7.0), means, np.full_like(means, 1.0)], axis=-1)
    truth[..., 0, :][rng.random(shape) > present] = np.nan
    mixed = truth.copy()
    for place in np.ndindex(shape):
        mixed[place] = truth[place][rng.permutation(3)]
    return truth, mixed


def read_in(components, order):
    return np.take_along_axis(components, order[..., None], axis=2)


def test_finds_layers_that_are_apart():
    truth, mixed = layers()
    truth[..., 1, 1], mixed = truth[..., 1, 1] + 6, None
    rng = np.random.default_rng(3)
    mixed = np.stack([row[rng.permutation(3)] for row in truth.reshape(-1, 3, 3)]).reshape(truth.shape)
    found = read_in(mixed, order_of(mixed, "velocity", match=True))
    np.testing.assert_array_equal(found, truth)


def roughness(components):
    total = 0.0
    for axis in (0, 1):
        a, b = components[:, :-1] if axis else components[:-1], components[:, 1:] if axis else components[1:]
        total += np.nansum(np.abs(a[..., 1] - b[..., 1]))
        total += np.sum(np.isnan(a[..., 1]) != np.isnan(b[..., 1]))
    return total


def test_maps_are_smoother_than_sorted_ones():
    _, mixed = layers(present=1.0)
    matched = read_in(mixed, order_of(mixed, "velocity", match=True))
    sorted_ = read_in(mixed, order_of(mixed, "velocity", match=False))
    gaps = layers(present=0.6)[1]
    assert roughness(matched) <= roughness(sorted_)
    assert roughness(read_in(gaps, order_of(gaps, "velocity", match=True))) < 0.5 * roughness(
        read_in(gaps, order_of(gaps, "velocity", match=False))
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), order=st.sampled_from(["velocity", "amplitude"]), match=st.booleans())
def test_nothing_is_lost(seed, order, match):
    rng = np.random.default_rng(seed)
    components = rng.uniform(1, 5, (4, 5, 3, 3))
    components[rng.random((4, 5, 3)) < 0.4] = np.nan
    places = order_of(components, order, match=match)
    np.testing.assert_array_equal(np.sort(places, axis=-1), np.broadcast_to(np.arange(3), places.shape))


@pytest.mark.parametrize("way", list(permutations(range(3)))[1:])
def test_the_order_that_comes_in_does_not_matter(way):
    _, mixed = layers(seed=5)
    way = list(way)
    first = read_in(mixed, order_of(mixed, "velocity", match=True))
    second = read_in(mixed[:, :, way], order_of(mixed[:, :, way], "velocity", match=True))
    np.testing.assert_array_equal(first, second)


def test_numbers_are_given_by_velocity_or_brightness():
    faint_and_slow, bright_and_fast = [1.0, 5.0, 1.0], [9.0, 30.0, 1.0]
    components = np.tile(np.array([bright_and_fast, NONE, faint_and_slow]), (4, 4, 1, 1))
    for order, first in (("velocity", faint_and_slow), ("amplitude", bright_and_fast)):
        for match in (True, False):
            found = read_in(components, order_of(components, order, match=match))
            np.testing.assert_array_equal(found[..., 0, :], np.broadcast_to(first, (4, 4, 3)))
            assert np.isnan(found[..., 2, 0]).all()


def test_maps_without_any_component():
    empty = np.full((3, 2, 2, 3), np.nan)
    assert order_of(empty, "velocity", match=True).shape == (3, 2, 2)


def test_unknown_order():
    with pytest.raises(InputError, match="Did you mean 'velocity'"):
        order_of(np.ones((1, 1, 1, 3)), "velocities", match=True)
