"""Tasks of a dask client: so many in flight, and nothing that waits for a scheduler that is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from manyfit.blocks._plan import Block
from manyfit.errors import ClusterLost

R = TypeVar("R")

# Handing a task over takes dask milliseconds, as long as a block: a task is several blocks of fast work.
TASK_SECONDS = 1.0
MOST_BLOCKS = 16  # in a task, so that progress stays fine-grained and the results of a task small
SHARE = 4  # a task is at most this part of what a thread has still to do, so that all end at about the same time,
LEAST = 4  # but not below this part of its time: a scheduler that hundreds of workers ask is the limit then
LOOK_SECONDS = 1.0  # how often to look whether the scheduler is there, and how many threads there are
ANSWER_SECONDS = 3.0  # for the scheduler, which may be busy, or dead and not yet known to be
RETURN_SECONDS = 30.0  # for a scheduler that was restarted, and its workers


class Killed(Exception):
    """A task was begun by several workers, and each of them died."""


@dataclass
class Pace:
    """How many blocks a task has."""

    size: int = 1
    most: int = MOST_BLOCKS

    def learn(self, n_blocks: int, seconds: float) -> None:
        """Take the time of a task into account."""
        self.size = max(1, int(TASK_SECONDS * n_blocks / max(seconds, 1e-6)))

    def next(self, n_blocks: int, n_threads: int) -> int:
        """Blocks of the next task, when so many are left.

        >>> pace = Pace()
        >>> pace.learn(1, 0.1)
        >>> [pace.next(n, 2) for n in (1000, 40, 3)]
        [10, 5, 1]
        """
        size = min(self.size, self.most, n_blocks)
        return max(1, size // LEAST, min(size, n_blocks // (SHARE * n_threads)))


def finished_tasks(
    client: Any, function: Callable[..., R], remote: Any, blocks: Sequence[Block], pace: Pace
) -> Generator[tuple[tuple[Block, ...], R], None, None]:
    """Batches of blocks with the results of their tasks, in order of completion.

    Parameters
    ----------
    client
        A ``distributed.Client``.
    function
        Called as ``function(work, batch)`` on a worker.
    remote
        Future of the work.
    blocks
        What to do, in batches.
    pace
        Their sizes; may be changed between two results.

    Raises
    ------
    ClusterLost
        The scheduler is not connected, or has forgotten the tasks.
    Killed
        The workers that had a task died.
    """
    pending: dict[Any, tuple[Block, ...]] = {}
    done: SimpleQueue[Any] = SimpleQueue()
    threads = _Threads(client)
    begun = 0
    try:
        while begun < len(blocks) or pending:
            while begun < len(blocks) and len(pending) < 2 * threads.count():
                batch = tuple(blocks[begun : begun + pace.next(len(blocks) - begun, threads.count())])
                future = _submit(client, function, remote, batch)
                pending[future] = batch
                future.add_done_callback(done.put)
                begun += len(batch)
            with suppress(Empty):
                future = done.get(timeout=LOOK_SECONDS)
                result = _result(client, future)
                yield pending.pop(future), result
            check_connected(client)
    finally:
        if pending and is_connected(client):
            client.cancel(list(pending), asynchronous=False)


def _submit(client: Any, function: Callable[..., R], remote: Any, batch: tuple[Block, ...]) -> Any:
    check_connected(client)
    try:
        return client.submit(function, remote, batch, pure=False)
    except Exception as error:
        raise _lost(client) from error


def _result(client: Any, future: Any) -> Any:
    """The result of a task that has ended; what it raised, if it has."""
    from distributed import CancelledError
    from distributed.scheduler import KilledWorker

    try:
        while future.status not in ("error", "cancelled"):
            with suppress(TimeoutError):  # it cannot be the task's own: that has succeeded
                return future.result(timeout=LOOK_SECONDS)
            check_connected(client)
        return future.result()
    except KilledWorker as error:
        raise Killed(str(error)) from None
    except CancelledError as error:
        raise _lost(client) from error
    except OSError as error:
        if future.status == "error":
            raise
        raise _lost(client) from error


class _Threads:
    """The number of threads of a cluster, which is asked for now and then."""

    def __init__(self, client: Any) -> None:
        self._client, self._count, self._until = client, 1, 0.0

    def count(self) -> int:
        if time.monotonic() > self._until:
            self._count = max(1, threads_of(self._client) or self._count)
            self._until = time.monotonic() + LOOK_SECONDS
        return self._count


def threads_of(client: Any) -> int:
    """Threads of a cluster; 0 if the scheduler does not answer. `Client.nthreads` would wait for it without an end."""
    with suppress(OSError, ValueError, RuntimeError):
        answer = client.sync(client.scheduler.ncores, workers=None, callback_timeout=ANSWER_SECONDS)
        return int(sum(answer.values()))
    return 0


def is_connected(client: Any) -> bool:
    """Whether a client has a connection to its scheduler."""
    comm = client.scheduler_comm
    return client.status == "running" and comm is not None and not comm.closed()


def check_connected(client: Any) -> None:
    """Raise `ClusterLost` if there is no connection."""
    if not is_connected(client):
        raise _lost(client)


def wait_for_scheduler(client: Any) -> bool:
    """Whether a scheduler, with workers, is there within half a minute."""
    deadline = time.monotonic() + RETURN_SECONDS
    while time.monotonic() < deadline and client.status in ("running", "connecting"):
        if is_connected(client) and threads_of(client):
            return True
        time.sleep(0.2)
    return False


def _lost(client: Any) -> ClusterLost:
    address = client.scheduler.address if client.scheduler is not None else "of the client"
    return ClusterLost(
        f"the dask scheduler {address} is lost, or has forgotten the tasks. Start another cluster and repeat the call; "
        "with store= it goes on where it was."
    )
