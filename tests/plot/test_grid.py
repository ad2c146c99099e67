"""A page of maps: every map at its place."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u

from manyfit.datasets import simulate_cube
from manyfit.errors import InputError
from manyfit.plot import plot_maps

CUBE = simulate_cube((4, 10, 20))
MAPS = {name: (values.value, values.unit) for name, values in CUBE.truth.items()}


def places(figure):
    """Title → (row, column) of each map."""
    corners = {ax.get_title(): ax.get_position().get_points()[0].round(6) for ax in figure.axes if ax.get_title()}
    lefts, bottoms = (sorted({corner[i] for corner in corners.values()}) for i in (0, 1))
    return {title: (len(bottoms) - 1 - bottoms.index(y), lefts.index(x)) for title, (x, y) in corners.items()}


def axes_named(figure, title):
    return next(ax for ax in figure.axes if ax.get_title() == title)


def test_errors_are_below_their_parameters(pixels):
    figure = plot_maps(MAPS, errors={"mean": MAPS["mean"]}, wcs=CUBE.wcs, title="page", centred=["mean"])
    assert places(figure) == {"amplitude": (0, 0), "mean": (0, 1), "stddev": (0, 2), "mean error": (1, 1)}
    assert figure.get_suptitle() == "page"
    assert axes_named(figure, "mean").images[0].get_cmap().name == "RdBu_r"
    assert axes_named(figure, "mean error").images[0].get_cmap().name == "viridis"
    assert axes_named(figure, "mean").images[0].colorbar.ax.get_title("left") == (u.m / u.s).to_string("latex_inline")
    pixels(figure)


def test_four_in_a_row():
    many = {f"p{i}": (np.ones((2, 2)), None) for i in range(6)}
    found = places(plot_maps(many, errors={"p5": many["p5"]}))
    assert found == {
        **{f"p{i}": (0, i) for i in range(4)},
        "p4": (1, 0),
        "p5": (1, 1),
        "p5 error": (2, 1),
    }


def test_each_map_has_its_own_values():
    figure = plot_maps(MAPS)
    for name, (values, _) in MAPS.items():
        np.testing.assert_array_equal(axes_named(figure, name).images[0].get_array(), values)


def test_lines_and_maps_together(pixels):
    figure = plot_maps({"map": MAPS["mean"], "line": (np.arange(5.0), "K")}, wcs=CUBE.wcs)
    assert axes_named(figure, "line").get_ylabel() == "K"
    pixels(figure)


@pytest.mark.parametrize(
    ("maps", "options", "message"),
    [
        ({}, {}, "no maps to draw"),
        (MAPS, {"errors": {"men": MAPS["mean"]}}, "map 'men' is not known.*Did you mean 'mean'"),
        (MAPS, {"centred": ["stdev"]}, "map 'stdev' is not known.*Did you mean 'stddev'"),
    ],
)
def test_wrong_input(maps, options, message):
    with pytest.raises(InputError, match=message):
        plot_maps(maps, **options)
