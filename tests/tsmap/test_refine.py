"""Smaller pixels where the source may be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from manyfit.errors import InputError
from tests.tsmap.test_fit import MAPS, a_map


@pytest.mark.parametrize("containment", [0.5, 0.99])
def test_all_pixels_near_the_peak_are_small(containment):
    fine = a_map(nside=4).refine(nside=32, containment=containment)
    assert fine.grid.is_whole_sky
    assert len(np.unique(fine.grid.uniq)) == len(fine)
    near = fine.ts >= fine.peak.ts - chi2.ppf(containment, 2)
    assert np.all(fine.grid.level[near] == 5)
    assert 1 < near.sum() < len(fine) < 2000


def test_pixels_have_the_numbers_of_a_whole_map():
    fine, whole = a_map(nside=4).refine(nside=16), a_map(nside=16)
    small = fine.grid.level == 4
    for name in MAPS:
        np.testing.assert_array_equal(getattr(fine, name)[small], getattr(whole, name)[fine.grid.nested[small]])
    assert fine.peak.ts == whole.peak.ts
    assert fine.peak.position.separation(whole.peak.position).arcsec < 1e-6


def test_pixels_are_in_the_order_of_the_sky():
    fine = a_map(nside=4).refine(nside=16)
    start = fine.grid.nested << (2 * (10 - fine.grid.level))
    assert np.all(np.diff(start) > 0)
    np.testing.assert_array_equal(start[1:], (start + (1 << (2 * (10 - fine.grid.level))))[:-1])


def test_a_ring_map_and_a_refined_map_can_be_refined():
    once = a_map(nside=4).refine(nside=32)
    twice = a_map(nside=4, order="ring").refine(nside=16).refine(nside=32)
    np.testing.assert_array_equal(once.ts, twice.ts)
    np.testing.assert_array_equal(once.grid.uniq, twice.grid.uniq)


def test_scanned_indices_are_kept():
    fine = a_map(nside=4, spectral_indices=[-3, -2]).refine(nside=8)
    assert fine.spectral_index.shape == fine.ts.shape
    assert fine.peak.spectral_index == -2


@pytest.mark.parametrize("nside", [4, 2, 12, 0])
def test_bad_sizes(nside):
    with pytest.raises(InputError, match=f"nside is {nside}. Give a power of two above 4"):
        a_map(nside=4).refine(nside)


def test_a_list_of_positions_cannot_be_refined():
    listed = a_map(positions=a_map(nside=1).grid.skycoord)
    with pytest.raises(InputError, match="A list of positions has no pixels"):
        listed.refine(32)


def test_bad_containment():
    with pytest.raises(InputError, match="containment is 99"):
        a_map(nside=4).refine(32, 99)
