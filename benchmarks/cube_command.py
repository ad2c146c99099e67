"""The whole command ``manyfit cube`` on the L1448 cube, from the start of Python to the report.

Run with ``python -m benchmarks.cube_command``. 11,025 spectra of 53 channels; compiled kernels are in the cache.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.timing import Row, show
from manyfit.datasets import l1448

REPEATS = 5
WHOLE, FITTING = 6.0, 10.0  # seconds


def run(*options: str) -> tuple[float, str]:
    """Shortest wall-clock time of several runs, and what that run printed."""
    found = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "manyfit", "cube", str(l1448()), "-o", str(Path(folder) / "out")]
            started = time.perf_counter()
            done = subprocess.run([*command, "--unit", "K", *options], capture_output=True, text=True, check=True)
            found.append((time.perf_counter() - started, done.stdout))
    return min(found)


def fitting(text: str) -> tuple[float, float]:
    """Seconds and percent spent fitting, from what the command prints."""
    total = re.search(r"(?m)^time: ([\d.]+) s \(.*fitting (\d+) %", text)
    assert total is not None
    percent = float(total[2])
    return float(total[1]) * percent / 100, percent


def main() -> None:
    """One Gaussian; then as many as each spectrum calls for."""
    run("--no-report")  # fills the cache of kernels
    seconds, text = run()
    share = f"{seconds:.2f} s, {fitting(text)[1]:.0f} % of it fitting"
    rows = [Row("manyfit cube on L1448, with report: wall", share, f"<= {WHOLE:g} s", seconds <= WHOLE)]
    run("--no-report", "--components", "auto")
    seconds, text = run("--components", "auto")
    spent = fitting(text)[0]
    figure = f"{spent:.2f} s of {seconds:.2f} s"
    rows.append(Row("the same, up to 3 components: fitting", figure, f"<= {FITTING:g} s", spent <= FITTING))
    show(rows)


if __name__ == "__main__":
    main()
