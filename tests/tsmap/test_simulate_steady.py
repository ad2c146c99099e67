"""The simulated survey: files that the library reads, a source that it finds, and no position lost to rounding."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from manyfit.errors import InputError, OutputExists
from manyfit.tsmap import Counts, PointSourceResponse, SkyStatus, fit, simulate_steady
from manyfit.tsmap._exposure import fixed_exposure
from manyfit.tsmap._grid import healpix_grid


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return simulate_steady(tmp_path_factory.mktemp("survey"), nside=2, source_counts=5000.0, seed=2)


def test_the_files_hold_what_is_returned(survey):
    folder = survey.response.path.parent
    assert PointSourceResponse.open(folder / "galactic_response.h5").axes == survey.response.axes
    for name in ("survey", "survey_background"):
        read = Counts.read(folder / f"{name}.hdf5")
        made = survey.counts if name == "survey" else survey.background
        np.testing.assert_array_equal(read.dense(), made.dense())


def test_counts_are_as_expected(survey):
    assert survey.background.total == pytest.approx(60000, rel=1e-3)
    assert abs(survey.counts.total - 65000) < 4 * np.sqrt(65000)


def test_the_source_is_found_with_its_norm(survey):
    found = fit(survey.counts, survey.background, survey.response, spectrum=survey.spectrum, nside=16)
    truth = SkyCoord(*survey.position, unit="deg", frame="galactic")
    assert found.peak.position.separation(truth) < 8 * u.deg
    at_truth = fit(survey.counts, survey.background, survey.response, spectrum=survey.spectrum, positions=truth)
    assert abs(at_truth.norm[0] - 1) < 4 * at_truth.norm_err[0]
    assert found.peak.ts - at_truth.ts[0] < 25
    assert np.all(found.status <= SkyStatus.UNDER_FLUCTUATION)  # not non_finite, for weights of -1e-16


def test_no_position_has_negative_exposure():
    for nside in (1, 2, 4, 8):
        for grid in (healpix_grid(nside), healpix_grid(2 * nside), healpix_grid(8 * nside)):
            _, _, weights = fixed_exposure(nside, "galactic").of(grid.vectors)
            assert weights.min() >= 0


def test_files_are_kept_and_numbers_checked(survey, tmp_path):
    with pytest.raises(OutputExists):
        simulate_steady(survey.response.path.parent, nside=1)
    with pytest.raises(InputError, match="livetime is 0"):
        simulate_steady(tmp_path, livetime=0)
    assert not list(tmp_path.iterdir())
