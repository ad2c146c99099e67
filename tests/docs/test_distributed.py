"""The page on clusters shows what runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal

from manyfit import FitResult, fit
from manyfit.blocks import BlockStore
from manyfit.cli import main
from manyfit.models import parse

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "distributed.md").read_text(encoding="utf-8")
EXAMPLE = DOCS / "examples" / "cluster.py"


def test_example(tmp_path):
    pytest.importorskip("distributed")
    call = [sys.executable, str(EXAMPLE)]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("http://")
    assert "Gaussian1D fitted to 48 x 40 = 1920 elements" in done.stdout
    assert BlockStore.open(tmp_path / "fit.zarr").progress().is_complete
    model = parse("Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)")
    plain = fit(model, tmp_path / "cube.fits")
    assert_array_equal(FitResult.open(tmp_path / "fit.zarr").compute()["mean"], plain["mean"])


def test_page_shows_the_example():
    assert EXAMPLE.read_text(encoding="utf-8").partition("\n\n")[2] in PAGE


def test_recipes_are_python():
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        compile(block, "page", "exec")


def test_commands_exist():
    known = CliRunner().invoke(main, ["fit", "--help"]).stdout
    lines = [line for line in PAGE.splitlines() if line.startswith("manyfit fit")]
    assert len(lines) == 4
    for line in lines:
        assert all(re.search(rf"{option}\b", known) for option in re.findall(r"(?<= )--[a-z-]+", line))
