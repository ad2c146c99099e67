"""Maps of classes: each in its colour, with a legend of those that occur."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.datasets import simulate_cube
from manyfit.errors import InputError
from manyfit.plot import plot_classes

NAMES = {0: "good", 3: "bad", 7: "ugly"}


def test_each_class_has_one_colour(pixels):
    codes = np.array([[0, 3], [3, 0]])
    ax = plot_classes(codes, NAMES, title="status")
    image = ax.images[0]
    shown = image.cmap(image.norm(image.get_array()))
    patches = [patch.get_facecolor() for patch in ax.get_legend().get_patches()]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["good", "bad"]
    assert np.allclose(shown[codes == 0], patches[0])
    assert np.allclose(shown[codes == 3], patches[1])
    assert patches[0] != patches[1]
    pixels(ax.figure)


def test_colours_do_not_depend_on_what_occurs():
    def colour(codes):
        return plot_classes(codes, NAMES).get_legend().get_patches()[-1].get_facecolor()

    assert colour([[0, 7]]) == colour([[7, 7]])


def test_lines_and_coordinates(pixels):
    ax = plot_classes([0, 3, 3, 7], NAMES)
    assert [label.get_text() for label in ax.get_legend().get_texts()] == list(NAMES.values())
    pixels(ax.figure)
    cube = simulate_cube((2, 3, 4))
    pixels(plot_classes(np.zeros((3, 4)), NAMES, wcs=cube.wcs).figure)


@pytest.mark.parametrize("codes", [3, [[1, 0]], np.zeros((1, 2, 3))])
def test_refused(codes):
    with pytest.raises(InputError, match=r"Give one or two axes of the codes \[0, 3, 7\]"):
        plot_classes(codes, NAMES)
