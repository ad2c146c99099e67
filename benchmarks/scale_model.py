"""How long a run takes: what one element, one block, one task and one start cost, and what all workers share."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from manyfit.blocks._dask_tasks import Pace

DATA = Path(__file__).parent / "data" / "costs.json"
#: Objects that a block of a store is: seven arrays and a marker.
OBJECTS = 8


@dataclass(frozen=True)
class Costs:
    """Measured seconds and bytes.

    Attributes
    ----------
    fit
        Seconds of one thread for one element: the kernel and what is done in memory.
    read
        Seconds of one thread to read one byte that is in the cache of the system and turn it.
    element_in, element_out
        Bytes of an element in the file and in the store.
    block
        Elements of a block.
    write
        Seconds to write a block, with its marker.
    task
        Seconds of the scheduler for one task.
    start
        Seconds from the start of a process to its first block: imports and the compiled kernel.
    plan, list_block, check_block
        Seconds for each block to plan a run, to find a marker, and to check the chunks of a block that was done.
    spread
        Times of blocks over their mean, in ascending order.
    """

    fit: float
    read: float
    element_in: int
    element_out: int
    block: int
    write: float
    task: float
    start: float
    plan: float
    list_block: float
    check_block: float
    spread: tuple[float, ...]

    @property
    def block_seconds(self) -> float:
        """One thread, one block, with its data in the cache of the system."""
        return self.block * (self.fit + self.read * self.element_in) + self.write

    def save(self, path: Path = DATA, name: str = "cube") -> None:
        """Put into a file of costs."""
        known = json.loads(path.read_text()) if path.exists() else {}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(known | {name: asdict(self)}, indent=1) + "\n")

    @classmethod
    def load(cls, name: str = "cube", path: Path = DATA) -> Costs:
        """From a file of costs."""
        said = json.loads(path.read_text())[name]
        return cls(**(said | {"spread": tuple(said["spread"])}))


@dataclass(frozen=True)
class Site:
    """What workers share.

    Attributes
    ----------
    workers
        Threads that fit, each on a core of its own.
    bandwidth
        Bytes a second that all read together; infinity for no limit.
    failures
        Seconds between failures of one worker, on average.
    restart
        Seconds until a failed worker is replaced.
    distributed
        Whether a scheduler hands over tasks; else threads of one process take blocks themselves.
    requests
        Objects a second that the file system or object store takes from all together.
    """

    workers: int
    bandwidth: float = math.inf
    failures: float = math.inf
    restart: float = 30.0
    distributed: bool = True
    requests: float = math.inf


@dataclass(frozen=True)
class Times:
    """Seconds of a run that nothing disturbs, by what would take them alone.

    Attributes
    ----------
    begin
        Start, plan, and looking for what is done.
    compute
        The blocks, if each worker had the disk and the scheduler to itself: it waits for them before it fits.
    read, objects, tasks
        The blocks, if only bandwidth, requests or the scheduler were limited.
    tail
        The last task, while other workers have nothing to do.
    end
        Looking whether all is done.
    """

    begin: float
    compute: float
    read: float
    objects: float
    tasks: float
    tail: float
    end: float

    @property
    def limit(self) -> str:
        """What takes longest."""
        return max(("compute", "read", "objects", "tasks"), key=lambda name: float(getattr(self, name)))

    @property
    def total(self) -> float:
        """All together: what is shared works side by side."""
        return self.begin + max(self.compute, self.read, self.objects, self.tasks) + self.tail + self.end


def blocks_of(costs: Costs, elements: float) -> int:
    """How many blocks."""
    return math.ceil(elements / costs.block)


def batches(costs: Costs, site: Site, blocks: int) -> Iterator[int]:
    """Blocks of each task in turn, as the product hands them over: about a second, and fewer towards the end."""
    pace = Pace()
    pace.learn(1, costs.block_seconds)
    while blocks:
        size = pace.next(blocks, site.workers) if site.distributed else 1
        yield size
        blocks -= size


def times(costs: Costs, site: Site, elements: float) -> Times:
    """The seconds of a run from measured costs."""
    blocks = blocks_of(costs, elements)
    tasks = sum(1 for _ in batches(costs, site, blocks))
    seconds = costs.block_seconds
    handing = costs.task * tasks / blocks if site.distributed else 0.0
    alone = seconds + costs.block * costs.element_in / site.bandwidth + OBJECTS / site.requests + handing
    return Times(
        begin=costs.start + blocks * (costs.plan + costs.list_block),
        compute=blocks * alone / site.workers,
        read=elements * costs.element_in / site.bandwidth,
        objects=blocks * OBJECTS / site.requests,
        tasks=tasks * costs.task if site.distributed else 0.0,
        tail=seconds * (1 - 1 / site.workers) * (costs.spread[-1] if blocks > site.workers else 1.0) / 2,
        end=blocks * costs.list_block,
    )
