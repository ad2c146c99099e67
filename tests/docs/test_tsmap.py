"""The page on TS maps, and its example, say what the code does."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from manyfit.tsmap import SkyStatus, TSMap

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "tsmap.md").read_text(encoding="utf-8")


def test_the_example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(DOCS / "examples" / "ts_map.py"))
    peak, sky = names["peak"], names["sky"]
    assert peak.norm == pytest.approx(sky.spectrum.norm, rel=0.1)
    assert peak.flux.unit == "ph / (cm2 s)"
    assert len(names["region"]) == 1
    assert names["limits"].shape == (3072,)
    assert names["finer"].peak.ts > peak.ts
    assert TSMap.read("burst_skymap.multiorder.fits").peak.ts == peak.ts


def test_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(code, names)
    bright, faint, steady = (names[name] for name in ("bright", "faint", "steady"))
    truth, crab = names["truth"], names["crab"]
    assert len(bright.containment(0.9)) == 1 < len(faint.containment(0.9))
    assert names["finer"].containment(0.9).area < bright.containment(0.9).area
    for found, position, degrees in ((bright, truth, 3), (faint, truth, 6), (steady, crab, 5)):
        assert found.peak.position.separation(position).deg < degrees
    assert abs(faint.peak.norm - 1) < 3 * faint.peak.norm_err
    assert abs(steady.peak.norm - 1) < 4 * steady.peak.norm_err
    assert (steady.status == SkyStatus.GOOD).mean() > 0.95
    assert (steady.status <= SkyStatus.UNDER_FLUCTUATION).all()
    np.testing.assert_array_equal(names["same"].ts, bright.ts)


def test_the_command_on_the_page_exists():
    from click.testing import CliRunner

    from manyfit.cli import main

    known = CliRunner().invoke(main, ["tsmap", "--help"]).stdout
    options = set(re.findall(r"(?<= )--[a-z-]+|(?<=`)--[a-z-]+", PAGE))
    assert len(options) > 6
    assert all(re.search(rf"{option}\b", known) for option in options)


def test_every_status_has_its_line():
    for status in SkyStatus:
        assert f"| {int(status)} | `{status.text.name}` | {status.text.sentence} |" in PAGE


def test_figures_of_the_page_exist():
    for name in re.findall(r"\]\((images/\w+\.png)\)", PAGE):
        assert (DOCS / name).exists()
