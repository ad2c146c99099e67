"""Summaries: the numbers are right, the text is fixed, and nothing upsets them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from astropy.modeling import models as m
from numpy.testing import assert_allclose

from manyfit.kernels import Status
from tests.golden import assert_golden

from .results import LINE, gaussian, result_of

GOLDEN = Path(__file__).parent / "golden"
TIED = {"stddev": lambda model: 0.1 * model.mean}


def with_solution(result, **arrays):
    parameters = result.parameters
    return replace(
        result, parameters=replace(parameters, solution=replace(parameters.solution, **arrays)), seconds=None
    )


def all_bad():
    result = result_of(gaussian(), **LINE)
    solution = result.parameters.solution
    status = np.full_like(solution.status, Status.NO_VALID_POINTS)
    nan = {name: np.full_like(getattr(solution, name), np.nan) for name in ("values", "covariance", "statistic")}
    return with_solution(result, status=status, **nan)


def all_good():
    result = result_of(m.Gaussian1D(1, 2, 3), (40,))
    return with_solution(
        result,
        status=np.zeros(40, np.int8),
        values=result_of(m.Gaussian1D(), (40,), seed=3).parameters.solution.values,
    )


def lazy():
    import dask.array as da

    result = result_of(gaussian(), **LINE)
    arrays = {name: da.from_array(values) for name, values in vars(result.parameters.solution).items()}
    return with_solution(result, **arrays)


CASES = {
    "mixed": lambda: result_of(gaussian(), (30, 40), **LINE),
    "fixed_and_tied": lambda: result_of(m.Gaussian1D(1, 2, 3, fixed={"mean": True}, tied=TIED), (50,)),
    "sum": lambda: result_of(gaussian() + m.Const1D(), (4, 5, 6), statistic="cash", precision="mixed"),
    "all_good": all_good,
    "all_bad": all_bad,
    "no_elements": lambda: result_of(gaussian(), (0, 3), **LINE),
    "one_element": lambda: result_of(m.Const1D(), ()),
    "lazy": lazy,
}


@pytest.mark.parametrize("case", CASES)
def test_text(case):
    summary = CASES[case]().summary()
    text = str(summary)
    assert text == repr(summary)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    assert_golden(GOLDEN / f"summary_{case}.txt", text)


@pytest.mark.parametrize("case", ["fixed_and_tied", "lazy"])
def test_html(case):
    assert_golden(GOLDEN / f"summary_{case}.html", CASES[case]().summary()._repr_html_())


def test_html_is_well_formed():
    for make in CASES.values():
        tree = ET.fromstring(make()._repr_html_().replace("<br>", "<br/>"))
        assert tree.tag == "div"


def test_numbers():
    result = result_of(gaussian(), (30, 40), seed=5, **LINE)
    summary = result.summary()
    good = (result.status <= Status.FALLBACK) & np.isfinite(result.statistic)
    assert 0 < good.sum() < good.size
    line = summary.parameters[1]
    values = result["mean"].value[good]
    assert_allclose((line.low, line.median, line.high), np.percentile(values, [16, 50, 84]))
    assert_allclose(line.error, np.median(result.error["mean"].value[good]))
    assert (line.name, line.unit, line.kind) == ("mean", "km / s", "free")
    has_dof = good & (result.dof > 0)
    assert_allclose(summary.reduced_statistic, np.median((result.statistic / np.maximum(result.dof, 1))[has_dof]))
    fitted = result.status != Status.NOT_FITTED
    assert 0 < summary.n_fitted == fitted.sum() < result.status.size
    assert_allclose(summary.evaluations, result.n_iter[fitted].mean())
    assert sum(line.count for line in summary.statuses) == result.status.size == summary.n_elements
    assert_allclose(sum(line.percent for line in summary.statuses), 100)
    counts = {line.name: line.count for line in summary.statuses}
    assert counts["singular"] == (result.status == Status.SINGULAR).sum()


def test_a_lazy_result_is_not_computed():
    class Computed(Exception):
        """Somebody has computed it."""

    def stop(_):
        raise Computed

    result = lazy()
    solution = result.parameters.solution
    result = with_solution(
        result, **{k: v.map_blocks(stop, dtype=v.dtype, meta=v._meta) for k, v in vars(solution).items()}
    )
    assert "Not computed yet" in str(result.summary())
    with pytest.raises(Computed):
        result.compute()
