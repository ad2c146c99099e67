"""The blocks that a store does not have yet, done and written where they are done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from manyfit.blocks._plan import Block
from manyfit.blocks._run import Executor, run
from manyfit.blocks._serial import Serial
from manyfit.blocks._store import BlockStore
from manyfit.blocks._threads import Threads
from manyfit.errors import InputError

Written = tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]
"""Arrays of a block by name, and notes about it as JSON."""


def fill(
    store: BlockStore,
    work: Callable[[Block], Written],
    *,
    executor: Executor,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Do the work for the blocks that a store does not have.

    Parameters
    ----------
    store
        Where workers write. When all is there it is complete, and what killed runs left half written is removed.
    work
        Called once for each block, in a worker; returns what to write. For processes and dask it must be picklable.
    executor
        Where to do it.
    progress
        Called as ``progress(done, total)``, in elements; those that were there count as done.

    Raises
    ------
    InputError
        Workers write to another place than this process reads.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from manyfit.blocks import BlockStore, Field, Layout, Serial
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = BlockStore.make(folder, Layout((5,), (2,), {"x": Field("float64")}, ("n",)), {})
    ...     fill(store, lambda block: ({"x": np.full(block.shape, 1.0)}, {}), executor=Serial())
    ...     str(store.progress())
    'Complete: 5 of 5 elements in 3 of 3 blocks.'
    """
    remaining, total = store.remaining(), store.plan.n_elements
    if isinstance(executor, Threads) and len(remaining.blocks) <= 1:
        executor = Serial()
    before = total - remaining.n_elements
    count = None if progress is None else (lambda done, _: progress(before + done, total))
    run(remaining, _Writing(store, work), collect=lambda *_: None, executor=executor, progress=count)
    _check_complete(store)
    store.tidy()


@dataclass(frozen=True)
class _Writing:
    """Does and writes a block, unless another worker has; nothing travels back."""

    store: BlockStore
    work: Callable[[Block], Written]

    def __call__(self, block: Block) -> None:
        if not self.store.is_whole(block):
            self.store.put(block, *self.work(block))


def _check_complete(store: BlockStore) -> None:
    stage = store.progress()
    if not stage.is_complete:
        raise InputError(
            f"{store.objects.place!r} has {stage.blocks} of {stage.all_blocks} blocks after all were done: the "
            "workers write to another place. Give a path or URL that means the same on every machine."
        )
