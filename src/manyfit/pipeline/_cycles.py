"""Tasks that require themselves, by way of others, are refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import luigi

from manyfit.errors import InputError

#: Tasks whose records are being made: each is asked for by the one before it.
_CHAIN: ContextVar[tuple[luigi.Task, ...]] = ContextVar("chain", default=())


@contextmanager
def no_cycle(task: luigi.Task) -> Iterator[None]:
    """Within this context a task must not be asked for again.

    Raises
    ------
    InputError
        It is.
    """
    chain = _CHAIN.get()
    if task in chain:
        names = " -> ".join(type(part).__name__ for part in (*chain[chain.index(task) :], task))
        raise InputError(f"{task!r} requires itself: {names}. Take one of them out of requires().")
    token = _CHAIN.set((*chain, task))
    try:
        yield
    finally:
        _CHAIN.reset(token)
