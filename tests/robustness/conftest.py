"""How many spoiled files are opened: few by default, thousands with MANYFIT_FUZZ=10000."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def attack() -> Callable[[str, int, int], None]:
    """Open examples of a kind in a process of their own, whose memory is bounded and whose writes are watched."""

    def run(kind: str, few: int, first: int = 0) -> None:
        count = int(os.environ.get("MANYFIT_FUZZ", few))
        command = [sys.executable, "-m", "tests.robustness.attack", kind, str(count), "--first", str(first)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 + 2 * count)
        assert done.returncode == 0, f"it crashed or hung:\n{done.stderr[-3000:]}"
        said = json.loads(done.stdout.strip().splitlines()[-1])
        assert not said["faults"], "\n".join(said["faults"][:20])
        assert said["told"]["InputError"] > count / 4, said["told"]  # else nothing was spoiled

    return run
