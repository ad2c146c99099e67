"""Paths of the surveys."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from manyfit.errors import InputError
from manyfit.spectra import SurveyFile, sdss_access_file, survey_file

STAR = {"apred": "dr17", "telescope": "apo25m", "field": "K01_082+17", "obj": "2M19085185+5058401"}
PLATE = {"plate": 5095, "mjd": 55844, "telescope": "apo25m"}


@pytest.mark.parametrize(
    ("kind", "release", "fields", "path"),
    [
        (
            "apStar",
            "dr17",
            STAR,
            "apogee/spectro/redux/dr17/stars/apo25m/K01_082+17/apStar-dr17-2M19085185+5058401.fits",
        ),
        (
            "apStar",
            "dr16",
            {"apred": "r12", "telescope": "lco25m", "field": "000+14", "prefix": "as", "obj": "2M1"},
            "apogee/spectro/redux/r12/stars/lco25m/000+14/asStar-r12-2M1.fits",
        ),
        (
            "apVisit",
            "dr16",
            {"apred": "r12", "field": "000+02", "fiber": 7, **PLATE},
            "apogee/spectro/redux/r12/visit/apo25m/000+02/5095/55844/apVisit-r12-5095-55844-007.fits",
        ),
        (
            "aspcapStar",
            "dr17",
            {**STAR, "aspcap": "synspec"},
            "apogee/spectro/aspcap/dr17/synspec/apo25m/K01_082+17/aspcapStar-dr17-2M19085185+5058401.fits",
        ),
        (
            "apStar",
            "dr19",
            {"apred": "1.3", "telescope": "apo25m", "healpix": 51234, "obj": "2M1"},
            "spectro/apogee/redux/1.3/stars/apo25m/51/51234/apStar-1.3-apo25m-2M1.fits",
        ),
        (
            "apVisit",
            "dr19",
            {"apred": "1.3", "field": "000+02", "fiber": 300, **PLATE},
            "spectro/apogee/redux/1.3/visit/apo25m/000+02/5095/55844/apVisit-1.3-apo25m-5095-55844-300.fits",
        ),
        (
            "mwmStar",
            "dr19",
            {"v_astra": "0.6.0", "sdss_id": 99560000},
            "spectro/astra/0.6.0/spectra/star/00/00/mwmStar-0.6.0-99560000.fits",
        ),
        (
            "mwmVisit",
            "dr20",
            {"v_astra": "0.8.0", "sdss_id": 1234},
            "spectro/astra/0.8.0/spectra/visit/12/34/mwmVisit-0.8.0-1234.fits",
        ),
    ],
)
def test_templates(kind, release, fields, path):
    file = survey_file(kind, release=release, **fields)
    assert file.path == path
    assert file.url() == f"https://data.sdss.org/sas/{release}/{path}"


def test_local_copy_is_not_touched(tmp_path):
    file = survey_file("apStar", release="dr17", **STAR)
    assert file.local(tmp_path) == tmp_path / "dr17" / file.path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "release", "fields", "match"),
    [
        ("apStar", "dr99", STAR, "release 'dr99' is not known"),
        ("apStr", "dr17", STAR, "Did you mean 'apStar'"),
        ("mwmStar", "dr17", STAR, "kind of file in dr17 'mwmStar' is not known"),
        ("apStar", "dr17", {**STAR, "feild": 1}, "Did you mean 'field'"),
        ("apStar", "dr17", {"apred": "dr17"}, "needs telescope, field, obj"),
        ("mwmStar", "dr19", {"v_astra": "0.6.0"}, "needs sdss_id"),
        ("apStar", "dr17", {**STAR, "obj": "../../../x"}, "without slashes"),
        ("apStar", "dr17", {**STAR, "field": ".."}, "without slashes"),
        ("apStar", "dr17", {**STAR, "field": ""}, "without slashes"),
    ],
)
def test_bad_fields(kind, release, fields, match):
    with pytest.raises(InputError, match=match):
        survey_file(kind, release=release, **fields)


class FakePath:
    """What is used of sdss_access.path.Path."""

    def __init__(self, release):
        self.release = release

    def lookup_names(self):
        return ["apStar"]

    def lookup_keys(self, kind):
        return ["obj"]

    def url(self, kind, obj):
        return f"https://data.sdss.org/sas/{self.release.lower()}/a/b/{kind}-{obj}.fits"


def test_sdss_access_if_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "sdss_access", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "sdss_access.path", SimpleNamespace(Path=FakePath))
    assert sdss_access_file("apStar", release="dr17", obj="x") == SurveyFile("dr17", "a/b/apStar-x.fits")
    with pytest.raises(InputError, match="needs obj"):
        sdss_access_file("apStar", release="dr17")
    with pytest.raises(InputError, match="Did you mean 'apStar'"):
        sdss_access_file("apStars", release="dr17")


def test_sdss_access_is_named_if_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "sdss_access.path", None)
    with pytest.raises(ImportError, match="pip install sdss-access"):
        sdss_access_file("apStar", release="dr17")
