"""Where the public cube is looked for, and what is said when it is not there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import astropy.utils.data
import pytest
from astropy.utils.data import conf

from manyfit.datasets import _l1448, l1448

CONTENT = b"not really a cube"


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A machine without the file: no test data, an empty cache."""
    monkeypatch.delenv("MANYFIT_TEST_DATA", raising=False)
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr(_l1448, "_cache", lambda: cache / _l1448.NAME)
    return cache


@pytest.fixture
def small(monkeypatch):
    """Let a few bytes be the expected content."""
    monkeypatch.setattr(_l1448, "SHA256", hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize("folder", [".", "cubes"])
def test_found_in_test_data(nowhere, small, monkeypatch, tmp_path, folder):
    path = tmp_path / folder / _l1448.NAME
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(CONTENT)
    monkeypatch.setenv("MANYFIT_TEST_DATA", str(tmp_path))
    assert l1448() == path


def test_file_with_other_content_is_refused(nowhere, small, monkeypatch, tmp_path):
    (tmp_path / _l1448.NAME).write_bytes(b"truncated")
    monkeypatch.setenv("MANYFIT_TEST_DATA", str(tmp_path))
    with pytest.raises(OSError, match=r"l1448_13co\.fits is not the expected file.*get it again"):
        l1448()


@pytest.mark.parametrize("variable", [None, "", "empty"])
def test_offline_says_where_to_get_it(nowhere, monkeypatch, tmp_path, variable):
    if variable is not None:
        monkeypatch.setenv("MANYFIT_TEST_DATA", variable and str(tmp_path))
    with (
        conf.set_temp("allow_internet", False),
        pytest.raises(FileNotFoundError, match=r"http://data\.astropy\.org/l1448/.*set .* MANYFIT_TEST_DATA"),
    ):
        l1448()
    assert not list(nowhere.iterdir())


def test_downloaded_once(nowhere, small, monkeypatch, tmp_path):
    asked = []

    def download_file(url, **_options):
        asked.append(url)
        path = tmp_path / "anonymous"
        path.write_bytes(CONTENT)
        return str(path)

    monkeypatch.setattr(astropy.utils.data, "download_file", download_file)
    assert l1448() == l1448() == nowhere / _l1448.NAME
    assert l1448().read_bytes() == CONTENT
    assert asked == [_l1448.URLS[0]]
    assert [path.name for path in nowhere.iterdir()] == [_l1448.NAME]


def test_bad_download_is_not_kept(nowhere, small, monkeypatch, tmp_path):
    bad = tmp_path / "anonymous"
    bad.write_bytes(b"<html>please log in</html>")
    monkeypatch.setattr(astropy.utils.data, "download_file", lambda *_args, **_options: str(bad))
    with pytest.raises(OSError, match=r"data\.astropy\.org.* is not the expected file"):
        l1448()
    assert not list(nowhere.iterdir())


def test_the_real_file():
    folder = os.environ.get("MANYFIT_TEST_DATA")
    if not folder or not list(Path(folder).rglob(_l1448.NAME)):
        pytest.skip(f"needs {_l1448.NAME} in MANYFIT_TEST_DATA")
    from astropy.io import fits

    assert fits.getdata(l1448()).shape == (53, 105, 105)
