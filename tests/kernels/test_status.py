"""The table of status codes is complete, and the solver uses the same numbers."""

from __future__ import annotations

import pytest

from manyfit.kernels import Status, _solver
from manyfit.kernels._status import LAST_GOOD, TABLE


def test_every_code_has_words():
    assert set(TABLE) == set(Status)
    for code, text in TABLE.items():
        assert text.name == code.name.lower()
        assert text.sentence.endswith(".")
        assert text.remedy.endswith(".")
        assert "\n" not in text.sentence + text.remedy
    assert len({text.sentence for text in TABLE.values()}) == len(TABLE)


@pytest.mark.parametrize("code", [c for c in Status if hasattr(_solver, c.name)], ids=lambda c: c.name)
def test_codes_of_the_solver(code):
    assert getattr(_solver, code.name) == code


def test_the_solver_knows_the_codes_that_one_element_can_have():
    known = {c for c in Status if hasattr(_solver, c.name)}
    assert set(Status) - known == {Status.FALLBACK, Status.WORKER_ERROR, Status.NOT_FITTED}


def test_good_codes_come_first():
    assert [c for c in Status if c <= LAST_GOOD] == [Status.CONVERGED, Status.AT_BOUND, Status.FALLBACK]


def test_codes_fit_their_array():
    assert max(Status) < 128
    assert sorted(Status) == list(range(len(Status)))
