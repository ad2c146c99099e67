"""Exposure of pixels: against healpy, and what attitude, livetime and Earth do to it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import healpy
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from manyfit.errors import InputError
from manyfit.tsmap._exposure import fixed_exposure, pointed_exposure, ring_colatitudes
from manyfit.tsmap._occultation import horizon
from tests.tsmap.telescope import orientation


def dense(csr, n_pixels):
    starts, pixels, seconds = csr
    array = np.zeros((len(starts) - 1, n_pixels))
    np.add.at(array, (np.repeat(np.arange(len(array)), np.diff(starts)), pixels), seconds)
    return array


def some_vectors(n=2000):
    """Directions everywhere, more of them at the poles and where rings change, and the corners themselves."""
    found = np.random.default_rng(1).normal(size=(n, 3))
    found[: n // 4, :2] *= 0.02
    found[n // 4 : n // 2, 2] = np.copysign(2 / 3, found[n // 4 : n // 2, 2])
    found[:6] = [[0, 0, 1], [0, 0, -1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [-1, -1e-17, 0]]
    return found / np.linalg.norm(found, axis=1)[:, None]


@pytest.mark.parametrize("nside", [1, 2, 8, 16])
def test_weights_are_those_of_healpy(nside):
    vectors = some_vectors()
    x, y, z = vectors.T
    pixels, weights = healpy.get_interp_weights(nside, np.arctan2(np.hypot(x, y), z), np.arctan2(y, x))
    wanted = np.zeros((len(vectors), 12 * nside**2))
    np.add.at(wanted, (np.arange(len(vectors)), pixels), weights)
    np.testing.assert_allclose(dense(fixed_exposure(nside, "galactic").of(vectors), 12 * nside**2), wanted, atol=1e-12)


@pytest.mark.parametrize("nside", [1, 2, 16])
def test_colatitudes_are_those_of_pixels(nside):
    theta = np.unique(healpy.pix2ang(nside, np.arange(12 * nside**2))[0].round(13))
    np.testing.assert_allclose(ring_colatitudes(nside), theta, atol=1e-12)


def test_time_is_neither_lost_nor_made():
    found = orientation(n=6, livetime=3.5)
    starts, _, seconds = pointed_exposure(found, 4).of(some_vectors())
    np.testing.assert_allclose(np.add.reduceat(seconds, starts[:-1]), 6 * 3.5, rtol=1e-13)


def test_livetime_counts_and_not_the_clock():
    found = replace(orientation(n=2), livetime=np.array([1.0, 0.0]))
    short = replace(orientation(n=1), livetime=np.array([1.0]))
    both = [dense(pointed_exposure(each, 4).of(some_vectors()), 192) for each in (found, short)]
    np.testing.assert_array_equal(*both)


def test_the_source_is_seen_where_it_is():
    # the axis z of the telescope points at (40, 20): a source there is at the pole of its grid
    z = SkyCoord(40, 20, unit="deg", frame="galactic").cartesian.xyz.value
    _, pixels, seconds = pointed_exposure(orientation(n=1), 8).of(z[None])
    assert pixels.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(seconds, 1.25, rtol=1e-6)


def test_a_grid_in_icrs_is_turned():
    vectors = some_vectors(300)
    icrs = SkyCoord(*vectors.T, representation_type="cartesian", frame="galactic").icrs.cartesian.xyz.value.T
    turned, straight = fixed_exposure(4, "icrs").of(vectors), fixed_exposure(4, "galactic").of(icrs.copy())
    np.testing.assert_allclose(dense(turned, 192), dense(straight, 192), atol=1e-8)


def test_the_earth_hides_what_is_behind_it():
    found, vectors = orientation(n=1), some_vectors()
    zenith = SkyCoord(40, 20, unit="deg", frame="galactic").cartesian.xyz.value
    starts, _, _ = pointed_exposure(found, 4, occultation=True).of(vectors)
    separation = np.degrees(np.arccos(np.clip(vectors @ zenith, -1, 1)))
    seen = separation < 180.0 - np.degrees(np.arcsin(6378.0 / (6378.0 + 550.0)))
    np.testing.assert_array_equal(np.diff(starts) > 0, seen)
    assert 0.2 < 1 - seen.mean() < 0.6
    assert np.degrees(np.arccos(horizon(np.array(550.0)))) == pytest.approx(112.98, abs=0.01)


def test_rows_do_not_depend_on_each_other():
    vectors, exposure = some_vectors(), pointed_exposure(orientation(), 8)
    whole = dense(exposure.of(vectors), 768)
    np.testing.assert_array_equal(
        np.vstack([dense(exposure.of(vectors[a : a + 7]), 768) for a in range(0, 70, 7)]), whole[:70]
    )


def test_long_observations_fill_many_pixels():
    # more pixels than there was room for at first
    found = orientation(n=400)
    found = replace(
        found, z_pointing=found.z_pointing * [1.0, 0.0], x_pointing=found.z_pointing * [1.0, 0.0] + [90.0, 0.0]
    )
    starts, pixels, seconds = pointed_exposure(found, 4).of(some_vectors()[:40])
    assert np.diff(starts).max() > 20
    np.testing.assert_allclose(np.add.reduceat(seconds, starts[:-1]), 2000.0, rtol=1e-12)
    assert all(np.all(np.diff(pixels[a:b]) > 0) for a, b in pairwise(starts))


def test_no_livetime_is_an_error():
    with pytest.raises(InputError, match="has no livetime in this range"):
        pointed_exposure(replace(orientation(), livetime=np.zeros(4)), 4)


def test_occultation_needs_the_earth():
    with pytest.raises(InputError, match="does not say where the Earth is"):
        pointed_exposure(replace(orientation(), zenith=None), 4, occultation=True)
