"""The same fits as dask arrays, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.blocks import Block
from manyfit.kernels import Solution

from ._problem import Problem
from ._run import Where, shaped

if TYPE_CHECKING:
    from manyfit.blocks import Plan


def lazy_solution(problem: Problem, work: Callable[[Block], Solution], n_free: int, where: Where) -> Solution:
    """A solution whose arrays are dask arrays, one chunk for each block of the plan.

    Parameters
    ----------
    problem
        Data and model.
    work
        Fits one block.
    n_free
        Number of free parameters.
    where
        Memory of a block. What runs the blocks is chosen when the arrays are computed.
    """
    from dask.delayed import delayed

    plan = where.plan(problem, where.executor.n_workers)
    parts = [delayed(_shaped_work, pure=False)(work, block) for block in plan.blocks]
    nothing = Solution.empty(0, n_free)
    return Solution(**{field.name: _array(plan, parts, nothing, field.name) for field in fields(Solution)})


def _shaped_work(work: Callable[[Block], Solution], block: Block) -> Solution:
    return shaped(work(block), block.shape)


def _array(plan: Plan, parts: list[Any], nothing: Solution, name: str) -> Any:
    """One array of the solution, put together from its blocks."""
    import dask.array as da

    like = getattr(nothing, name)
    if not parts:
        return da.zeros((*plan.shape, *like.shape[1:]), dtype=like.dtype)
    chunks = [
        da.from_delayed(getattr(part, name), (*block.shape, *like.shape[1:]), dtype=like.dtype)
        for part, block in zip(parts, plan.blocks, strict=True)
    ]
    counts = [len({block.slices[axis].start for block in plan.blocks}) for axis in range(len(plan.shape))]
    return _joined(chunks, counts, 0)


def _joined(chunks: list[Any], counts: list[int], axis: int) -> Any:
    """Chunks in C order of a grid of so many along each axis, as one array."""
    import dask.array as da

    if axis == len(counts):
        return chunks[0]
    size = int(np.prod(counts[axis + 1 :], dtype=int))
    slabs = [chunks[i : i + size] for i in range(0, len(chunks), size)]
    return da.concatenate([_joined(slab, counts, axis + 1) for slab in slabs], axis=axis)
