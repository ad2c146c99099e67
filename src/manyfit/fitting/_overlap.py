"""Blocks that are read and written while others are fitted: more threads than cores, of which few compute."""

from __future__ import annotations

import threading


class Cores:
    """As many threads of a process as there are cores may compute at the same time; the others wait, read or write.

    Pickled as a new one.

    Examples
    --------
    >>> with Cores(2):
    ...     pass
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self._free = threading.BoundedSemaphore(n)

    def __enter__(self) -> None:
        self._free.acquire()

    def __exit__(self, *error: object) -> None:
        self._free.release()

    def __reduce__(self) -> tuple[type[Cores], tuple[int]]:
        return (Cores, (self.n,))


def in_flight(n_workers: int) -> int:
    """Threads for so many cores: one more block is read, and one written, for each two that are fitted.

    >>> in_flight(1), in_flight(2), in_flight(8)
    (3, 4, 16)
    """
    return max(n_workers + 2, 2 * n_workers)
