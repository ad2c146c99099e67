"""Configuration files of any content end a command with a message, never with a traceback."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.cli import main
from manyfit.errors import ManyfitError

GOOD = (
    'model = "Gaussian1D(1, 5, 1.5)"\nfitting-axes = "0"\nworkers = 2\nmemory = "1 MB"\n[bounds]\nmean = "3:6 km/s"\n'
)
VALUES = st.sampled_from(
    ["-1", "nan", "inf", "1e999", "[]", "[[1]]", "{}", "{a = 1}", "1979-05-27", "true", "''", "'\\u0000'", "9" * 400]
)
NAMES = st.sampled_from(
    ["model", "bounds", "fixed", "mask", "workers", "memory", "statistic", "quiet", "nothing", "a.b"]
)
SPOILED = st.one_of(
    st.binary(max_size=200),
    st.tuples(st.integers(0, len(GOOD)), st.text(max_size=8)).map(
        lambda p: (GOOD[: p[0]] + p[1] + GOOD[p[0] :]).encode()
    ),
    st.lists(st.tuples(NAMES, VALUES), max_size=4).map(
        lambda items: "\n".join(f"{n} = {v}" for n, v in items).encode()
    ),
)


def check(path, content):
    path.write_bytes(content)
    ended = CliRunner().invoke(main, ["fit", "no such file.fits", "--config", str(path)])
    assert ended.exit_code != 0
    assert ended.exception is None or isinstance(ended.exception, SystemExit | ManyfitError), repr(ended.exception)


@settings(max_examples=int(os.environ.get("MANYFIT_FUZZ", "100")), deadline=None)
@given(SPOILED)
def test_any_configuration(tmp_path_factory, content):
    check(tmp_path_factory.getbasetemp() / "spoiled.toml", content)


@pytest.mark.parametrize("content", [b"a = " + b"[" * 100_000, b"[a" * 1000, b"\xff\xfe", b"a=1\na=2"])
def test_texts_that_nest_or_repeat(tmp_path, content):
    check(tmp_path / "spoiled.toml", content)
