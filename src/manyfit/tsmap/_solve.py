"""`manyfit.tsmap.solve`: one Poisson fit per hypothesis, on plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.blocks import Block, executor_for, plan, run
from manyfit.errors import InputError

from ._confidence import one_sided_level
from ._solution import Part, Room, Solution, empty_part
from ._solve_kernel import solve_rows
from ._zero_background import treat_zero_background

Array = NDArray[np.float64]


def solve(
    counts: ArrayLike,
    background: ArrayLike,
    expectation: ArrayLike,
    expectation_sum: ArrayLike | None = None,
    *,
    signed: bool = False,
    confidence: float = 0.95,
    free_background: bool = False,
    zero_background: str | float = "floor",
    errors: bool = True,
    scheduler: Any = None,
    workers: int | None = None,
) -> Solution:
    r"""Fit the norm N of each hypothesis to counts with expectation ``background + N * expectation``.

    It maximises :math:`TS(N) = 2 \sum_i [d_i \ln(1 + N e_i / b_i) - N e_i]` exactly, for each hypothesis alone.

    Parameters
    ----------
    counts
        Counts of each bin, (bin,).
    background
        Expected background of each bin, (bin,).
    expectation
        Expected counts of each hypothesis at a norm of 1, (hypothesis, bin).
    expectation_sum
        Sums of the expectation over all bins, (hypothesis,), if `expectation` and the other arrays hold only some of
        the bins: those with counts are enough. Default: sums of `expectation`.
    signed
        Whether norms may be negative, down to where a bin with counts would have nothing to expect.
    confidence
        Of the one-sided upper limit.
    free_background
        Fit a factor on the background together with each norm; `background` must then hold all bins.
    zero_background
        What to do with counts where the background is zero: ``"floor"`` takes half of the smallest positive
        background there, a number is a floor of your own, ``"drop"`` leaves the counts out (as cosipy does),
        ``"exact"`` gives an infinite TS.
    errors
        Whether to find norm_errn, norm_errp and norm_ul.
    scheduler, workers
        Where to run, as in `manyfit.fit`; default: threads.

    Returns
    -------
    Solution
        Arrays (hypothesis,). The status tells of hypotheses without exposure, under-fluctuations and others.

    Raises
    ------
    InputError
        For shapes that do not agree, or counts or background that are negative, NaN or infinite.

    Examples
    --------
    >>> solution = solve([3, 0, 9], [2.0, 2.0, 2.0], [[1.0, 1.0, 8.0], [5.0, 2.0, 0.0]])
    >>> solution.norm.round(4).tolist(), solution.ts.round(3).tolist()
    ([0.7598, 0.0286], [11.865, 0.014])
    """
    d, b, e = _checked(counts, background, expectation)
    sums = e.sum(axis=1) if expectation_sum is None else _sums(expectation_sum, len(e))
    background_sum = float(b.sum()) if free_background else 0.0
    d, b, _ = treat_zero_background(d, b, zero_background)
    work = SolveWork(d, b, e, sums, background_sum, signed, one_sided_level(confidence), errors)
    executor = executor_for(scheduler, workers)
    blocks = plan((len(e),), bytes_per_element=16 * max(1, d.size), n_workers=executor.n_workers)
    room = Room.of(len(e))
    run(blocks, work, collect=room.collect, executor=executor)
    return room.solution()


@dataclass(frozen=True, eq=False)
class SolveWork:
    """Fits a block of hypotheses of an array."""

    d: Array
    b: Array
    e: Array
    sums: Array
    background_sum: float
    signed: bool
    level: float
    errors: bool

    def __call__(self, block: Block) -> Part:
        """Results of a block."""
        (where,) = block.slices
        used = np.flatnonzero(self.d)
        rows = np.ascontiguousarray(self.e[where][:, used])
        part = empty_part(len(rows), errors=self.errors)
        level, total = self.level, self.background_sum
        solve_rows(self.d[used], self.b[used], rows, self.sums[where], total, self.signed, level, *part)
        return part


def _checked(counts: ArrayLike, background: ArrayLike, expectation: ArrayLike) -> tuple[Array, Array, Array]:
    d, b = np.asarray(counts, float), np.asarray(background, float)
    e = np.asarray(expectation, float)
    if d.ndim != 1 or b.shape != d.shape or e.ndim != 2 or e.shape[1] != d.size:
        raise InputError(
            f"counts has shape {d.shape}, background {b.shape}, expectation {e.shape}. Give (bin,), (bin,) and "
            "(hypothesis, bin)."
        )
    check_counts("counts", d)
    check_counts("background", b)
    return d, b, e


def check_counts(name: str, values: Array) -> None:
    """Refuse what cannot be counts or their expectation."""
    bad = ~((values >= 0.0) & (values < np.inf))
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"{name} has {int(bad.sum())} values that are negative, NaN or infinite, the first {values[first]} at bin "
            f"{first if len(first) > 1 else first[0]}. Give finite values of zero or more."
        )


def _sums(expectation_sum: ArrayLike, n: int) -> Array:
    sums = np.asarray(expectation_sum, float)
    if sums.shape != (n,):
        raise InputError(f"expectation_sum has shape {sums.shape}. Give ({n},): one sum for each hypothesis.")
    return sums
