"""The interpreter itself says that opening what is a stranger's executes, imports, starts and connects nothing."""

from __future__ import annotations

import json
import subprocess
import sys


def test_opening_executes_nothing():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.robustness.opening"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["seen"] == []
    assert (said["opened"], said["of"]) == (11, 50)  # hostile pickles and texts are refused
    assert {event.split()[0] for event in said["control"]} == {"compile", "exec", "os.system"}
