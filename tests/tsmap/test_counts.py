from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.errors import InputError
from manyfit.tsmap import Axes, Axis, Counts, HealpixAxis, Orientation

AXES = Axes(
    [
        Axis("Time", [0, 10, 20, 40]),
        Axis("Em", [100, 200, 400], "log"),
        Axis("Phi", [0, 90, 180]),
        HealpixAxis("PsiChi", 1, frame="galactic"),
    ]
)


ZENITH = np.array([0.0, 90.0])


def counts(seed: int = 0, rate: float = 1.0) -> Counts:
    return Counts.from_dense(AXES, np.random.default_rng(seed).poisson(rate, AXES.shape))


@given(st.permutations(AXES.labels), st.integers(1, 4), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_projection_is_the_sum_over_the_other_axes(labels, keep, seed):
    kept = labels[:keep]
    dense = counts(seed).dense()
    others = tuple(i for i, label in enumerate(AXES.labels) if label not in kept)
    left = [label for label in AXES.labels if label in kept]
    expected = dense.sum(axis=others).transpose([left.index(label) for label in kept])
    got = counts(seed).project(*kept)
    assert got.axes.labels == tuple(kept)
    np.testing.assert_array_equal(got.dense(), expected)


def test_compton_is_energy_angle_direction():
    assert counts().compton().axes.labels == ("Em", "Phi", "PsiChi")
    np.testing.assert_array_equal(counts().compton().dense(), counts().dense().sum(axis=0))
    assert counts().compton().time_range == (0, 40)


def test_a_window_of_time():
    part = counts().during(10, 40)
    np.testing.assert_array_equal(part.dense(), counts().dense()[1:])
    assert part.time_range == (10, 40)
    assert part.duration == 30
    np.testing.assert_array_equal(counts().during((0, 10)).dense(), counts().dense()[:1])


@pytest.mark.parametrize(
    ("window", "text"),
    [((5, 20), "nearest are 0.0 and 20.0"), ((0, 41), "0.0 and 40.0"), ((10, 11), "10.0"), ((20, 10), "must start")],
)
def test_a_window_that_does_not_fit(window, text):
    with pytest.raises(InputError, match=text):
        counts().during(window)


def test_off_source_leaves_out_every_bin_that_the_window_touches():
    off = counts().excluding(10, 20)
    np.testing.assert_array_equal(off.dense(), counts().dense()[[0, 2]].sum(axis=0))
    assert off.windows == ((0, 10), (20, 40))
    assert off.duration == 30
    assert counts().excluding(15, 16).windows == ((0, 10), (20, 40))
    with pytest.raises(InputError, match="in the window"):
        counts().excluding(0, 40)


def test_a_background_is_scaled_by_duration():
    scaled = counts().excluding(10, 20).scaled_to((10, 20))
    assert scaled.total == pytest.approx(counts().excluding(10, 20).total / 3)
    assert scaled.time_range == (10, 20)
    assert "Time" not in scaled.axes


def test_a_background_is_scaled_by_livetime():
    times = np.array([0.0, 10.0, 20.0, 40.0])
    pointing = np.tile([[0.0, 0.0]], (4, 1))
    orientation = Orientation(times, pointing, pointing + ZENITH, np.array([10.0, 2.0, 5.0]))
    scaled = counts().excluding(10, 20).scaled_to((10, 20), orientation=orientation)
    assert scaled.total == pytest.approx(counts().excluding(10, 20).total * 2 / 15)
    dead = Orientation(times, pointing, pointing + ZENITH, np.array([10.0, 0.0, 5.0]))
    with pytest.raises(InputError, match=r"of the window 0\.0 s"):
        counts().scaled_to((10, 20), orientation=dead)


def test_times_that_are_not_known():
    timeless = Counts.from_dense(Axes([AXES["Em"]]), [1, 2])
    with pytest.raises(InputError, match="times of counts are not known"):
        timeless.scaled_to((0, 1))
    with pytest.raises(InputError, match="no axis 'Time'"):
        timeless.during(0, 1)
    assert Counts.from_dense(Axes([AXES["Em"]]), [1, 2], windows=[(0, 4)]).scaled_to((9, 10)).total == 0.75


def test_channels():
    part = counts().channels(1, 2)
    np.testing.assert_array_equal(part.dense(), counts().dense()[:, 1:2])
    assert part.axes["Em"] == Axis("Em", [200, 400])


@pytest.mark.parametrize("channels", [(0, 3), (-1, 1), (1, 1), (2, 1)])
def test_channels_that_are_not_there(channels):
    with pytest.raises(InputError, match=f"channels {channels[0]} to {channels[1]} .* there are 2"):
        counts().channels(*channels)


def test_sum_and_product():
    both = counts(1) + counts(2) * 0.5
    np.testing.assert_array_equal(both.dense(), counts(1).dense() + 0.5 * counts(2).dense())
    turned = counts(2).project("PsiChi", "Phi", "Em", "Time")
    np.testing.assert_array_equal((counts(1) + turned).dense(), (counts(1) + counts(2)).dense())
    with pytest.raises(InputError, match="no axis 'Time'"):
        counts(1) + counts(2).compton()


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_counts_that_are_not_counts(bad):
    values = counts().dense()
    values[1, 0, 1, 7] = bad
    with pytest.raises(InputError, match=f"bin at Time 1, Em 0, Phi 1, PsiChi 7 holds {bad}"):
        Counts.from_dense(AXES, values, name="data")


def test_a_factor_that_makes_counts_negative():
    with pytest.raises(InputError, match="holds -"):
        counts() * -1


@pytest.mark.parametrize(
    ("index", "values"), [([0, 96 * 3], [1, 1]), ([-1], [1]), ([1, 0], [1, 1]), ([1, 1], [1, 1]), ([0, 1], [1])]
)
def test_bins_that_make_no_sense(index, values):
    with pytest.raises(InputError):
        Counts(AXES, np.array(index), np.array(values, float))


def test_a_shape_that_is_not_that_of_the_axes():
    with pytest.raises(InputError, match=r"shape \(3,\); the axes have \(3, 2, 2, 12\)"):
        Counts.from_dense(AXES, np.zeros(3))


def test_nothing_is_changed_in_place():
    values = counts().dense()
    before = values.copy()
    made = Counts.from_dense(AXES, values)
    kept = made.index.copy(), made.values.copy()
    made.channels(1, 2), made.during(10, 20), made.excluding(0, 10), made.scaled_to((0, 1)), made * 2, made + made
    np.testing.assert_array_equal(values, before)
    np.testing.assert_array_equal(made.index, kept[0])
    np.testing.assert_array_equal(made.values, kept[1])


def test_the_plot_shows_the_distributions():
    ax = counts().plot("Em", background=counts(1).compton(), source=counts(2))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["data", "background", "source"]
    values = [patch.get_data().values for patch in ax.patches]
    for value, one in zip(values, (counts(), counts(1), counts(2)), strict=True):
        np.testing.assert_array_equal(value, one.dense().sum(axis=(0, 2, 3)))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlabel() == "Measured energy / keV"
    assert counts().plot("Time").get_xlabel() == "Time since 0 / s"
    assert counts().plot("PsiChi", ax=ax) is ax


def test_a_plot_of_counts_with_other_axes_is_refused():
    other = Counts.from_dense(Axes([Axis("Em", [100, 400])]), [1])
    with pytest.raises(InputError, match=r"data has .* background has"):
        counts().plot(background=other)
