"""Timing and printing, shared by all benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured figure beside its target: both in the same words, such as ``>= 500`` times."""

    what: str
    figure: str
    target: str
    reached: bool

    def __str__(self) -> str:
        return f"| {self.what} | {self.figure} | {self.target} | {'yes' if self.reached else 'no'} |"


def best_of(function: Callable[[], object], repeats: int = 5) -> float:
    """Shortest time of several runs, in seconds: what the machine can do when nothing else disturbs it."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


def show(rows: list[Row]) -> None:
    """Print the figures as a Markdown table."""
    print("| what | measured | target | reached |\n|---|---|---|---|")
    print("\n".join(map(str, rows)), flush=True)
