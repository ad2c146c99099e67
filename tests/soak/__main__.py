"""A soak by hand: ``python -m tests.soak SECONDS [FIGURE.png]`` prints the course as JSON and draws it."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.soak.kinds import kinds
from tests.soak.usage import Course, Usage

#: Rounds before the first that counts: caches fill up, arenas of memory find their size.
WARM_UP = 5


def soak(seconds: float, warm_up: float = 0.0) -> Course:
    """All kinds in turn, again and again, for some seconds after a number of rounds and some seconds."""
    course, number = Course(), 0
    with tempfile.TemporaryDirectory() as name, kinds(Path(name)) as each:
        started = time.monotonic()
        while len(course.rounds) < 10 or time.monotonic() - started < warm_up + seconds:
            counts = number >= WARM_UP and time.monotonic() - started >= warm_up
            for kind, work in each.items():
                before = Usage.now()
                work()
                if counts:
                    course.growth[kind] += Usage.now().memory - before.memory
            if counts:
                course.seconds.append(time.monotonic() - started)
                course.rounds.append(Usage.now())
            number += 1
    return course


def draw(course: Course, path: str) -> None:
    """Memory, files and threads over time."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below) = plt.subplots(2, sharex=True, layout="constrained", figsize=(7, 5))
    above.plot(course.seconds, [u.memory / 1e6 for u in course.rounds])
    above.set(ylabel="memory of the process, MB", ylim=(0, None))
    for what in ("files", "threads", "children"):
        below.plot(course.seconds, [getattr(u, what) for u in course.rounds], label=what)
    below.set(xlabel="seconds", ylabel="number", ylim=(0, None))
    below.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    wanted = float(sys.argv[1])
    found = soak(wanted, warm_up=min(60.0, wanted / 4))
    said = {"rounds": len(found.rounds), "rise": found.rise, "faults": found.faults(), "growth": dict(found.growth)}
    print(json.dumps(said | {"first": asdict(found.rounds[0]), "last": asdict(found.rounds[-1])}))
    if len(sys.argv) > 2:
        draw(found, sys.argv[2])
    sys.exit(bool(found.faults()))
