"""A run of many workers, event by event: hand-over, shared disk, blocks of unequal time, failures."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import accumulate, islice

from benchmarks.scale_model import OBJECTS, Costs, Site, batches, blocks_of


@dataclass
class Server:
    """Serves one after the other."""

    free: float = 0.0
    busy: float = 0.0

    def serve(self, now: float, seconds: float, until: float = float("inf")) -> float:
        """When a request that comes now is done; one whose worker is gone before its turn is dropped."""
        begin = max(now, self.free)
        if begin >= until:
            return begin
        self.free = begin + seconds
        self.busy += seconds
        return self.free


@dataclass
class Outcome:
    """What became of a run.

    Attributes
    ----------
    seconds
        Until all blocks are done.
    done
        How often each block was completed.
    failures, lost_seconds
        Workers that failed, and their work that was lost with them.
    busy
        Part of the time that workers fitted.
    """

    seconds: float = 0.0
    done: Counter[int] = field(default_factory=Counter)
    failures: int = 0
    lost_seconds: float = 0.0
    busy: float = 0.0


def simulate(costs: Costs, site: Site, elements: float, *, seed: int = 0, stragglers: float = 0.0) -> Outcome:
    """Run the plan of `elements` on the workers of a site.

    A worker asks the scheduler for a task, its data come over the shared disk, it fits and writes block after block.
    If it fails, the blocks that it has completed stay, the others are given out again, and another worker takes its
    place a while later.

    Parameters
    ----------
    costs, site
        What each step takes, and who does it.
    elements
        How many.
    seed
        Of all that is random.
    stragglers
        Part of the blocks that take ten times as long.
    """
    rng, run = random.Random(seed), Outcome()
    n_blocks = blocks_of(costs, elements)
    new, sizes = iter(range(n_blocks)), batches(costs, site, n_blocks)
    again: deque[tuple[int, ...]] = deque()  # what failed workers left
    scheduler, disk, objects = Server(), Server(), Server()
    begin = costs.start + n_blocks * (costs.plan + costs.list_block)
    events = [(begin, worker, "free", ()) for worker in range(site.workers)]
    dies = [begin + _life(site, rng) for _ in range(site.workers)]
    idle: list[int] = []
    heapq.heapify(events)
    while len(run.done) < n_blocks:
        now, worker, what, ended = heapq.heappop(events)
        if what == "done":
            run.done.update(ended)
            run.seconds = now
            what = "free"
        if what == "lost":
            again.append(ended)
            while idle:  # somebody waits for it
                heapq.heappush(events, (now, idle.pop(), "free", ()))
            continue
        task = again.popleft() if again else tuple(islice(new, next(sizes, 0)))
        if not task:
            idle.append(worker)
            continue
        ready = scheduler.serve(now, costs.task if site.distributed else 0.0)
        ready = disk.serve(ready, len(task) * costs.block * costs.element_in / site.bandwidth, dies[worker])
        ready = objects.serve(ready, len(task) * OBJECTS / site.requests, dies[worker])
        each = [costs.block_seconds * rng.choice(costs.spread) * (10 if rng.random() < stragglers else 1) for _ in task]
        ends = [ready + t for t in accumulate(each)]
        if ends[-1] <= dies[worker]:
            run.busy += sum(each)
            heapq.heappush(events, (ends[-1], worker, "done", task))
            continue
        completed = [block for block, end in zip(task, ends, strict=True) if end <= dies[worker]]
        run.done.update(completed)
        run.failures += 1
        begun = max([ready, *[end for end in ends if end <= dies[worker]]])
        run.lost_seconds += max(0.0, dies[worker] - begun)
        heapq.heappush(events, (max(now, dies[worker]), worker, "lost", task[len(completed) :]))
        back = max(now, dies[worker]) + site.restart
        dies[worker] = back + _life(site, rng)
        heapq.heappush(events, (back, worker, "free", ()))
    run.busy /= site.workers * max(run.seconds, 1e-9)
    run.seconds += n_blocks * costs.list_block
    return run


def _life(site: Site, rng: random.Random) -> float:
    return rng.expovariate(1 / site.failures) if site.failures < float("inf") else float("inf")
