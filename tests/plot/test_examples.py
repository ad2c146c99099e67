"""A page of spectra: each at its place, with its own numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from manyfit.errors import InputError
from manyfit.plot import Example, plot_examples

X = np.arange(30.0)
Y = np.exp(-0.5 * ((X - 12) / 3) ** 2)


def test_rows_and_places(pixels):
    rows = {
        "best": [Example("a", X, Y, Y, 0.1), Example("b", X, Y, Y)],
        "failed": [Example("c", X, Y)],
        "none": [],
    }
    figure = plot_examples(rows, x_label="velocity", y_label="K", title="examples")
    axes = {ax.get_title(): ax for ax in figure.axes}
    assert list(axes) == ["a", "b", "c"]
    assert axes["a"].get_position().y0 == axes["b"].get_position().y0 > axes["c"].get_position().y0
    assert axes["a"].get_position().x0 == axes["c"].get_position().x0 < axes["b"].get_position().x0
    assert "best" in axes["a"].get_ylabel()
    assert "failed" in axes["c"].get_ylabel()
    assert axes["c"].get_xlabel() == "velocity"
    pixels(figure)


def test_model_is_drawn_where_there_is_one():
    figure = plot_examples({"any": [Example("with", X, Y, 2 * Y), Example("without", X, Y)]})
    with_model, without = figure.axes
    assert_array_equal(with_model.lines[2].get_ydata(), 2 * Y)
    assert len(without.lines) == 2


def test_band_is_one_sigma_about_the_model():
    (ax,) = plot_examples({"any": [Example("a", X, Y, Y, 0.5)]}).axes
    corners = ax.collections[0].get_paths()[0].vertices
    assert corners[:, 1].max() == pytest.approx(1.5)
    assert corners[:, 1].min() == pytest.approx(-0.5, abs=1e-3)


def test_gaps(pixels):
    y = np.ma.masked_array(Y, mask=X < 5)
    figure = plot_examples({"any": [Example("a", X, y, Y, 0.1)]})
    assert np.isnan(figure.axes[0].lines[1].get_ydata()[:5]).all()
    pixels(figure)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "no spectra to draw"),
        ({"best": []}, "no spectra to draw"),
        ({"best": [Example("(3, 4)", X, Y[1:])]}, r"'\(3, 4\)' have shapes \(30,\), \(29,\) and None"),
        ({"best": [Example("(3, 4)", X, Y, Y[1:])]}, r"\(30,\) and \(29,\)"),
    ],
)
def test_wrong_input(rows, message):
    with pytest.raises(InputError, match=message):
        plot_examples(rows)
