"""The part of a field that is shown."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.plot import plot_maps
from manyfit.plot._view import MOST, view_of


@pytest.mark.parametrize("place", [(0, 0), (40, 50), (90, 70)])
def test_all_that_is_found_is_seen_with_a_margin(place):
    where = np.zeros((100, 80), bool)
    where[place[0] : place[0] + 10, place[1] : place[1] + 8] = True
    view = view_of(where)
    assert where[view].sum() == where.sum()
    assert where[view].size < 0.1 * where.size
    wider = np.zeros_like(where)
    wider[tuple(slice(max(0, i - 3), i + n + 3) for i, n in zip(place, (10, 8), strict=True))] = True
    assert wider[view].sum() == wider.sum()


@pytest.mark.parametrize("part", [0.0, 0.9, 1.0])
def test_the_whole_field_where_most_of_it_or_nothing_is_found(part):
    where = np.zeros((50, 40), bool)
    where[: round(50 * part)] = True
    assert part == 0 or part > MOST
    assert view_of(where) == (slice(0, 50), slice(0, 40))


def test_maps_keep_their_pixels_and_show_a_part():
    values = np.full((60, 80), np.nan)
    values[20:26, 30:44] = np.arange(84.0).reshape(6, 14)
    ax = next(ax for ax in plot_maps({"mean": (values, "K")}, where=np.isfinite(values)).axes if ax.images)
    assert ax.images[0].get_array().shape == (60, 80)
    assert (ax.get_xlim(), ax.get_ylim()) == ((26.5, 46.5), (16.5, 28.5))
