"""One Poisson fit per hypothesis: against mpmath and SciPy, and on all edges that stop other tools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from manyfit.errors import InputError
from manyfit.tsmap import SkyStatus, solve
from tests.tsmap import oracle

LEVEL = 1.6448536269514722**2


@pytest.mark.parametrize(
    ("mean", "scale", "norm"), [(1.0, 1.0, 1.0), (0.01, 1.0, 0.5), (100.0, 1.0, 0.0), (1.0, 1e6, 1.0), (1e-6, 1.0, 3.0)]
)
def test_norm_and_ts_have_all_digits(mean, scale, norm):
    d, b, e = oracle.simulated(np.random.default_rng(1), mean=mean, scale=scale, norm=norm)
    found = solve(d, b, e)
    for i, row in enumerate(e):
        best, ts = oracle.best_norm(d, b, row, row.sum())
        assert found.norm[i] == pytest.approx(best, rel=1e-11, abs=0)
        assert found.ts[i] == pytest.approx(ts, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("seed", range(4))
def test_signed_norms_have_all_digits(seed):
    d, b, e = oracle.simulated(np.random.default_rng(seed), mean=3.0, norm=0.0)
    found = solve(d, b, e, signed=True)
    negative = found.status == SkyStatus.NEGATIVE
    assert 3 < negative.sum() < 20
    for i, row in enumerate(e):
        best, ts = oracle.best_norm(d, b, row, row.sum(), signed=True)
        assert found.norm[i] == pytest.approx(best, rel=1e-10)
        assert found.ts[i] == pytest.approx(ts, rel=1e-9, abs=1e-11)
    np.testing.assert_array_equal(found.norm < 0, negative)
    assert np.all(found.sqrt_ts[negative] < 0)


@pytest.mark.parametrize("signed", [False, True])
def test_errors_and_limits_are_where_ts_has_fallen(signed):
    d, b, e = oracle.simulated(np.random.default_rng(7), mean=0.5)
    found = solve(d, b, e, signed=signed)
    for i, row in enumerate(e):
        args = (d, b, row, row.sum())
        assert found.norm_errp[i] == pytest.approx(oracle.crossing(found.norm[i], 1.0, 1, *args), rel=1e-9)
        limit = found.norm[i] + oracle.crossing(found.norm[i], LEVEL, 1, *args)
        assert found.norm_ul[i] == pytest.approx(limit, rel=1e-9)
        if found.status[i] == SkyStatus.UNDER_FLUCTUATION:
            assert found.norm_errn[i] == 0.0
        else:
            assert found.norm_errn[i] == pytest.approx(oracle.crossing(found.norm[i], 1.0, -1, *args), rel=1e-9)
            curved = np.sum(d * (row / (b + found.norm[i] * row)) ** 2)
            assert found.norm_err[i] == pytest.approx(curved**-0.5, rel=1e-12)


def test_errors_of_few_counts_are_lopsided():
    found = solve([1.0], [0.01], [[1.0]])
    assert found.norm_errp[0] > 1.5 * found.norm_errn[0] > 0


@pytest.mark.parametrize(("brightness", "most"), [(1e-3, 6), (1.0, 8), (1e3, 6), (1e6, 6)])
def test_few_evaluations_whatever_the_brightness(brightness, most):
    # plain Newton on the likelihood takes 17 and, for the brightest, 39
    rng = np.random.default_rng(3)
    b = rng.gamma(1.0, 1.0, 400)
    e = rng.gamma(0.5, 2.0, (20, 400))
    d = rng.poisson(b + brightness * e[0]).astype(float)
    assert solve(d, b, e).niter.max() <= most


def test_a_constant_ratio_takes_one_step():
    b = np.array([1.0, 2.0, 5.0])
    found = solve(10.0 * b, b, [3.0 * b])
    assert found.norm[0] == pytest.approx(3.0, rel=1e-15)
    assert found.niter[0] == 2  # the second finds that nothing is left


positive = st.floats(1e-3, 1e3)


@settings(max_examples=60, deadline=None)
@given(
    bins=st.lists(st.tuples(st.integers(0, 30), positive, st.one_of(st.just(0.0), positive)), min_size=1, max_size=12),
    unit=st.sampled_from([1e-6, 0.25, 1e8]),
)
def test_properties(bins, unit):
    d, b, e = (np.array(column, float) for column in zip(*bins, strict=True))
    found = solve(d, b, [e, unit * e])
    if e.sum() == 0:
        assert found.status.tolist() == [SkyStatus.NO_EXPOSURE] * 2
        return
    norm, ts = found.norm[0], found.ts[0]
    assert 0.0 <= norm <= d.sum() / e.sum() * (1 + 1e-12)  # the bracket
    assert ts >= 0.0
    around = [oracle.test_statistic(n, d, b, e, e.sum()) for n in norm + found.norm_err[0] * np.array([1e-3, 0.1, 10])]
    assert max(around) <= ts + 1e-9 * (1 + ts)
    assert found.norm_ul[0] >= norm + found.norm_errp[0] * (1 - 1e-9)
    np.testing.assert_allclose(found.norm[1], norm / unit, rtol=1e-9)
    np.testing.assert_allclose(found.ts[1], ts, rtol=1e-9, atol=1e-9)


def test_bins_without_counts_need_only_their_sum():
    d, b, e = oracle.simulated(np.random.default_rng(5), mean=0.3)
    used = d > 0
    whole, part = solve(d, b, e), solve(d[used], b[used], e[:, used], e.sum(axis=1))
    np.testing.assert_allclose(part.ts, whole.ts, rtol=1e-12)
    np.testing.assert_allclose(part.norm_ul, whole.norm_ul, rtol=1e-10)


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_hypotheses_do_not_know_of_each_other(order):
    d, b, e = oracle.simulated(np.random.default_rng(8), n_hypotheses=700)
    index = np.arange(700)[::-1] if order == "reversed" else np.random.default_rng(0).permutation(700)
    whole, part = solve(d, b, e), solve(d, b, e[index], workers=3)
    alone = solve(d, b, e[:1], scheduler="serial")
    for name in ("ts", "norm", "norm_err", "norm_errn", "norm_errp", "norm_ul", "niter", "status"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[index])
        np.testing.assert_array_equal(getattr(alone, name), getattr(whole, name)[:1])


# -- a free scale of the background -----------------------------------------------------------------------------------


def both_free(d, b, e):
    """Norm, scale, TS and error by SciPy on the two parameters."""

    def cost(logs):
        n, s = np.exp(logs)
        return np.sum(s * b + n * e) - np.sum(d * np.log(s * b + n * e))

    best = minimize(cost, [-1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-11, "fatol": 1e-13, "maxiter": 4000})
    norm, scale = np.exp(best.x)
    null = d.sum() / b.sum()
    nothing = null * b.sum() - np.sum(d * np.log(null * b))
    rate = scale * b + norm * e
    information = np.array([[np.sum(d * x * y / rate**2) for x in (e, b)] for y in (e, b)])
    return norm, scale, 2.0 * (nothing - best.fun), np.sqrt(np.linalg.inv(information)[0, 0])


def test_free_background_is_the_maximum_of_two_parameters():
    d, b, e = oracle.simulated(np.random.default_rng(2), mean=5.0, n_bins=200, n_hypotheses=3)
    b *= 1.7
    found = solve(d, b, e, free_background=True)
    norm, scale, ts, error = both_free(d, b, e[0])
    assert scale < 0.7
    assert found.norm[0] == pytest.approx(norm, rel=1e-5)
    assert found.background_scale[0] == pytest.approx(scale, rel=1e-5)
    assert found.ts[0] == pytest.approx(ts, rel=1e-8)
    assert found.norm_err[0] == pytest.approx(error, rel=1e-5)


def test_free_background_balances_all_counts():
    d, b, e = oracle.simulated(np.random.default_rng(4), mean=2.0, n_bins=200)
    found = solve(d, b, e, free_background=True)
    np.testing.assert_allclose(found.background_scale * b.sum() + found.norm * e.sum(axis=1), d.sum(), rtol=1e-10)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_limits_with_a_free_background_are_of_the_profile(index):
    from scipy.optimize import brentq

    d, b, e = oracle.simulated(np.random.default_rng(6), mean=2.0, n_bins=100, n_hypotheses=3)
    e = e[index]
    found = solve(d, b, [e], free_background=True)

    def log_likelihood(norm):
        def slope(scale):
            return np.sum(d * b / (scale * b + norm * e)) - b.sum()

        scale = brentq(slope, 1e-6, 10.0, xtol=1e-15, rtol=1e-14)
        return np.sum(d * np.log(scale * b + norm * e)) - scale * b.sum() - norm * e.sum()

    peak = log_likelihood(found.norm[0])
    for norm, fall in (
        (found.norm[0] + found.norm_errp[0], 1.0),
        (found.norm_ul[0], LEVEL),
        (found.norm[0] - found.norm_errn[0], 1.0),
    ):
        if norm != found.norm[0]:
            assert 2.0 * (peak - log_likelihood(norm)) == pytest.approx(fall, rel=1e-7)


def test_all_counts_may_be_of_the_source():
    # the background lies where nothing was counted
    found = solve([9.0, 0.0], [1e-9, 50.0], [[1.0, 0.0]], free_background=True)
    assert found.status[0] == SkyStatus.NO_BACKGROUND
    assert (found.background_scale[0], found.norm[0]) == (0.0, 9.0)
    assert found.ts[0] == pytest.approx(2 * 9 * np.log(50 / 1e-9), rel=1e-9)
    assert np.isnan(found.norm_err[0])


# -- the edges --------------------------------------------------------------------------------------------------------


def test_under_fluctuations_have_an_answer():
    # a map with one such position stops cosipy 0.3.4
    d, b = np.array([1.0, 3.0]), np.array([4.0, 4.0])
    found = solve(d, b, [[2.0, 2.0]])
    assert found.status[0] == SkyStatus.UNDER_FLUCTUATION
    assert (found.ts[0], found.norm[0], found.norm_errn[0]) == (0.0, 0.0, 0.0)
    gradient, curved = 2 * (4.0 - 2.0), 2 * (4 * 0.25)
    assert found.norm_err[0] == pytest.approx((np.sqrt(gradient**2 + 2 * curved) - gradient) / curved, rel=1e-12)
    assert found.norm_ul[0] > found.norm_errp[0] > 0


def test_no_exposure_is_a_status():
    # such a position stops the development version of cosipy by ZeroDivisionError
    found = solve([1.0, 2.0], [1.0, 1.0], [[0.0, 0.0], [1.0, 1.0]])
    assert found.status.tolist() == [SkyStatus.NO_EXPOSURE, SkyStatus.GOOD]
    assert np.isnan([found.ts[0], found.norm[0], found.norm_err[0], found.norm_ul[0]]).all()
    assert not found.good[0]


def test_expectation_only_where_nothing_was_counted():
    found = solve([3.0, 0.0], [1.0, 1.0], [[0.0, 2.0]])
    assert found.status[0] == SkyStatus.UNDER_FLUCTUATION
    assert found.norm_err[0] == pytest.approx(1 / 4)  # TS = -2 N S
    assert found.norm_ul[0] == pytest.approx(LEVEL / 4)


@pytest.mark.parametrize("free", [False, True])
def test_no_counts_at_all(free):
    found = solve([0.0, 0.0], [1.0, 1.0], [[1.0, 2.0]], free_background=free)
    assert found.status[0] == SkyStatus.NO_COUNTS
    assert (found.ts[0], found.norm[0]) == (0.0, 0.0)
    assert found.norm_ul[0] == pytest.approx(LEVEL / 6)


def test_no_bins_and_no_hypotheses():
    assert solve([], [], np.empty((2, 0)), [1.0, 0.0]).status.tolist() == [SkyStatus.NO_COUNTS, SkyStatus.NO_EXPOSURE]
    assert solve([1.0], [1.0], np.empty((0, 1))).ts.shape == (0,)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_an_expectation_that_is_none_is_a_status(bad):
    found = solve([1.0, 2.0], [1.0, 1.0], [[1.0, bad], [1.0, 1.0]])
    assert found.status.tolist() == [SkyStatus.NON_FINITE, SkyStatus.GOOD]
    assert np.isnan(found.ts[0])


@pytest.mark.parametrize("signed", [False, True])
def test_signed_norms_stop_above_the_edge(signed):
    # nearly all is missing: the best norm is close to where the bin with counts has nothing to expect
    found = solve([1.0, 0.0], [10.0, 1000.0], [[1.0, 100.0]], signed=signed)
    assert found.norm[0] > -10.0
    assert (found.norm[0] < 0) == signed
    if signed:
        assert found.norm[0] == pytest.approx(1 / 101 - 10, rel=1e-12)  # d e / (b + N e) = S


# -- counts where the background is zero -----------------------------------------------------------------------------

ZERO = (np.array([2.0, 3.0, 0.0]), np.array([4.0, 0.0, 2.0]), np.array([[1.0, 0.5, 1.0], [1.0, 0.0, 1.0]]))


def test_the_default_floor_is_half_of_the_smallest_background():
    d, b, e = ZERO
    floored = np.array([4.0, 1.0, 2.0])
    np.testing.assert_array_equal(solve(d, b, e).ts, solve(d, floored, e).ts)
    np.testing.assert_array_equal(solve(d, b, e, zero_background=0.1).ts, solve(d, [4.0, 0.1, 2.0], e).ts)


def test_dropping_keeps_the_expectation():
    d, b, e = ZERO
    dropped = solve(d, b, e, zero_background="drop")
    np.testing.assert_array_equal(dropped.ts, solve([2.0, 0.0, 0.0], [4.0, 1.0, 2.0], e).ts)
    assert np.all(dropped.ts <= solve(d, b, e).ts)


def test_exact_is_infinite_where_the_response_reaches():
    d, b, e = ZERO
    found = solve(d, b, e, zero_background="exact")
    assert found.status.tolist()[0] == SkyStatus.INFINITE
    assert np.isinf(found.ts[0])
    # d e / (b + N e): 2 / (4 + N) + 3 / N = 2.5
    assert found.norm[0] == pytest.approx(np.roots([2.5, 5.0, -12.0]).max(), rel=1e-12)
    assert np.isfinite([found.norm_err[0], found.norm_errn[0], found.norm_errp[0], found.norm_ul[0]]).all()
    assert np.isfinite(found.ts[1])


def test_differences_between_positions_do_not_depend_on_the_floor():
    d, b, _ = ZERO
    e = np.array([[1.0, 0.5, 1.0], [1.0, 0.7, 0.2]])
    small, smaller = (solve(d, b, e, zero_background=floor).ts for floor in (1e-9, 1e-12))
    assert np.all(smaller > small + 10)
    assert smaller[0] - smaller[1] == pytest.approx(small[0] - small[1], abs=1e-6)


def test_counts_without_any_background():
    found = solve([2.0, 1.0], [0.0, 0.0], [[1.0, 3.0]])
    assert found.status[0] == SkyStatus.INFINITE
    assert found.norm[0] == pytest.approx(3 / 4, rel=1e-14)


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([1.0], [1.0, 2.0], [[1.0]]), r"counts has shape \(1,\), background \(2,\)"),
        (([1.0], [1.0], [1.0]), r"expectation \(1,\)"),
        (([-1.0], [1.0], [[1.0]]), "counts has 1 values that are negative, NaN or infinite, the first -1.0 at bin 0"),
        (([1.0], [np.nan], [[1.0]]), "background has 1 values"),
        (([1.0], [1.0], [[1.0]], [1.0, 2.0]), r"expectation_sum has shape \(2,\). Give \(1,\)"),
    ],
)
def test_bad_arrays(arguments, text):
    with pytest.raises(InputError, match=text):
        solve(*arguments)


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"confidence": 95}, "confidence is 95. Give a number between 0.5 and 1"),
        ({"zero_background": "flor"}, "Did you mean 'floor'"),
        ({"zero_background": -1.0}, "Give a positive floor"),
    ],
)
def test_bad_options(keywords, text):
    with pytest.raises(InputError, match=text):
        solve([1.0], [1.0], [[1.0]], **keywords)


def test_input_stays_as_it_is():
    arrays = [np.array([2.0, 3.0, 0.0]), np.array([4.0, 0.0, 2.0]), np.ones((2, 3)), np.array([3.0, 3.0])]
    before = [each.copy() for each in arrays]
    for each in arrays:
        each.flags.writeable = False
    for rule in ("floor", "drop", "exact"):
        solve(*arrays, zero_background=rule)
    for each, was in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(each, was)


def test_errors_may_be_left_out():
    d, b, e = oracle.simulated(np.random.default_rng(9))
    brief, full = solve(d, b, e, errors=False), solve(d, b, e)
    np.testing.assert_array_equal(brief.norm_err, full.norm_err)
    np.testing.assert_array_equal(brief.ts, full.ts)
    assert np.isnan([brief.norm_errn, brief.norm_errp, brief.norm_ul]).all()


def test_every_status_has_its_words():
    for status in SkyStatus:
        text = status.text
        assert text.name == status.name.lower()
        assert text.sentence.endswith(".")
        assert text.remedy.endswith(".")
