"""The summary of a store of results, read block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block, BlockStore
from manyfit.kernels import Solution, Status

from ._parameters import Parameters
from ._store_work import PLAIN
from ._summary import Summary, status_lines, summary
from ._work import Columns

if TYPE_CHECKING:
    from ._result import FitResult

#: Medians are of so many elements at most.
SAMPLE = 2**18

Arrays = dict[str, NDArray[Any]]


def summary_of_store(result: FitResult, store: BlockStore) -> Summary:
    """The summary of the blocks that are written; one block is held at a time.

    Statuses and evaluations are counted over all elements. Medians are of every n-th element of each block if there are
    more than `SAMPLE`, and the summary says so.
    """
    n_status, evaluations, parts = np.zeros(128, np.int64), 0, []
    step = max(1, -(-store.plan.n_elements // SAMPLE))
    for arrays in _blocks(store):
        n_status += np.bincount(arrays["status"], minlength=128)
        evaluations += int(arrays["n_iter"].sum())
        parts.append({name: values[::step].copy() for name, values in arrays.items()})
    missing = store.plan.n_elements - int(n_status.sum())
    n_status[Status.NOT_FITTED] += missing
    sampled = summary(_sample(result, store, parts))
    fitted = store.plan.n_elements - int(n_status[Status.NOT_FITTED])
    return replace(
        sampled,
        shape=result.shape,
        statuses=tuple(status_lines(n_status)),
        evaluations=evaluations / fitted if fitted else np.nan,
        every=step,
    )


def _blocks(store: BlockStore) -> Iterator[Arrays]:
    """What is written, with the elements in a row."""
    left_out = store.left_out()
    for index in sorted(store.done() - left_out):
        yield _read(store, store.layout.block(index))


def _read(store: BlockStore, block: Block) -> Arrays:
    names = ("values", "errors", *PLAIN)
    found = {name: store.read(name, block) for name in names if name != "covariance"}
    return {name: values.reshape(-1, *store.layout.fields[name].trailing) for name, values in found.items()}


def _sample(result: FitResult, store: BlockStore, parts: list[Arrays]) -> FitResult:
    """Some elements as a result in memory, without covariances."""
    fields = store.layout.fields
    arrays = {
        name: np.concatenate([np.empty((0, *field.trailing), field.dtype), *(part[name] for part in parts)])
        for name, field in fields.items()
        if name in ("values", "errors", *PLAIN) and name != "covariance"
    }
    columns: Columns = result.parameters.columns
    stored = {name: (arrays["values"][:, i], arrays["errors"][:, i]) for i, name in enumerate(columns.names)}
    n = len(arrays["status"])
    solution = Solution(
        values=arrays["values"][:, columns.places(columns.free)],
        covariance=np.empty((n, 0)),
        **{name: arrays[name] for name in PLAIN if name != "covariance"},
    )
    parameters = Parameters(columns, solution, {}, {}, result.parameters.absolute_sigma, stored)
    return replace(result, parameters=parameters, store=None, wcs=None, problem=None, kept={})
