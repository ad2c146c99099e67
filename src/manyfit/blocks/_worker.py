"""What runs in a worker process: read a block, do the work, write the result."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO


def main() -> None:
    """Answer requests until the caller closes the pipe: first the pickled work, then one block at a time."""
    requests, replies = _pipes()
    payload: bytes = pickle.load(requests)
    work = cache(lambda: pickle.loads(payload))  # at the first block, so that a failure is its reply
    while True:
        try:
            block = pickle.load(requests)
        except EOFError:
            return
        replies.write(_reply(work, block))
        replies.flush()


def dumps(thing: object) -> bytes:
    """Pickle a thing; functions and classes of the user's script go by value, as no worker imports it."""
    import cloudpickle  # type: ignore[import-untyped]

    data: bytes = cloudpickle.dumps(thing)
    return data


def pickled_size(thing: object) -> int:
    """Bytes that a thing takes when it is pickled; its arrays are not copied to know it."""
    import cloudpickle

    arrays: list[pickle.PickleBuffer] = []
    data: bytes = cloudpickle.dumps(thing, protocol=5, buffer_callback=arrays.append)
    return len(data) + sum(array.raw().nbytes for array in arrays)


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for this module alone: what the work prints goes to standard error."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return requests, replies


def _reply(work: Callable[[], Callable[[object], Any]], block: object) -> bytes:
    """The pickled pair (result, None) or (error, text of its traceback)."""
    try:
        return dumps((work()(block), None))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
        return dumps((_portable(error), traceback.format_exc()))


def _portable(error: BaseException) -> BaseException:
    """The error, or its words where it does not survive pickling."""
    try:
        pickle.loads(dumps(error))
    except Exception:  # noqa: BLE001 - a foreign class may raise anything when it is copied
        return RuntimeError(f"{type(error).__qualname__}: {error}")
    return error
