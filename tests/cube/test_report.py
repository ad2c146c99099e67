"""A report says what happened, in numbers that are those of the fit."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import replace
from html import unescape

import astropy.units as u
import numpy as np
import pytest
from astropy.modeling.models import Const1D

from manyfit import FitResult, cube, datasets
from manyfit.cube import _report
from manyfit.cube._report import draw, subject_of, write_report
from manyfit.cube._report_page import remarks, report_text
from manyfit.cube._times import Times
from manyfit.errors import InputError, OutputExists
from manyfit.kernels import Status

SIMULATED = datasets.simulate_cube((53, 12, 15), noise=0.15)


@pytest.fixture(scope="module")
def co():
    made = cube.read(SIMULATED.to_hdu(), spectral_unit="km/s")
    return replace(made, notes=("dropped an axis <of length 1>",))


@pytest.fixture(scope="module")
def signal(co):
    return cube.signal_mask(co, min_voxels=10, min_bright_voxels=3)


@pytest.fixture(scope="module")
def fit(co, signal):
    return cube.fit_lines(co, signal)


def words(page):
    """What a reader sees, without images."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))).split())


def test_report_has_every_part(fit, co, signal, tmp_path):
    times = Times({"reading": 1.0, "fitting": 3.0})
    write_report(fit, tmp_path / "r.html", times=times, options="mask_low = 3", title="my cube")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    text = words(page)
    assert page.count("<img ") == 5
    assert "<h1>my cube</h1>" in page
    selected = np.count_nonzero(fit.selected)
    good = np.count_nonzero(fit.good & fit.selected)
    assert f"{fit.selected.size:,} spectra {selected:,} with signal, fitted {100 * good / selected:.1f} %" in text
    assert f"{np.median((fit.statistic / fit.dof)[fit.good]):.3f}".rstrip("0") in text
    assert "dropped an axis <of length 1>" in text
    assert "mask_low = 3" in text
    assert "fitting 3.00 75 %" in text
    assert str(fit.refits).splitlines()[0] in text
    assert f"{len(signal.regions)} connected region" in text
    for title in ("Summary", "Noise and signal", "Moments and fit", "Maps", "Example spectra", "Spatial coherence"):
        assert f"<h2>{title}</h2>" in page
    assert not re.search(r"https?:|<script", page)


def test_title_is_the_object(fit):
    assert "<h1>simulated 13CO</h1>" in report_text(subject_of(fit), {})


def test_every_status_says_what_to_do(fit):
    status = fit.result.status.copy()
    status[tuple(np.argwhere(fit.selected)[0])] = Status.MAX_ITERATIONS
    solution = replace(fit.result.parameters.solution, status=status)
    broken = replace(fit, result=replace(fit.result, parameters=replace(fit.result.parameters, solution=solution)))
    text = words(report_text(subject_of(broken), {}))
    assert re.search(r"max_iterations 1 0\.\d The limit on iterations was reached", text)
    assert "The spectrum has no signal, or was not selected." in text


def test_of_a_fit_without_mask(co):
    fit = cube.fit_lines(co, coherence=False)
    subject = subject_of(fit)
    drawn = draw(subject)
    assert sorted(drawn) == ["maps", "spectra"]
    page = report_text(subject, drawn)
    assert "Noise and signal" not in page
    assert "Spatial coherence" not in page


def test_of_a_decomposition(co, signal, tmp_path):
    found = cube.decompose(co, signal, max_components=2)
    write_report(found, tmp_path / "r.html", signal=signal)
    text = words((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert " ".join(found.summary().split()) in text


@pytest.mark.parametrize(
    ("factor", "remark"),
    [
        (1.0, None),
        (2.0, r"is 0\.2\d: the noise seems 2\.\d times too large"),
        (0.5, r"is [34]\.\d\d: the noise is too small"),
    ],
)
def test_remarks_on_wrong_noise(co, factor, remark):
    fit = cube.fit_lines(co, noise=factor * 0.15 * u.K, coherence=False)
    found = remarks(fit)
    assert len(found) == (remark is not None)
    if remark is not None:
        assert re.search(remark, found[0])
        assert found[0] in words(report_text(subject_of(fit), {}))


def test_nothing_fitted(co):
    fit = cube.fit_lines(co, np.zeros((12, 15), bool), coherence=False)
    assert remarks(fit) == []
    text = words(report_text(subject_of(fit), draw(subject_of(fit))))
    assert "0 with signal, fitted – of these converged – median" in text


def test_times():
    times = Times({"a": 1.0})
    with times.step("a"), times.step("b"):
        pass
    assert list(times.seconds) == ["a", "b"]
    assert 1 <= times.seconds["a"] < 1.1
    assert times.rows()[-1][0] == "total"


@pytest.mark.parametrize("of", [lambda co: co[:, 3:4, 3:4], None])
def test_what_cannot_be_reported(co, of, tmp_path):
    lazy = cube.fit_lines(co if of is None else of(co), compute=of is not None, coherence=False)
    if of is not None:
        write_report(lazy, tmp_path / "r.html")
        return
    with pytest.raises(InputError, match=r"compute\(\) a fit that is lazy"):
        write_report(lazy, tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_refused_before_drawing(fit, tmp_path, monkeypatch):
    monkeypatch.setattr(_report, "draw", lambda *_: pytest.fail("drawn"))
    (tmp_path / "r.html").write_text("precious")
    with pytest.raises(OutputExists, match=r"r\.html' exists"):
        write_report(fit, tmp_path / "r.html")


def test_full_disk(fit, tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("precious")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(fit, path, drawn={}, overwrite=True)
    assert path.read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_model_without_a_line(co, signal, tmp_path):
    fit = cube.fit_lines(co, signal, model=Const1D(1 * u.K), coherence=False)
    assert "maps" in draw(subject_of(fit))
    fit.to_fits(tmp_path / "fit.fits")
    assert FitResult.read(tmp_path / "fit.fits").names == ("amplitude",)


def test_report_of_the_fit_itself(fit, tmp_path):
    fit.report(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8").count("<img ") == 5
