"""Blocks in worker processes, for work that holds the GIL."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import IO, Any, Self, TypeVar, cast

from manyfit.blocks._plan import Block
from manyfit.blocks._threads import Threads, cpu_count
from manyfit.blocks._worker import dumps
from manyfit.errors import InputTypeError

R = TypeVar("R")

# The workers fill the machine: libraries inside of them must not start threads too.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Processes:
    """Blocks in `n_workers` processes, each driven by a thread of the caller through a pair of pipes.

    The workers are plain subprocesses: they never import the user's script, so it needs no
    ``if __name__ == "__main__"`` guard, and functions defined in it or in a notebook work. They take a
    few tenths of a second to start, and only as many start as there are blocks. What the work prints goes to
    standard error.
    """

    n_workers: int = field(default_factory=cpu_count)

    def results(self, blocks: Sequence[Block], work: Callable[[Block], R]) -> Generator[tuple[Block, R], None, None]:
        """Each block with its result, in order of completion."""
        with _Team(_pickled(work)) as team:
            yield from Threads(self.n_workers).results(blocks, team.call)


def _pickled(work: Callable[[Block], Any]) -> bytes:
    try:
        return dumps(work)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InputTypeError(
            f"the work cannot be sent to worker processes: {error}. Give a model and data that can be "
            "pickled, or use scheduler='threads'."
        ) from error


class _Team:
    """The worker processes of one run, started when they are needed."""

    def __init__(self, work: bytes) -> None:
        self._work = work
        self._idle: deque[_Worker] = deque()
        self._all: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        # After a failure or the first Ctrl-C the running blocks have ended; what still runs then is stuck.
        grace = 5 if kind is None else 0
        with ExitStack() as stack:  # an interrupt while one worker ends must not keep the others
            for worker in self._all:
                stack.callback(worker.join, grace)
                worker.dismiss()

    def call(self, block: Block) -> Any:
        """The result of a block in an idle worker; called by several threads.

        Raises what the work raised, with the traceback in the worker as a note.
        """
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = _Worker(self._work)
            self._all.append(worker)
        value, trace = worker.call(block)
        self._idle.append(worker)
        if trace is None:
            return value
        value.add_note(f"In the worker process, at block {block.index}:\n{trace}")
        raise value


class _Worker:
    """One worker process and the pipes to it."""

    def __init__(self, work: bytes) -> None:
        start = (
            f"import sys; sys.path[:], sys.argv[:] = {list(map(str, sys.path))}, {sys.argv}\n"
            "from manyfit.blocks._worker import main\n"
            "main()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_ONE_THREAD | os.environ,
            process_group=0,  # Ctrl-C in a terminal is for the caller alone, who then dismisses the workers
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._replies = cast("IO[bytes]", self._process.stdout)
        self._outbox: list[object] = [work]

    def call(self, block: Block) -> tuple[Any, str | None]:
        """The pair (result, None) or (error, its traceback) of a block."""
        self._outbox.append(block)
        try:
            return self._exchange()
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise RuntimeError(self._obituary(block)) from error

    def dismiss(self) -> None:
        """Tell the worker that no more blocks will come."""
        with suppress(OSError):  # it may have died
            self._requests.close()

    def join(self, grace: float) -> None:
        """Wait for the end of a dismissed worker; one that takes more than `grace` seconds is killed."""
        try:
            self._process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            self._process.wait()
            self._replies.close()

    def _exchange(self) -> tuple[Any, str | None]:
        while self._outbox:
            pickle.dump(self._outbox.pop(0), self._requests)
        self._requests.flush()
        value, trace = pickle.load(self._replies)
        return value, trace

    def _obituary(self, block: Block) -> str:
        self.dismiss()
        self.join(grace=5)
        return (
            f"a worker process ended with exit status {self._process.returncode} while it fitted block "
            f"{block.index} (elements {block.slices}). Its own words, if any, are on standard error. "
            "Status -9 is often a lack of memory: give fewer workers or a smaller memory budget."
        )
