"""Tests of manyfit.fitting._labelled."""

from __future__ import annotations

import astropy.units as u
import pytest

from manyfit.fitting._labelled import unit_of


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("K", u.K),
        ("Jy/beam", u.Jy / u.beam),
        ("JY/BEAM", u.Jy / u.beam),
        ("KM/S", u.km / u.s),
        ("KELVIN", u.K),
        ("COUNTS/S", u.count / u.s),
        ("10**(-20)*erg/s/cm**2/Angstrom", 1e-20 * u.erg / u.s / u.cm**2 / u.AA),
        (u.mJy, u.mJy),
        ("", None),
        ("  ", None),
        (None, None),
        ("K (Tmb)", None),
        ("flux density", None),
        (3.5j, None),
    ],
)
def test_units_as_headers_write_them(text, unit):
    found = unit_of(text)
    assert found is None if unit is None else found == unit
