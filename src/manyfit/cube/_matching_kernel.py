"""Which component of a pixel continues which component of its neighbours."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

#: Neighbours of a pixel: the eight around it.
AROUND = np.array([(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)])
#: Two components farther apart than this (see `distance`) are as good as any two others.
FARTHEST = 4.0
#: What a component costs beside a neighbour that has none in its place: a bit less than two halves of the farthest.
MISSING = 0.4 * FARTHEST
#: Weight of the logarithms of amplitude and width beside the velocity.
OF_SHAPE = 0.25
#: Weight of the means over the map beside one neighbour: it decides what neighbours leave open.
OF_MEANS = 0.1
MAX_SWEEPS = 50


@compiled
def distance(a: Array, b: Array) -> float:
    """How far two components (amplitude, mean, stddev) are from each other; `MISSING` if one is NaN, 0 if both are."""
    if np.isnan(a[0]) or np.isnan(b[0]):
        return 0.0 if np.isnan(a[0]) and np.isnan(b[0]) else MISSING
    shift = (a[1] - b[1]) ** 2 / (0.5 * (a[2] ** 2 + b[2] ** 2))
    shape = np.log(a[0] / b[0]) ** 2 + np.log(a[2] / b[2]) ** 2
    d: float = min(shift + OF_SHAPE * shape, FARTHEST)
    return d


@compiled
def cheapest(costs: Array, orders: Whole) -> int:
    """The order in which the components of one pixel cost least; the first of equals."""
    best, lowest = 0, np.inf
    for o in range(len(orders)):
        cost = 0.0
        for slot in range(orders.shape[1]):
            cost += costs[orders[o, slot], slot]
        if cost < lowest - 1e-9:
            best, lowest = o, cost
    return best


@compiled
def place(y: int, x: int, components: Array, chosen: Whole, orders: Whole, means: Array) -> int:
    """The best order of one pixel for the orders that its neighbours have, and a little for the means of all."""
    ny, nx, slots, _ = components.shape
    costs = np.empty((slots, slots))
    for slot in range(slots):
        for c in range(slots):
            costs[c, slot] = OF_MEANS * distance(components[y, x, c], means[slot])
    for k in range(len(AROUND)):
        j, i = y + AROUND[k, 0], x + AROUND[k, 1]
        if 0 <= j < ny and 0 <= i < nx and chosen[j, i] >= 0:
            for slot in range(slots):
                there = components[j, i, orders[chosen[j, i], slot]]
                for c in range(slots):
                    costs[c, slot] += distance(components[y, x, c], there)
    return cheapest(costs, orders)


@compiled
def add_to_means(here: Array, order: Whole, means: Array, counts: Array) -> None:
    """Add the components of one pixel, in their order, to the means of all."""
    for slot in range(len(order)):
        component = here[order[slot]]
        if not np.isnan(component[0]):
            counts[slot] += 1.0
            for p in range(3):
                before = means[slot, p] if counts[slot] > 1.0 else 0.0
                means[slot, p] = before + (component[p] - before) / counts[slot]


@compiled
def grow(
    first: int,
    brightness: Array,
    components: Array,
    orders: Whole,
    chosen: Whole,
    seen: NDArray[np.bool_],
    means: Array,
    counts: Array,
) -> None:
    """Place one island from its brightest pixel on, always the brightest pixel beside one that is placed."""
    ny, nx = chosen.shape
    seen[first] = True
    heap = [(-brightness[first], first)]
    while len(heap) > 0:
        _, p = heapq.heappop(heap)
        y, x = p // nx, p % nx
        chosen[y, x] = place(y, x, components, chosen, orders, means)
        add_to_means(components[y, x], orders[chosen[y, x]], means, counts)
        for k in range(len(AROUND)):
            j, i = y + AROUND[k, 0], x + AROUND[k, 1]
            if 0 <= j < ny and 0 <= i < nx and not seen[j * nx + i] and brightness[j * nx + i] > 0.0:
                seen[j * nx + i] = True
                heapq.heappush(heap, (-brightness[j * nx + i], j * nx + i))


@compiled
def sweep(components: Array, orders: Whole, chosen: Whole, means: Array) -> int:
    """Choose the order of each pixel once more; how many changed."""
    changed = 0
    for y in range(len(chosen)):
        for x in range(chosen.shape[1]):
            if chosen[y, x] >= 0:
                best = place(y, x, components, chosen, orders, means)
                changed += best != chosen[y, x]
                chosen[y, x] = best
    return changed


@compiled
def match_components(components: Array, brightness: Array, orders: Whole, chosen: Whole) -> None:
    """Choose an order of the components of each pixel so that they continue those of its neighbours.

    Islands are placed from the brightest on; then all pixels are gone over until nothing changes.

    Parameters
    ----------
    components
        (ny, nx, slots, 3) amplitude, mean and stddev; NaN where there is none.
    brightness
        (ny nx,) largest amplitude of each pixel; 0 where there is no component.
    orders
        (orders, slots): all the permutations.
    chosen
        (ny, nx) gets the number of the order of each pixel; -1 where there is no component.
    """
    _, nx, slots, _ = components.shape
    chosen[:] = -1
    means, counts = np.full((slots, 3), np.nan), np.zeros(slots)
    seen = np.zeros(len(brightness), np.bool_)
    for first in np.argsort(-brightness, kind="mergesort"):
        if brightness[first] > 0.0 and chosen[first // nx, first % nx] < 0:
            grow(first, brightness, components, orders, chosen, seen, means, counts)
    for _ in range(MAX_SWEEPS):
        if sweep(components, orders, chosen, means) == 0:
            break
