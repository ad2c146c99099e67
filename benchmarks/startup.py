"""Whole processes: astropy's example with an empty cache and with a full one, import, and the help of the command.

Run with ``python -m benchmarks.startup``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import Row, best_of, show

EXAMPLE = Path(__file__).with_name("example_of_astropy.py")


def seconds(*command: str, cache: str | None = None, repeats: int = 5) -> float:
    """Wall time of a process, the best of several."""
    environment = os.environ | ({"MANYFIT_CACHE": cache} if cache else {})

    def run() -> None:
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

    return best_of(run, repeats)


def empty_cache() -> float:
    """Wall time of the example when nothing has been compiled yet."""

    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return seconds(sys.executable, str(EXAMPLE), cache=folder, repeats=1)

    return min(run() for _ in range(3))


def main() -> None:
    """Measure all four."""
    example = (sys.executable, str(EXAMPLE))
    nothing = seconds(sys.executable, "-c", "pass")
    imported = 1e3 * (seconds(sys.executable, "-c", "import manyfit") - nothing)
    helped = 1e3 * seconds(str(Path(sys.executable).with_name("manyfit")), "--help")
    cold = empty_cache()
    seconds(*example, repeats=1)
    warm = seconds(*example)
    show(
        [
            Row("astropy's example as a new process, empty cache", f"{cold:.1f} s", "<= 4 s", cold <= 4.0),
            Row("astropy's example as a new process, with cache", f"{warm:.2f} s", "<= 1.5 s", warm <= 1.5),
            Row("import manyfit", f"{imported:.0f} ms", "<= 50 ms", imported <= 50),
            Row("manyfit --help, whole process", f"{helped:.0f} ms", "<= 150 ms", helped <= 150),
        ]
    )


if __name__ == "__main__":
    main()
