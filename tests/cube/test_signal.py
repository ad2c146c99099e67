"""Regions: labels, pruning and growth against SciPy; thresholds; noise of any shape; bad input."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from manyfit import cube, datasets
from manyfit.cube._label import label
from manyfit.cube._signal_kernel import BAD, HIGH, LOW
from manyfit.errors import InputError

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=7)
FULL = np.ones((3, 3, 3), bool)


def co(data, **more):
    """A cube in K with channels of 1 km/s."""
    return cube.read(np.asarray(data) * u.K, spectral_axis=np.arange(len(data)) * u.km / u.s, **more)


@st.composite
def levels(draw):
    """Voxels above thresholds, and bad ones."""
    shape = draw(SHAPES)
    return draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, BAD, LOW, LOW, LOW | HIGH])))


@st.composite
def structures(draw):
    """Symmetric neighbourhoods."""
    half = draw(hnp.arrays(bool, (3, 3, 3)))
    found = half | half[::-1, ::-1, ::-1]
    found[1, 1, 1] = True
    return found


@settings(max_examples=100, deadline=None)
@given(levels(), structures(), st.integers(0, 4), st.integers(0, 2), st.integers(0, 3), st.integers(0, 2))
def test_regions_are_those_of_scipy(level, structure, voxels, bright, channels, pixels):
    above = level & LOW != 0
    found, n = ndimage.label(above, structure=structure)
    size = ndimage.sum_labels(above, found, np.arange(1, n + 1))
    shining = ndimage.sum_labels(level & HIGH != 0, found, np.arange(1, n + 1))
    kept = (size > voxels) & (shining > bright)
    expected = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)])[found]
    ours = label(level, structure, (voxels, bright), (0, 0))
    np.testing.assert_array_equal(ours.labels, expected)
    np.testing.assert_array_equal(ours.n_voxels, size[kept])
    np.testing.assert_array_equal(ours.n_bright, shining[kept])
    assert ours.n_found == n
    grown = label(level, structure, (voxels, bright), (channels, pixels)).labels
    box = np.ones((2 * channels + 1, 2 * pixels + 1, 2 * pixels + 1), bool)
    np.testing.assert_array_equal(grown > 0, ndimage.binary_dilation(expected > 0, box) & (level & BAD == 0))
    np.testing.assert_array_equal(grown[expected > 0], expected[expected > 0])


def test_growth_does_not_go_around_the_edge():
    level = np.zeros((6, 4, 4), np.uint8)
    level[0, 0, 0] = LOW
    grown = label(level, None, (0, -1), (1, 1)).labels
    assert np.argwhere(grown).max(axis=0).tolist() == [1, 1, 1]
    assert np.count_nonzero(grown) == 8


def test_where_two_regions_meet_the_nearer_keeps_the_voxel_or_the_first():
    level = np.zeros((1, 1, 6), np.uint8)
    level[0, 0, [0, 5]] = LOW
    level = level.reshape(6, 1, 1)
    assert label(level, None, (0, -1), (4, 0)).labels.ravel().tolist() == [1, 1, 1, 2, 2, 2]
    level = np.zeros((5, 1, 1), np.uint8)
    level[[0, 4]] = LOW
    assert label(level, None, (0, -1), (2, 0)).labels.ravel().tolist() == [1, 1, 1, 2, 2]


def test_more_than_255_regions_have_larger_labels():
    level = np.zeros((3, 50, 50), np.uint8)
    level[1, ::2, ::2] = LOW
    found = label(level, None, (0, -1), (0, 0))
    assert found.labels.dtype == np.uint16
    assert found.labels.max() == len(found.n_voxels) == 625


def test_thresholds_are_strict_and_bad_voxels_are_never_signal():
    data = np.zeros((5, 3, 3))
    data[2, 1, 1], data[1, 1, 1], data[3, 1, 1] = 3.0, np.nextafter(3, 4), np.inf
    found = cube.signal_mask(co(data), low=3, high=3, noise=1 * u.K, min_voxels=0, min_bright_voxels=0, grow_channels=0)
    assert np.argwhere(found.mask).tolist() == [[1, 1, 1]]


def test_counts_have_to_be_larger_than_the_limits():
    data = np.zeros((10, 8, 8))
    data[2:4, 2:4, 2:4] = 10
    some = {"noise": 1.0, "min_bright_voxels": 0}
    assert len(cube.signal_mask(co(data), min_voxels=8, **some).regions) == 0
    assert len(cube.signal_mask(co(data), min_voxels=7, **some).regions) == 1


@pytest.mark.parametrize("shape", [(), (9,), (4, 5), (1, 4, 5), (9, 1, 1), (9, 4, 5)])
def test_noise_of_any_shape_that_broadcasts(shape):
    rng = np.random.default_rng(0)
    data = rng.normal(0, 4, (9, 4, 5))
    noise = rng.uniform(0.5, 2, shape)
    full = np.broadcast_to(noise[:, None, None] if shape == (9,) else noise, data.shape)
    found = cube.signal_mask(co(data), noise=noise * u.K, min_voxels=0, min_bright_voxels=0, grow_channels=0)
    above, n = ndimage.label(data > 3 * full, FULL)
    bright = [(data > 6 * full)[above == i].any() for i in range(1, n + 1)]
    np.testing.assert_array_equal(found.mask, np.concatenate([[False], bright])[above])


def test_noise_is_converted_and_that_of_the_cube_is_the_default():
    made = datasets.simulate_cube((40, 20, 20))
    kelvin = cube.signal_mask(cube.read((made.data, made.wcs)), noise=250 * u.mK)
    own = cube.signal_mask(cube.read((made.data, made.wcs), uncertainty=made.noise))
    np.testing.assert_array_equal(kelvin.labels, own.labels)
    assert kelvin.mask.any()


def test_the_table_says_where_regions_are():
    data = np.zeros((20, 10, 12))
    data[5:9, 2:5, 3:6] = 10
    data[7, 3, 4] = 25
    data[12:14, 6:9, 8:11] = 20
    row, other = cube.signal_mask(co(data), noise=2.0, min_voxels=3, min_bright_voxels=0, grow_channels=2).regions
    assert (row["n_voxels"], row["n_bright"], row["n_grown"], row["n_spectra"]) == (36, 1, 36 * 2, 9)
    assert (row["peak_snr"], row["channel"], row["y"], row["x"]) == (12.5, 7, 3, 4)
    assert (row["spectral_min"], row["spectral_max"]) == (3 * u.km / u.s, 10 * u.km / u.s)
    assert (other["region"], other["channel"], other["y"], other["x"]) == (2, 12, 6, 8)


def test_positions_are_on_the_sky():
    made = datasets.simulate_clouds_cube()
    row = cube.signal_mask(cube.read((made.data, made.wcs))).regions[1]
    expected = made.wcs.celestial.array_index_to_world(row["y"], row["x"])
    assert row["position"].separation(expected) < 1e-6 * u.arcsec


def test_one_spectrum():
    data = np.random.default_rng(0).normal(size=200)
    data[60:75] += 10
    found = cube.signal_mask(co(data), min_voxels=10)
    assert found.mask.shape == (200,)
    assert found.mask[60:75].all()
    assert not found.mask[:55].any()
    assert found.spatial


@pytest.mark.parametrize("workers", [1, 3])
def test_labels_do_not_depend_on_threads(workers):
    made = datasets.simulate_clouds_cube(rng=1)
    one = cube.signal_mask(cube.read((made.data, made.wcs)))
    other = cube.signal_mask(cube.read((made.data, made.wcs)), workers=workers)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.noise, other.noise)
    assert one.regions.values_equal(other.regions)["peak_snr"].all()


def noisy():
    return co(np.random.default_rng(0).normal(size=(30, 4, 5)))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"low": 6, "high": 3}, "low=6 and high=3"),
        ({"low": 0}, "0 < low <= high"),
        ({"low": np.nan}, "0 < low <= high"),
        ({"min_voxels": -1}, "zero or more"),
        ({"noise": 0.0}, "zero, negative or NaN everywhere"),
        ({"noise": np.ones((5, 4))}, "noise has shape"),
        ({"noise": 1 * u.Jy}, "noise is in Jy and the cube in K"),
        ({"structure": np.ones((3, 3))}, "3 x 3 x 3"),
        ({"structure": np.arange(27).reshape(3, 3, 3) < 10}, "symmetric"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(InputError, match=text):
        cube.signal_mask(noisy(), **arguments)


def test_blank_and_constant_cubes():
    with pytest.raises(InputError, match="no finite value"):
        cube.signal_mask(co(np.full((5, 3, 3), np.nan)))
    with pytest.raises(InputError, match="zero, negative or NaN"):
        cube.signal_mask(co(np.ones((5, 3, 3))))
    with pytest.raises(InputError, match="both a finite value and a positive noise"):
        cube.signal_mask(co(np.full((5, 3, 3), np.nan)), noise=1.0)


def test_a_cube_without_signal_has_no_region():
    found = cube.signal_mask(noisy())
    assert len(found.regions) == 0
    assert not found.mask.any()
    assert "0 regions" in repr(found)
    assert np.isnan(cube.moments(noisy(), found)["peak"]).all()


def test_inputs_are_not_changed():
    data = np.random.default_rng(0).normal(size=(30, 4, 5))
    data[3] = np.nan
    before, noise = data.copy(), np.ones((4, 5))
    cube.moments(co(data), cube.signal_mask(co(data), noise=noise))
    np.testing.assert_array_equal(data, before)
    assert (noise == 1).all()


def test_regions_do_not_grow_into_voxels_without_noise():
    data, noise = np.zeros((7, 3, 3)), np.ones((7, 3, 3))
    data[3], noise[2, 0, 0], noise[4, 1, 1], noise[4, 2, 2] = 10, np.inf, 0, np.nan
    found = cube.signal_mask(co(data), noise=noise, min_voxels=3, min_bright_voxels=3)
    left_out = np.argwhere(~found.mask[2:5]).tolist()
    assert left_out == [[0, 0, 0], [2, 1, 1], [2, 2, 2]]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_of_equal_peaks_the_first_is_in_the_table(workers):
    data = np.zeros((4, 80, 40))
    data[2] = 10
    data[2, [5, 40, 75], [30, 20, 10]] = 20
    (row,) = cube.signal_mask(co(data), noise=1.0, workers=workers).regions
    assert (row["channel"], row["y"], row["x"]) == (2, 5, 30)
