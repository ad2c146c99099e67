"""One reader at a time, and of those that wait the one whose block comes first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from threading import Condition


class Turns:
    """Turns at a file, which is read fastest in its order; pickled as a new one.

    Examples
    --------
    >>> turns = Turns()
    >>> with turns.turn(3):
    ...     pass
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: list[int] = []
        self._is_taken = False

    @contextmanager
    def turn(self, index: int) -> Iterator[None]:
        """Wait until nobody reads and no other block that waits comes before this one."""
        with self._changed:
            heappush(self._waiting, index)
            self._changed.wait_for(lambda: not self._is_taken and self._waiting[0] == index)
            heappop(self._waiting)
            self._is_taken = True
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()

    def __reduce__(self) -> tuple[type[Turns], tuple[()]]:
        return (Turns, ())
