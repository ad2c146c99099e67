"""Texts that are to stay as they are, in files beside the tests."""

from __future__ import annotations

import os
from pathlib import Path


def assert_golden(path: Path, text: str) -> None:
    """The text is that of the file; ``MANYFIT_GOLDEN=write`` writes it: look at the difference in git."""
    if os.environ.get("MANYFIT_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text + "\n"
