"""One block after the other in the calling thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from manyfit.blocks._plan import Block

R = TypeVar("R")


@dataclass(frozen=True)
class Serial:
    """One block after the other in the calling thread: for debugging, and the reference of the others."""

    @property
    def n_workers(self) -> int:
        """One."""
        return 1

    def results(self, blocks: Sequence[Block], work: Callable[[Block], R]) -> Generator[tuple[Block, R], None, None]:
        """Each block with its result, in the order of the plan."""
        for block in blocks:
            yield block, work(block)
