"""Real spectra, if they are on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def real() -> Callable[[str], Path]:
    """The path of a real file by its name; skips if it is not there."""

    def find(name: str) -> Path:
        path = Path(os.environ.get("MANYFIT_TEST_DATA", "")) / "spectra" / name
        if not path.exists():
            pytest.skip(f"{name} is not in MANYFIT_TEST_DATA")
        return path

    return find
