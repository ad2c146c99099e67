"""The summary and the report: every fact in them is that of the map."""

from __future__ import annotations

import re

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from manyfit.errors import OutputExists
from manyfit.tsmap import SkyStatus
from manyfit.tsmap._grid import healpix_grid, positions_grid
from tests.tsmap.maps import CENTRE, a_map

TRUTH = SkyCoord(*CENTRE, unit="deg", frame="galactic")


def test_summary_says_what_happened_and_what_to_do():
    tsmap = a_map(healpix_grid(16))
    tsmap.status[:100] = SkyStatus.NO_EXPOSURE
    text = tsmap.summary()
    assert str(tsmap.peak) in text
    assert "3 counts were odd." in text
    assert f"{np.sum(tsmap.status == 5):,} (  3.3 %) no_exposure: {SkyStatus.NO_EXPOSURE.text.sentence}" in text
    assert SkyStatus.NO_EXPOSURE.text.remedy in text
    region = tsmap.containment(0.9)
    assert f"90 % region (chi2): {region.area.value:,.4g} deg², {len(region)} pixels" in text
    counts = [int(n.replace(",", "")) for n in re.findall(r"^ *([\d,]+) \(", text, flags=re.MULTILINE)]
    assert sum(counts) == len(tsmap)


def test_the_report_is_one_whole_page(tmp_path):
    tsmap = a_map(healpix_grid(16))
    path = tmp_path / "report.html"
    tsmap.report(path, true_position=TRUTH, title="GRB <1>", options="nside = 16")
    page = path.read_text(encoding="utf-8")
    assert "<h1>GRB &lt;1&gt;</h1>" in page
    assert page.count("data:image/png;base64,") == 2
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    for text in (
        f"<b>{tsmap.peak.ts:.1f}</b><span>TS</span>",
        f"{tsmap.containment(0.9).area.value:,.3g} deg²",
        f"the peak is {tsmap.peak.position.separation(TRUTH).deg:.2f}° from it",
        "PowerLaw(index=-2.2, pivot=100.0 keV, norm=0.01 / (cm2 s keV))",
        "nside = 16",
        "3 counts were odd.",
        SkyStatus.UNDER_FLUCTUATION.text.remedy.replace("'", "&#x27;"),
    ):
        assert text in page
    with pytest.raises(OutputExists):
        tsmap.report(path)
    tsmap.report(path, overwrite=True)


def test_reports_of_maps_with_little_in_them(tmp_path):
    cases = {
        "nothing": (a_map(healpix_grid(1), np.full(12, np.nan)), "No position could be fitted."),
        "weak": (a_map(healpix_grid(2), np.ones(48), spectrum=None), "No position has a TS of 25 or more."),
        "list": (a_map(positions_grid(TRUTH), np.array([30.0])), "Positions whose TS"),
    }
    for name, (tsmap, text) in cases.items():
        tsmap.report(tmp_path / f"{name}.html")
        assert text in (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert tsmap.summary()
