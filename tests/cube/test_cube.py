"""A cube: its parts, spectral units against spectral-cube, widths of channels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit import cube, datasets
from manyfit.errors import InputError

REST = 115.271202 * u.GHz


@pytest.fixture(scope="module")
def co():
    made = datasets.simulate_cube((12, 7, 9))
    return cube.read((made.data, made.wcs), uncertainty=np.random.default_rng(0).uniform(1, 2, (12, 1, 9)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_parts_are_those_of_the_arrays(co, data):
    cut = tuple(
        slice(*sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True)))) for n in co.shape
    )
    part = co[cut]
    np.testing.assert_array_equal(part.values(), co.values()[cut])
    np.testing.assert_array_equal(part.spectral_axis, co.spectral_axis[cut[0]])
    sigma = np.broadcast_to(co.uncertainty, co.shape)[cut]
    np.testing.assert_array_equal(np.broadcast_to(part.uncertainty, part.shape), sigma)
    np.testing.assert_allclose(
        part.wcs.array_index_to_world_values(0, 0), co.wcs.array_index_to_world_values(cut[1].start, cut[2].start)
    )
    np.testing.assert_array_equal(part.values((slice(0, 1), slice(0, 1), slice(0, 1))), co.values()[cut][:1, :1, :1])


def test_one_spectrum(co):
    for one in (co[:, 3, -2], co[..., 3, -2], co[:, 3:5][:, 0, -2], co[2:][:, 3, 7]):
        assert one.is_spectrum
        assert one.wcs is None
        assert one.spatial_shape == ()
    np.testing.assert_array_equal(co[:, 3, -2].values(), co.values()[:, 3, -2])
    np.testing.assert_array_equal(co[2:5, 3, 7].uncertainty, co.uncertainty[2:5, 0, 7])


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (3, "One channel"),
        ((slice(None), 3), "integer for both"),
        ((slice(None), 3, slice(None)), "integer for both"),
        (slice(None, None, 2), "has a step"),
        (slice(5, 5), "is empty"),
        ((slice(None), 7, 0), "out of range"),
        ((0, 0, 0, 0), "4 indices"),
    ],
)
def test_parts_that_are_none(co, key, text):
    with pytest.raises(InputError, match=text):
        co[key]


def radio_cube(ctype, unit, value, step):
    wcs = WCS(naxis=3)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN", ctype]
    wcs.wcs.cunit = ["deg", "deg", unit]
    wcs.wcs.cdelt, wcs.wcs.crval, wcs.wcs.crpix = [-0.01, 0.01, step], [20, 30, value], [1, 1, 1]
    wcs.wcs.restfrq = REST.to_value(u.Hz)
    wcs.wcs.set()
    return np.zeros((50, 2, 2)), wcs


AXES = {
    "frequency": ("FREQ", "Hz", 114.9e9, 2e7),
    "radio": ("VRAD", "m/s", -3e5, 7e3),
    "optical": ("VOPT", "m/s", 2e6, 1.1e4),
}
TARGETS = [
    ("km/s", "radio"),
    ("km/s", "optical"),
    ("km/s", "relativistic"),
    ("GHz", None),
    ("mm", None),
]


@pytest.mark.parametrize(
    ("axis", "unit", "convention"),
    [(a, *t) for a in AXES for t in TARGETS if (a, *t) != ("optical", "km/s", "optical")],
)
def test_spectral_units_are_those_of_spectral_cube(axis, unit, convention):
    pytest.importorskip("spectral_cube")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from spectral_cube import SpectralCube

        data, wcs = radio_cube(*AXES[axis])
        theirs = SpectralCube(data * u.K, wcs).with_spectral_unit(
            u.Unit(unit), velocity_convention=convention, rest_value=REST
        )
    ours = cube.read((data * u.K, wcs), spectral_unit=unit, convention=convention)
    np.testing.assert_allclose(ours.spectral_axis.value, theirs.spectral_axis.to_value(unit), rtol=1e-10, atol=1e-6)
    assert ours.convention == convention


def test_optical_velocities_in_another_unit_are_the_same_velocities():
    """spectral-cube 0.7 makes 2010.93 of 2011000 m/s where the header has a rest frequency; a unit changes no value."""
    data, wcs = radio_cube(*AXES["optical"])
    co = cube.read((data * u.K, wcs), spectral_unit="km/s", convention="optical")
    np.testing.assert_allclose(co.spectral_axis.value, 2000 + 11 * np.arange(50), rtol=1e-14)


def test_velocities_are_referred_to_another_line():
    co = cube.read(radio_cube(*AXES["radio"]))
    other = 110.201354 * u.GHz
    found = co.with_spectral_unit("km/s", rest=other)
    frequency = co.spectral_axis.to(u.Hz, u.doppler_radio(REST))
    np.testing.assert_allclose(
        found.spectral_axis.value, frequency.to_value("km/s", u.doppler_radio(other)), rtol=1e-12
    )
    assert found.rest == other
    np.testing.assert_allclose(found.with_spectral_unit("m/s", rest=REST).spectral_axis, co.spectral_axis, atol=1e-6)
    np.testing.assert_array_equal(co.with_spectral_unit("m/s", rest=REST).spectral_axis, co.spectral_axis)


def test_wavelengths_in_air():
    axis = 6500 + 2.0 * np.arange(30)
    co = cube.read(np.zeros(30) * u.Jy, spectral_axis=axis * u.AA, medium="air", rest=6562.8 * u.AA)
    expected = (axis / 6562.8 - 1) * 299792.458
    np.testing.assert_allclose(co.with_spectral_unit("km/s", "optical").spectral_axis.value, expected, rtol=1e-10)
    assert co.with_spectral_unit("nm").spectral_axis[0] == 650 * u.nm
    with pytest.raises(InputError, match="wavelengths are in air"):
        co.with_spectral_unit("THz")


def test_there_and_back():
    co = cube.read(radio_cube(*AXES["frequency"]))
    for unit, convention in TARGETS:
        back = co.with_spectral_unit(unit, convention).with_spectral_unit("Hz")
        np.testing.assert_allclose(back.spectral_axis.value, co.spectral_axis.value, rtol=1e-14)


def test_velocities_of_one_convention_need_no_rest():
    co = cube.read(np.zeros(5) * u.K, spectral_axis=np.arange(5) * u.km / u.s)
    np.testing.assert_allclose(co.with_spectral_unit("m/s").spectral_axis.value, 1000 * np.arange(5))


def test_what_a_conversion_needs():
    velocity = cube.read(np.zeros(5) * u.K, spectral_axis=np.arange(5) * u.km / u.s)
    with pytest.raises(InputError, match="rest frequency or wavelength is needed"):
        velocity.with_spectral_unit("GHz")
    with pytest.raises(InputError, match="convention='radio'"):
        velocity.with_spectral_unit("GHz", rest=REST)
    frequency = cube.read(np.zeros(5) * u.K, spectral_axis=(115 + np.arange(5) / 100) * u.GHz)
    with pytest.raises(InputError, match="rest frequency or wavelength is needed"):
        frequency.with_spectral_unit("km/s", "radio")
    with pytest.raises(InputError, match="convention='radio'"):
        frequency.with_spectral_unit("km/s", rest=REST)
    with pytest.raises(InputError, match="no rest frequency"):
        frequency.with_spectral_unit("km/s", "radio", rest=-3 * u.GHz)


def test_widths_of_channels():
    axis = 115e9 + 1e5 * np.arange(300)
    regular = cube.read(np.zeros(300) * u.K, spectral_axis=axis * u.Hz)
    np.testing.assert_allclose(regular.channel_width.value, 1e5, rtol=1e-12)
    falling = cube.read(np.zeros(4) * u.K, spectral_axis=[9, 7, 4, 0] * u.AA)
    assert falling.channel_width.value.tolist() == [2, 2.5, 3.5, 4]
    single = cube.read(np.zeros(1) * u.K, spectral_axis=[9.0] * u.AA)
    assert np.isnan(single.channel_width.value).all()


def test_values_are_native_floats():
    for dtype, expected in {">f4": "f4", "f2": "f4", ">f8": "f8", "i2": "f8", ">i4": "f8"}.items():
        values = cube.read(np.arange(5).astype(dtype) * u.K, spectral_axis=np.arange(5) * u.AA).values()
        assert values.dtype == np.dtype(expected)
        assert values.dtype.isnative


def test_repr(co):
    assert "12 channels" in repr(co)
    assert "7 x 9 spectra in K" in repr(co)
    assert "one spectrum" in repr(co[:, 1, 1])
