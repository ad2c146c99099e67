"""What a process holds: memory of its own, open files, threads, children; and whether it grows."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

SELF = Path("/proc/self")
#: Most growth of memory, as a part.
MOST = 0.05


@dataclass(frozen=True)
class Usage:
    """What a process holds at a moment.

    Attributes
    ----------
    memory
        Bytes that would be free without it (unique set size).
    files, threads, children
        How many.
    """

    memory: int
    files: int
    threads: int
    children: int

    @classmethod
    def now(cls) -> Usage:
        """Of this process, after what nobody refers to was freed and given back."""
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
        lines = (SELF / "smaps_rollup").read_text().splitlines()
        private = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
        children = sum(len((task / "children").read_text().split()) for task in (SELF / "task").iterdir())
        files, threads = (len(list((SELF / folder).iterdir())) for folder in ("fd", "task"))
        return cls(1024 * private, files, threads, children)


@dataclass
class Course:
    """What a process held after each round, and by how much each kind of work changed it.

    Attributes
    ----------
    seconds, rounds
        When, and what was held.
    growth
        Bytes by kind, summed over all rounds.
    """

    seconds: list[float] = field(default_factory=list)
    rounds: list[Usage] = field(default_factory=list)
    growth: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def rise(self) -> float:
        """Growth between the least of the first and of the last third of the rounds, as a part: a leak raises that."""
        memory, part = [usage.memory for usage in self.rounds], max(1, len(self.rounds) // 3)
        return min(memory[-part:]) / min(memory[:part]) - 1

    def faults(self) -> list[str]:
        """What grew."""
        worst = ", ".join(
            f"{kind} {n / 1e6:+.1f} MB" for kind, n in sorted(self.growth.items(), key=lambda x: -x[1])[:3]
        )
        found = [f"memory rose by {self.rise:.1%}; most in {worst}"] * (self.rise > MOST)
        half = len(self.rounds) // 2
        for what, free in (("files", 0), ("threads", 2), ("children", 0)):  # pools start threads when they need them
            early, late = (min(getattr(u, what) for u in part) for part in (self.rounds[:half], self.rounds[half:]))
            if late > early + free:  # the smallest number: some are closed a moment later
                found.append(f"open {what} rose from {early} to {late}")
        return found
