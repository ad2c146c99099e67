from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u

from manyfit.errors import InputError
from manyfit.tsmap import Axes, Axis, HealpixAxis
from manyfit.tsmap._axes import check_same

EM = Axis("Em", [100, 200, 400], "log")
PIXELS = HealpixAxis("PsiChi", 2, frame="galactic")


def test_edges_are_kept_in_the_unit_of_the_axis():
    assert Axis("Em", [0.1, 0.2] * u.MeV) == Axis("Em", [100, 200])
    assert Axis("Phi", [0, np.pi] * u.rad) == Axis("Phi", [0, 180])
    assert Axis("Other", [0, 1] * u.m).unit == "m"


def test_edges_are_a_copy_that_cannot_be_changed():
    edges = np.array([1.0, 2.0])
    axis = Axis("Em", edges)
    edges[0] = 0.5
    assert axis.edges[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        axis.edges[0] = 0.0


@pytest.mark.parametrize("edges", [[1], [], [1, 1], [2, 1], [1, np.nan], [1, np.inf], [[1, 2]]])
def test_edges_that_do_not_increase_are_refused(edges):
    with pytest.raises(InputError, match="'Em' has edges"):
        Axis("Em", edges)


def test_edges_in_a_wrong_unit_are_refused():
    with pytest.raises(InputError, match="'Em' has edges in 'm'"):
        Axis("Em", [1, 2] * u.m)


@pytest.mark.parametrize(
    ("values", "text"),
    [({"nside": 3}, "nside=3"), ({"nside": 0}, "nside=0"), ({"scheme": "X"}, "scheme 'X'"), ({"frame": "y"}, "'y'")],
)
def test_a_healpix_axis_that_makes_no_sense_is_refused(values, text):
    with pytest.raises(InputError, match=text):
        HealpixAxis("PsiChi", **({"nside": 1} | values))


def test_axes_are_found_by_label():
    axes = Axes([EM, PIXELS])
    assert axes.shape == (2, 48)
    assert axes.size == 96
    assert axes.index("PsiChi") == 1
    assert "Phi" not in axes
    assert axes.chosen(["PsiChi", "Em"]).labels == ("PsiChi", "Em")
    with pytest.raises(InputError, match=r"no axis 'Phi'. There are: Em, PsiChi"):
        axes["Phi"]
    with pytest.raises(InputError, match="HEALPix pixels; one with edges"):
        axes.interval("PsiChi")
    with pytest.raises(InputError, match="one of HEALPix pixels is needed"):
        axes.healpix("Em")
    with pytest.raises(InputError, match="a name twice"):
        Axes([EM, EM])


def test_equal_axes():
    assert Axes([EM]) == Axes([Axis("Em", [100, 200 * (1 + 1e-12), 400])])
    assert Axes([EM]) != Axes([Axis("Em", [100, 201, 400])])
    assert Axes([EM]) != Axes([Axis("Ei", [100, 200, 400])])
    assert Axis("Em", [1, 2]) != PIXELS


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (Axis("Em", [100, 201, 400]), "Edge 1 is 200 and 201"),
        (Axis("Em", [100, 400]), "1 bins"),
        (HealpixAxis("PsiChi", 1, frame="galactic"), "nside 1"),
        (HealpixAxis("PsiChi", 2, "NESTED", "galactic"), "NESTED"),
        (HealpixAxis("PsiChi", 2, frame="spacecraft"), "spacecraft frame"),
    ],
)
def test_axes_that_differ_are_named(other, text):
    mine = Axes([EM, PIXELS])
    with pytest.raises(InputError, match=f"Axis '{other.label}' differs: counts has .*{text}"):
        check_same(mine, mine.replaced(other), mine.labels, ("counts", "the response"))


def test_an_unknown_frame_fits_every_frame():
    check_same(Axes([PIXELS]), Axes([HealpixAxis("PsiChi", 2)]), ["PsiChi"], ("a", "b"))


def test_a_missing_axis_is_named():
    with pytest.raises(InputError, match="b has no axis 'Em'"):
        check_same(Axes([EM]), Axes([PIXELS]), ["Em"], ("a", "b"))
