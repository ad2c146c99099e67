"""The record of spectra: what it accepts, what it makes of bad pixels, and its rows."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from manyfit.errors import InputError
from manyfit.spectra import Spectra, together

GRID = [1.0, 1.1, 1.2, 1.3] * u.um


def make(n=3, **changes):
    rows = Table({"kind": ["coadd"] + ["visit"] * (n - 1), "mjd": np.arange(n)})
    return Spectra(GRID, np.arange(4.0 * n).reshape(n, 4), np.ones((n, 4)), rows=rows, **changes)


def test_bad_pixels_are_unusable_and_inputs_are_not_changed():
    flux = np.array([[1, np.nan, np.inf, 4]])
    ivar = np.array([[-1, 1, 1, np.nan]])
    before = flux.copy(), ivar.copy()
    s = Spectra(GRID, flux, ivar)
    assert s.ivar.tolist() == [[0, 0, 0, 0]]
    np.testing.assert_array_equal(flux, before[0])
    np.testing.assert_array_equal(ivar, before[1])
    assert not s.good().any()


@pytest.mark.parametrize(
    ("key", "mjd"), [(0, [0]), (-1, [2]), (slice(1, None), [1, 2]), ([2, 0], [2, 0]), ([True, False, True], [0, 2])]
)
def test_rows_are_chosen_together(key, mjd):
    s = make(bitmask=np.arange(12).reshape(3, 4))[key]
    assert list(s.rows["mjd"]) == mjd
    assert s.flux[:, 0].tolist() == [4 * i for i in mjd]
    assert s.bitmask[:, 0].tolist() == [4 * i for i in mjd]


def test_row_that_is_not_there():
    with pytest.raises(IndexError):
        make()[3]


def test_visits_without_coadd_are_not_added_silently():
    with pytest.raises(InputError, match=r"2 visits and no coadd. Use spectra.stack"):
        _ = make().visits.coadd


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"wavelength": GRID[::-1]}, "increasing"),
        ({"wavelength": [1, 2, np.nan, 4] * u.um}, "finite"),
        ({"wavelength": GRID.value * u.s}, "Quantity of length"),
        ({"wavelength": GRID[:3]}, "the wavelength has 3 pixels"),
        ({"ivar": np.ones((1, 4))}, "ivar has the shape"),
        ({"ivar": np.ones((3, 4)) * u.Jy}, "ivar is a Quantity"),
        ({"bitmask": np.ones((1, 4), int)}, "bitmask has the shape"),
        ({"rows": Table({"kind": ["visit"]})}, "rows has 1 rows and there are 3"),
        ({"medium": "vacum"}, "Did you mean 'vacuum'"),
        ({"frame": "resting"}, "Did you mean 'rest'"),
    ],
)
def test_what_does_not_fit(change, match):
    given = {"wavelength": GRID, "flux": np.ones((3, 4)), "ivar": np.ones((3, 4))} | change
    with pytest.raises(InputError, match=match):
        Spectra(**given)


def test_together():
    both = together([make(), make(2)])
    assert len(both) == 5
    assert list(both.rows["mjd"]) == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"wavelength": GRID * 1.001}, "different wavelengths"),
        ({"medium": "air"}, r"another medium \(air, and unknown before\)"),
        ({"frame": "rest"}, "another frame"),
        ({"unit": u.Jy}, "another unit"),
    ],
)
def test_what_cannot_be_put_together(change, match):
    one = {"wavelength": GRID, "flux": np.ones((1, 4)), "ivar": np.ones((1, 4))}
    with pytest.raises(InputError, match=match):
        together([Spectra(**one), Spectra(**one | change)])


def test_grids_in_other_units_are_the_same():
    one = {"flux": np.ones((1, 4)), "ivar": np.ones((1, 4))}
    assert len(together([Spectra(GRID, **one), Spectra(GRID.to(u.AA), **one)])) == 2


def test_text():
    assert repr(make(frame="rest")) == (
        "Spectra: 3 rows (1 coadd, 2 visit) × 4 pixels, 1–1.3 um, medium unknown, rest frame, 100 % usable"
    )
