"""The report is one page with all figures and the numbers of the validation."""

from __future__ import annotations

import re
from functools import partial

import pytest

from manyfit.cannon import simulate_stars, train, validate, write_report
from manyfit.errors import OutputExists


def test_report(tmp_path):
    stars = simulate_stars(150, 300)
    model, path = train(stars, hidden=0), tmp_path / "report.html"
    validation = validate(stars, partial(train, hidden=0), n_folds=3)
    calibrated, labels = model.calibrated(validation), model.infer(stars.flux, stars.ivar)
    write_report(
        calibrated, path, validation=validation, training_set=stars, labels=labels, title="A & B", options="order = 2"
    )
    page = path.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 5
    assert "<h1>A &amp; B</h1>" in page
    assert "order = 2" in page
    assert re.findall("<h2>(.*?)</h2>", page)[:2] == ["Summary", "Validation"]
    for row in validation.summary():
        assert f"{row['scatter']:.3g}" in page
        assert f"{row['pull_before']:.3g}" in page
    assert "Errors of inferred labels are calibrated" in page
    with pytest.raises(OutputExists):
        write_report(calibrated, path)


def test_report_of_a_model_alone(tmp_path, model):
    write_report(model, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "several times too small" in page
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
