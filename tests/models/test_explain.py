"""What compiles, and the page that says so."""

from __future__ import annotations

from pathlib import Path

import astropy
import pytest
from astropy import units as u
from astropy.modeling import custom_model, models

from manyfit.models import explain, table
from manyfit.models.__main__ import page

DOCS = Path(__file__).parents[2] / "docs" / "models.md"


def test_compiled_model():
    explanation = explain(models.Gaussian1D())
    assert explanation.compiled
    assert explanation.reason == ""
    assert explanation.formula == "amplitude*exp(-0.5*stddev**-2*(x[0] - mean)**2)"


def test_model_that_is_not_compiled():
    @custom_model
    def odd(x, a=1.0):
        return a if x[0] > 0 else x

    explanation = explain(odd())
    assert not explanation.compiled
    assert explanation.formula == ""
    assert "a branch (if, while, and, or) depends on data" in explanation.reason
    assert "return a if x[0] > 0 else x" in explanation.reason


def test_units_do_not_matter():
    model = models.Gaussian1D(1 * u.K, 0 * u.km / u.s, 2 * u.km / u.s)
    assert explain(model) == explain(models.Gaussian1D())
    assert model.mean.unit == u.km / u.s


def test_long_formulas_are_not_written_out():
    assert explain(models.Chebyshev1D(40)).formula.endswith("parts)")


def test_all_models_but_splines_compile():
    assert [row.name for row in table() if not row.explanation.compiled] == ["Spline1D"]


def rows(text):
    return {line for line in text.splitlines() if line.startswith("| ")}


def test_page_is_up_to_date():
    if not DOCS.is_file():
        pytest.skip("docs/ is not installed with the package")
    written = DOCS.read_text(encoding="utf-8")
    version = ".".join(astropy.__version__.split(".")[:2])
    if f"`astropy.modeling` {version} " in written:
        assert written == page(), "run: python -m manyfit.models > docs/models.md"
    names = {row.split("|")[1] for row in rows(written)} & {row.split("|")[1] for row in rows(page())}
    assert {r for r in rows(written) if r.split("|")[1] in names} == {
        r for r in rows(page()) if r.split("|")[1] in names
    }
