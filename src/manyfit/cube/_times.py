"""How long each step of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Times:
    """Seconds of each step, in the order of the steps; one that is done again adds up.

    Attributes
    ----------
    seconds
        Step → seconds.
    started
        When the first step began.

    Examples
    --------
    >>> times = Times()
    >>> with times.step("fitting"):
    ...     pass
    >>> list(times.seconds)
    ['fitting']
    """

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    @property
    def total(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def rows(self) -> list[tuple[str, str, str]]:
        """Step, seconds and share of all, as text; the last row is the total."""
        total = max(sum(self.seconds.values()), 1e-9)
        each = [(name, f"{seconds:.2f}", f"{100 * seconds / total:.0f} %") for name, seconds in self.seconds.items()]
        return [*each, ("total", f"{total:.2f}", "100 %")]
