"""The pages of the documentation say what the code does."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from manyfit.kernels._status import TABLE, Status

DOCS = Path(__file__).parents[2] / "docs"


def test_every_status_has_its_line():
    page = (DOCS / "status.md").read_text(encoding="utf-8")
    assert set(TABLE) == set(Status)
    for status, text in TABLE.items():
        assert f"| {int(status)} | `{text.name}` | {text.sentence} | {text.remedy} |" in page


def test_any_model(cubes):
    names = runpy.run_path(str(DOCS / "examples" / "any_model.py"))
    result, fitted = names["result"], names["fitted"]
    assert names["velocity"].unit == "km/s"
    assert names["line"].shape == result.shape == fitted.mean_0.shape == (105, 105)
    bright = (result["amplitude_0"].value > 2) & (result.status == Status.CONVERGED)
    assert bright.sum() > 500
    assert np.all((names["velocity"][bright].value >= 3) & (names["velocity"][bright].value <= 6))
    assert np.median(names["error"][bright].value) == pytest.approx(0.03, abs=0.02)
    difference = (fitted.mean_0.quantity[bright] - names["velocity"][bright]) / names["error"][bright]
    assert np.mean(np.abs(difference.to_value("")) < 1e-5) > 0.99
