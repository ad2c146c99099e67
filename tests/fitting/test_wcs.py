"""Tests of manyfit.fitting._wcs."""

from __future__ import annotations

import re

import astropy.units as u
import numpy as np
import pytest
from astropy.wcs import WCS
from astropy.wcs.wcsapi import HighLevelWCSWrapper, SlicedLowLevelWCS

from manyfit.errors import InputError
from manyfit.fitting._axes import Axes
from manyfit.fitting._wcs import coordinates_of, iterating_wcs

SHAPE = (6, 5, 4)  # FREQ, DEC, RA


def cube_wcs(pc=None):
    made = WCS(naxis=3)
    made.wcs.ctype = "RA---TAN", "DEC--TAN", "FREQ"
    made.wcs.cunit = "deg", "deg", "Hz"
    made.wcs.cdelt = 0.1, 0.2, 1e6
    made.wcs.crval = 10, 20, 1e9
    made.wcs.crpix = 2, 3, 1
    if pc is not None:
        made.wcs.pc = pc
    made.wcs.set()
    return made


SLANTED = [[1, 0, 0], [0, 1, 0], [0.3, 0, 1]]  # frequency depends on the column


def whole(axes):
    return tuple(slice(0, n) for n in axes.iterating_shape)


def reference(wcs, axes, world_axes):
    """World values of every point, one call for the whole cube, arranged afterwards."""
    grid = np.meshgrid(*(np.arange(n) for n in axes.shape), indexing="ij")
    world = wcs.array_index_to_world_values(*grid)
    arranged = [axes.arrange(world[i]).reshape(-1, axes.n_points) for i in world_axes]
    return np.stack(arranged, axis=1)


@pytest.mark.parametrize(
    ("fitting", "world_axes", "differ", "units"),
    [
        ((0,), (2,), False, ("Hz",)),
        ((1, 2), (1, 0), False, ("deg", "deg")),
        ((2, 1), (0, 1), False, ("deg", "deg")),
        ((0, 1, 2), (2, 1, 0), False, ("Hz", "deg", "deg")),
    ],
)
def test_axes_of_a_cube(fitting, world_axes, differ, units):
    axes = Axes(SHAPE, fitting)
    coordinates = coordinates_of(cube_wcs(), axes)
    assert coordinates.world_axes == world_axes
    assert coordinates.differ_between_elements is differ
    assert coordinates.units == tuple(u.Unit(unit) for unit in units)
    np.testing.assert_allclose(coordinates.read(whole(axes)), reference(cube_wcs(), axes, world_axes), rtol=1e-12)


def test_coordinates_that_differ_between_elements():
    axes = Axes(SHAPE, (0,))
    coordinates = coordinates_of(cube_wcs(SLANTED), axes)
    assert coordinates.differ_between_elements
    expected = reference(cube_wcs(SLANTED), axes, (2,))
    np.testing.assert_allclose(coordinates.read(whole(axes)), expected, rtol=1e-12)
    part = (slice(1, 3), slice(2, 4))
    rows = [y * 4 + x for y in (1, 2) for x in (2, 3)]
    np.testing.assert_allclose(coordinates.read(part), expected[rows], rtol=1e-12)


def test_one_dimension():
    wcs = WCS(naxis=1)
    wcs.wcs.cdelt = [2.0]
    axes = Axes((4,), (0,))
    assert coordinates_of(wcs, axes).read(()).tolist() == [[[2.0, 4.0, 6.0, 8.0]]]
    assert coordinates_of(wcs, axes).units == (None,)


def test_world_axes_in_another_order_than_pixel_axes():
    wcs = WCS(naxis=2)
    wcs.wcs.cdelt = 1, 2
    wcs.wcs.pc = [[0, 1], [1, 0]]
    for fitting in (0, 1):
        axes = Axes((5, 4), (fitting,))
        expected = (1 - fitting,)[::-1]
        coordinates = coordinates_of(wcs, axes)
        world = 1 - (1 - fitting)
        assert coordinates.world_axes == (world,), expected
        assert not coordinates.differ_between_elements


def test_swapped_axes_keep_their_units():
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = "OFFSET", "WEIGHTS", "WAVE"
    wcs.wcs.cunit = "deg", "kg", "mm"
    wcs.wcs.cdelt = 1, 2, 3
    for fitting, units in (((0, 1), ("m", "kg")), ((1, 0), ("kg", "m"))):
        assert coordinates_of(wcs, Axes((4, 3, 2), fitting)).units == tuple(u.Unit(unit) for unit in units)


def test_the_wcs_is_not_changed():
    wcs = cube_wcs(SLANTED)
    before = wcs.to_header_string()
    axes = Axes(SHAPE, (0,))
    coordinates_of(wcs, axes).read(whole(axes))
    assert wcs.to_header_string() == before


def test_threads_agree():
    from concurrent.futures import ThreadPoolExecutor

    axes = Axes(SHAPE, (0,))
    coordinates = coordinates_of(cube_wcs(SLANTED), axes)
    expected = coordinates.read(whole(axes))
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(coordinates.read, [whole(axes)] * 40):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("wrap", [lambda w: w, lambda w: SlicedLowLevelWCS(w, [slice(None)] * 3)])
def test_sliced_wcs(wrap):
    axes = Axes(SHAPE, (0,))
    np.testing.assert_allclose(
        coordinates_of(wrap(cube_wcs()), axes).read((slice(0, 1), slice(0, 1)))[0, 0],
        1e9 + 1e6 * np.arange(6),
    )


def gwcs_of_spectra():
    import gwcs.coordinate_frames as cf
    from astropy.modeling.models import Scale, Shift
    from gwcs.wcs import WCS as GWCS

    forward = (Shift(1.0) | Scale(3.0)) & (Shift(5.0) | Scale(2.0))
    frames = [
        cf.CoordinateFrame(1, "SPATIAL", (0,), unit=u.arcsec, axes_names=("offset",), name="offset"),
        cf.SpectralFrame(axes_order=(1,), unit=u.um, name="wave"),
    ]
    pixels = cf.CoordinateFrame(2, ("PIXEL", "PIXEL"), (0, 1), unit=(u.pix, u.pix), name="pixels")
    return GWCS([(pixels, forward), (cf.CompositeFrame(frames), None)])


def test_gwcs():
    axes = Axes((6, 4), (0,))
    coordinates = coordinates_of(gwcs_of_spectra(), axes)
    assert coordinates.units == (u.um,)
    np.testing.assert_allclose(coordinates.read((slice(2, 3),))[0, 0], 2 * (5 + np.arange(6.0)))


@pytest.mark.parametrize(
    ("shape", "fitting", "text"),
    [
        ((6, 5), (0,), "The WCS pixel_n_dim (3) does not match the number of dimensions in the data (2)"),
        (
            SHAPE,
            (1,),
            "The number of WCS world axes corresponding to the fitting axes (2) does not match the number of",
        ),
    ],
)
def test_bad_wcs(shape, fitting, text):
    with pytest.raises(InputError, match=re.escape(text)):
        coordinates_of(cube_wcs(), Axes(shape, fitting))


class TestIteratingWCS:
    def test_celestial_part_is_a_fits_wcs(self):
        wcs = iterating_wcs(cube_wcs(), Axes(SHAPE, (0,)))
        assert isinstance(wcs, WCS)
        assert list(wcs.wcs.ctype) == ["RA---TAN", "DEC--TAN"]
        assert "CRVAL2" in wcs.to_header()

    def test_order_of_the_remaining_axes(self):
        wcs = iterating_wcs(cube_wcs(), Axes(SHAPE, (2, 1)))
        assert list(wcs.wcs.ctype) == ["FREQ"]

    def test_no_axes(self):
        assert iterating_wcs(cube_wcs(), Axes(SHAPE, (0, 1, 2))) is None

    @pytest.mark.parametrize("use_cd", [False, True])
    def test_a_slanted_spectral_axis_is_left_out(self, use_cd):
        given = cube_wcs(None if use_cd else SLANTED)
        if use_cd:
            given = WCS(naxis=3)
            given.wcs.ctype = "RA---TAN", "DEC--TAN", "FREQ"
            given.wcs.crval, given.wcs.crpix = (10, 20, 1e9), (2, 3, 1)
            given.wcs.cd = [[0.1, 0, 0], [0, 0.2, 0], [3e5, 0, 1e6]]
        before = given.to_header_string()
        wcs = iterating_wcs(given, Axes(SHAPE, (0,)))
        assert isinstance(wcs, WCS)
        assert given.to_header_string() == before
        expected = cube_wcs().celestial.array_index_to_world_values(2, 3)
        np.testing.assert_allclose(wcs.array_index_to_world_values(2, 3), expected)

    @pytest.mark.parametrize(
        "given",
        [cube_wcs([[1, 0, 0.1], [0, 1, 0], [0, 0, 1]]), SlicedLowLevelWCS(cube_wcs(), [slice(None)] * 3)],
        ids=["sky depends on frequency", "no FITS WCS"],
    )
    def test_other_kinds_are_sliced(self, given):
        wcs = iterating_wcs(given, Axes(SHAPE, (0,)))
        assert isinstance(wcs, HighLevelWCSWrapper)
        expected = given.array_index_to_world_values(0, 2, 3)[:2]
        np.testing.assert_allclose(wcs.low_level_wcs.array_index_to_world_values(2, 3)[:2], expected)
