"""Where and how tiles of positions are fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Where:
    """Scheduler, number of workers, bytes of tiles in work and progress: see `manyfit.fit`."""

    scheduler: Any = None
    workers: int | None = None
    memory: int | None = None
    progress: bool | Callable[[int, int], None] | None = None
