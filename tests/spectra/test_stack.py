"""Stacks: weights that are right, coadds that are not added again."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u

from manyfit.errors import InputError
from manyfit.spectra import Spectra, read, stack
from manyfit.spectra._rows import make_rows


def visits(flux, ivar, **more):
    grid = np.arange(np.shape(flux)[1]) + 5000.0
    rows = make_rows(["visit"] * len(flux), **more)
    return Spectra(grid * u.AA, flux, ivar, rows=rows)


def test_smallest_variance_by_simulation():
    rng = np.random.default_rng(0)
    sigma = rng.uniform(0.5, 5, (6, 3000))
    sigma[2, ::3] = np.inf
    flux = 10 + np.where(np.isfinite(sigma), sigma, 0) * rng.normal(size=sigma.shape)
    s = stack(visits(flux, sigma**-2.0))
    pulls = (s.flux - 10) * np.sqrt(s.ivar)
    assert pulls.std() == pytest.approx(1, abs=0.05)
    assert pulls.mean() == pytest.approx(0, abs=0.07)
    np.testing.assert_allclose(s.ivar[0], (sigma**-2.0).sum(axis=0))


def test_coadds_are_never_added_to_visits(real):
    s = read(real("synthetic_apStar.fits"))
    with pytest.raises(InputError, match="2 of 6 rows are coadds"):
        stack(s)
    with pytest.raises(InputError, match="2 of 2 rows are coadds"):
        stack(s.coadds)
    one = stack(s.visits)
    assert (one.rows["kind"][0], one.rows["n_visits"][0]) == ("coadd", 4)
    assert len(one.coadd) == 1
    # the pixel-weighted coadd of the file is made of the same visits
    used = (one.ivar[0] > 0) & (s.coadd.ivar[0] > 0)
    assert np.median(one.ivar[0][used] / s.coadd.ivar[0][used]) == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(one.flux[0][used], s.coadd.flux[0][used], rtol=0.05)


def test_by_star():
    flux = np.arange(5.0)[:, None] * np.ones(3)
    s = stack(
        visits(flux, np.ones((5, 3)), object_name=["b", "a", "b", "c", "a"], mjd=np.arange(5), snr=3), by="object"
    )
    assert list(s.rows["object"]) == ["b", "a", "c"]
    assert s.flux[:, 0].tolist() == [1, 2.5, 3]
    assert s.ivar[:, 0].tolist() == [2, 2, 1]
    assert list(s.rows["n_visits"]) == [2, 2, 1]
    assert list(s.rows["mjd"]) == [1, 2.5, 3]
    assert s.rows["snr"][0] == pytest.approx(np.sqrt(18))


def test_masked_pixels_and_bits():
    s = visits([[1.0, np.nan, 1e9], [3.0, 5.0, 7.0]], [[1, 1, 0], [1, 1, 0]])
    s = Spectra(s.wavelength, s.flux, s.ivar, rows=s.rows, bitmask=[[1, 2, 4], [8, 16, 32]])
    one = stack(s)
    np.testing.assert_array_equal(one.flux, [[2, 5, np.nan]])
    assert one.ivar.tolist() == [[2, 1, 0]]
    assert one.bitmask.tolist() == [[9, 16, 36]]


def test_inputs_stay():
    s = visits([[1.0, 2], [3, 4]], [[1, 0], [1, 1]])
    before = s.flux.copy(), s.ivar.copy()
    stack(s)
    np.testing.assert_array_equal(s.flux, before[0])
    np.testing.assert_array_equal(s.ivar, before[1])
    assert list(s.rows["kind"]) == ["visit", "visit"]


def test_bad_calls():
    s = visits([[1.0, 2]], [[1, 1]])
    with pytest.raises(InputError, match="Did you mean 'object'"):
        stack(s, by="objct")
    with pytest.raises(InputError, match="no spectra"):
        stack(s[:0])
