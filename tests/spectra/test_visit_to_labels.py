"""Real visits end to end: from the file to normalised flux at rest on the grid of The Cannon."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.spectra import (
    Clip,
    apogee_grid,
    normalize,
    read,
    read_many,
    read_regions,
    resample,
    sinusoidal_continuum,
    stack,
)

NAMES = ["apVisit-r13-9518-57729-104.fits", "apVisit-r13-5095-55844-128.fits"]


@pytest.fixture
def regions(real):
    return read_regions(real("masks/continuum-regions.list"))


def to_grid(visit):
    return resample(visit, apogee_grid(), velocity=visit.rows["velocity"])


@pytest.fixture
def normalised(real, regions):
    (part,) = read_many([real(name) for name in NAMES], prepare=to_grid)
    s = part.spectra
    continuum = sinusoidal_continuum(s.wavelength, s.flux, s.ivar, continuum_regions=regions)
    assert (continuum.status == 0).all()
    return normalize(s, continuum)


def test_arrays_that_the_cannon_takes(normalised):
    assert normalised.flux.shape == normalised.ivar.shape == (2, 8575)
    np.testing.assert_allclose(normalised.wavelength.value, 10 ** (4.179 + 6e-6 * np.arange(8575)), rtol=1e-14)
    assert np.isfinite(normalised.flux).all()
    assert np.isfinite(normalised.ivar).all()
    assert (normalised.ivar >= 0).all()
    assert (normalised.frame, normalised.medium) == ("rest", "vacuum")
    assert 0.85 < (normalised.ivar > 0).mean() < 0.93
    good = normalised.ivar > 0
    for flux, used in zip(normalised.flux, good, strict=True):
        assert 0.95 < np.median(flux[used]) < 1.02


@pytest.mark.parametrize(("row", "tolerance"), [(0, 0), (1, 1)])
def test_lines_are_at_rest(real, normalised, row, tolerance):
    # a combined spectrum at rest of another star: the shift of largest correlation, in pixels of 4.14 km/s.
    # Without the shift to rest it would be at -16 and -11, with the wrong sign at -33 and -21.
    other = np.load(real("apogee_combined_2M13012770+5754582.npz"))["spectrum"]
    grid = np.load(real("apogee_wavelength_7214.npz"))["wavelength"]
    template = np.interp(normalised.wavelength.value, grid, other, left=1, right=1) - 1
    lines = np.where(normalised.ivar[row] > 0, normalised.flux[row] - 1, 0)
    lines[np.abs(lines) > 0.5] = 0
    shifts = np.arange(-40, 41)
    correlation = [np.dot(lines, np.roll(template, shift)) for shift in shifts]
    assert abs(shifts[np.argmax(correlation)]) <= tolerance


def test_integral_of_a_real_visit(real):
    visit = read(real(NAMES[0]), bits=())
    s = to_grid(visit)
    inside = (s.wavelength.value > 15200) & (s.wavelength.value < 15700)
    old = (visit.wavelength.value > 15200) & (visit.wavelength.value < 15700)
    ours = np.trapezoid(s.flux[0][inside], s.wavelength.value[inside])
    assert ours == pytest.approx(np.trapezoid(visit.flux[0][old], visit.wavelength.value[old]), rel=2e-3)


def test_signal_to_noise_after_resampling(real):
    # sharper pixels than the file's are not made: the noise of a pixel stays that of the survey
    visit = read(real(NAMES[0]))
    s = to_grid(visit)
    before = np.median((visit.flux * np.sqrt(visit.ivar))[visit.ivar > 0])
    after = np.median((s.flux * np.sqrt(s.ivar))[s.ivar > 0])
    assert before * 0.9 < after < before * 2


def test_visits_of_one_star(normalised):
    one = stack(normalised, by="object")
    assert len(one) == 2
    again = stack(normalised[[0, 0]])
    np.testing.assert_allclose(again.ivar[0], 2 * normalised.ivar[0])


def test_clip_without_a_list_of_continuum_pixels(real, regions):
    s = to_grid(read(real(NAMES[1])))
    known = sinusoidal_continuum(s.wavelength, s.flux, s.ivar, continuum_regions=regions)
    clipped = sinusoidal_continuum(s.wavelength, s.flux, s.ivar, clip=Clip())
    used = (s.ivar[0] > 0) & np.isfinite(known.values[0])
    ratio = clipped.values[0][used] / known.values[0][used]
    assert np.abs(ratio - 1).max() < 0.08
    assert np.median(ratio) == pytest.approx(1, abs=0.02)
