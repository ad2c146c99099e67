"""Resampling: the flux is conserved, the variance is right, and nothing is made up in gaps."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.errors import InputError
from manyfit.spectra import Spectra, apogee_grid, doppler_factor, log_grid, resample
from manyfit.spectra._grid import pixel_edges
from manyfit.spectra._resample import overlaps


def spectra(grid, flux, ivar=None, **more):
    return Spectra(u.Quantity(grid, u.AA), flux, np.ones(np.shape(flux)) if ivar is None else ivar, **more)


@st.composite
def grids(draw):
    n = draw(st.integers(2, 40))
    steps = draw(st.lists(st.floats(0.7, 1.0), min_size=n, max_size=n))
    return 1000 + draw(st.floats(-5, 5)) + np.cumsum(steps) * draw(st.floats(0.2, 3))


@given(old=grids(), new=grids())
@settings(max_examples=150, deadline=None)
def test_overlaps_against_every_pair(old, new):
    (a0, a1), (b0, b1) = pixel_edges(old), pixel_edges(new)
    found = np.zeros((new.size, old.size))
    o = overlaps((a0, a1), (b0, b1))
    np.add.at(found, (o.target, o.source), o.length)
    expected = np.minimum(a1, b1[:, None]) - np.maximum(a0, b0[:, None])
    np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-11)
    assert (np.diff(o.target) >= 0).all()


@given(old=grids(), step=st.floats(0.3, 5), shift=st.floats(0, 1), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_integral_is_conserved(old, step, shift, seed):
    flux = np.random.default_rng(seed).normal(3, 1, (2, old.size))
    new = np.arange(old[0] - 3 * step - 2 - shift * step, old[-1] + 3 * step + 2, step)
    r = resample(spectra(old, flux), u.Quantity(new, u.AA), min_coverage=1e-6)
    low, high = pixel_edges(old)
    first, last = pixel_edges(new)
    # flux of the covered part of each new pixel
    covered = np.minimum(last, high[-1]) - np.maximum(first, low[0])
    good = r.ivar[0] > 0
    total = (r.flux[:, good] * covered[good]).sum(axis=1)
    np.testing.assert_allclose(total, (flux * (high - low)).sum(axis=1), rtol=2e-4)


@given(old=grids(), value=st.floats(-1e6, 1e6))
@settings(max_examples=40, deadline=None)
def test_a_constant_stays(old, value):
    r = resample(spectra(old, np.full((1, old.size), value)), u.Quantity(old + 0.1, u.AA), min_coverage=1e-6)
    np.testing.assert_allclose(r.flux[r.ivar > 0], value, rtol=1e-12)


def test_the_same_grid_is_the_same_spectrum():
    grid = apogee_grid()
    rng = np.random.default_rng(0)
    s = Spectra(grid, rng.normal(size=(2, grid.size)), rng.uniform(0.1, 1, (2, grid.size)))
    r = resample(s, grid)
    np.testing.assert_allclose(r.flux, s.flux, rtol=1e-9)
    np.testing.assert_allclose(r.ivar, s.ivar, rtol=1e-9)


def test_variance_by_simulation():
    rng = np.random.default_rng(4)
    old, new = np.arange(5000, 5100, 0.7), np.arange(5005, 5095, 1.13)
    sigma = rng.uniform(0.5, 3, old.size)
    noise = sigma * rng.normal(size=(4000, old.size))
    r = resample(spectra(old, noise, np.tile(sigma**-2.0, (4000, 1))), u.Quantity(new, u.AA))
    np.testing.assert_allclose(r.flux.std(axis=0) * np.sqrt(r.ivar[0]), 1, atol=0.05)
    # neighbours share pixels: the covariance that is not kept
    correlation = np.corrcoef(r.flux[:, 10], r.flux[:, 11])[0, 1]
    assert 0.02 < correlation < 0.6


def test_unusable_pixels_do_not_count():
    flux = np.ones((1, 20))
    flux[0, 5], flux[0, 6] = np.nan, 1e9
    ivar = np.ones((1, 20))
    ivar[0, 6] = 0
    r = resample(spectra(np.arange(20.0) + 100, flux, ivar), u.Quantity(np.arange(10) * 2 + 100.5, u.AA))
    assert np.flatnonzero(r.ivar[0] == 0).tolist() == []
    np.testing.assert_allclose(r.flux[0], 1)
    assert r.ivar[0].tolist() == [2, 2, 1, 1, *[2] * 6]
    r = resample(
        spectra(np.arange(20.0) + 100, flux, ivar), u.Quantity(np.arange(10) * 2 + 100.5, u.AA), min_coverage=1
    )
    assert np.flatnonzero(np.isnan(r.flux[0])).tolist() == [2, 3]


def test_gaps_stay_gaps():
    grid = np.concatenate([np.arange(100, 110, 0.5), np.arange(150, 160, 0.25)])
    new = np.arange(95, 165, 0.5)
    r = resample(spectra(grid, np.ones((1, grid.size))), u.Quantity(new, u.AA))
    covered = ((new > 99.5) & (new < 110)) | ((new > 149.5) & (new < 160))
    np.testing.assert_array_equal(r.ivar[0] > 0, covered)


def test_bits_of_all_pixels_that_are_shared():
    bits = np.zeros((1, 8), int)
    bits[0, 2], bits[0, 3] = 4, 8
    s = spectra(np.arange(8.0) + 100, np.ones((1, 8)), bitmask=bits, bits={"A": 2})
    r = resample(s, u.Quantity([100.5, 102.5, 104.5, 200.5], u.AA))
    assert r.bitmask[0].tolist() == [0, 12, 0, 0]


@pytest.mark.parametrize("velocity", [-300.0, 12.5, 250 * u.km / u.s])
def test_a_line_goes_to_rest(velocity):
    grid = log_grid(4.179, 6e-6, 2000)
    centre = 15200.0
    shifted = centre * doppler_factor(velocity)
    flux = 1 - 0.5 * np.exp(-0.5 * ((grid.value - shifted) / 0.8) ** 2)
    r = resample(Spectra(grid, flux, np.ones(grid.size), frame="observed"), grid, velocity=velocity)
    depth = np.where(r.ivar[0] > 0, 1 - r.flux[0], 0)
    assert (depth * grid.value).sum() / depth.sum() == pytest.approx(centre, abs=1e-3)
    assert r.frame == "rest"
    assert r.rows["velocity"][0] == 0


def test_each_row_has_its_velocity():
    grid = log_grid(4.179, 6e-6, 500)
    rng = np.random.default_rng(3)
    s = Spectra(grid, rng.normal(size=(4, 500)), np.ones((4, 500)))
    velocities = [0, 30, -50, 30]
    r = resample(s, grid, velocity=velocities)
    for i, velocity in enumerate(velocities):
        np.testing.assert_array_equal(r.flux[i], resample(s[i], grid, velocity=velocity).flux[0])


def test_inputs_stay():
    grid = log_grid(4.179, 6e-6, 50)
    s = Spectra(grid, np.ones((2, 50)), np.ones((2, 50)), bitmask=np.ones((2, 50), int))
    before = [each.copy() for each in (s.flux, s.ivar, s.bitmask, s.wavelength.value)]
    resample(s, grid[10:30], velocity=50)
    for now, then in zip((s.flux, s.ivar, s.bitmask, s.wavelength.value), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"velocity": [1, 2, 3]}, "3 velocities and 1 spectra"),
        ({"velocity": np.nan}, "finite velocities"),
        ({"velocity": 3e5}, "below that of light"),
        ({"min_coverage": 0}, "min_coverage is 0"),
        ({"wavelength": [3, 2, 1] * u.AA}, "increasing"),
    ],
)
def test_what_does_not_fit(more, match):
    given = {"wavelength": [101.0, 102] * u.AA} | more
    with pytest.raises(InputError, match=match):
        resample(spectra([100.0, 101, 102], np.ones((1, 3))), **given)


@pytest.mark.parametrize(("n", "step"), [(1, 1e-4), (5, 0)])
def test_a_grid_that_is_none(n, step):
    with pytest.raises(InputError, match="a grid has two pixels"):
        log_grid(3.5, step, n)


def test_grid_of_apogee(real):
    # the pixels of the three detectors, by the survey's own list of their wavelengths
    wave = np.loadtxt(real("masks/dr17_wave.dat"))[:, 0]
    grid = apogee_grid().value
    detectors = np.r_[246:3274, 3585:6080, 6344:8335]
    np.testing.assert_allclose(grid[detectors], wave, atol=1e-3)
