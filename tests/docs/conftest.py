"""Real data for the examples of the documentation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def cubes() -> Path:
    folder = Path(os.environ.get("MANYFIT_TEST_DATA", "")) / "cubes"
    if not (folder / "l1448_13co.fits").exists():
        pytest.skip("l1448_13co.fits is not in MANYFIT_TEST_DATA")
    return folder
