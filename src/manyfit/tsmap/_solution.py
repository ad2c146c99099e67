"""Numbers of all hypotheses, and the room where blocks of them are put together."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.blocks import Block

from ._status import LAST_GOOD, SkyStatus

Array = NDArray[np.float64]
Part = tuple[Array, NDArray[np.int16], NDArray[np.int8]]  # values (hypothesis, 7), evaluations, status


@dataclass(frozen=True, eq=False)
class Solution:
    """Result for each hypothesis; NaN where there is none.

    Attributes
    ----------
    ts
        Test statistic: twice the log-likelihood above that without source.
    norm
        Best factor on the expectation.
    norm_err
        Standard deviation from the curvature; at a norm kept at zero, where the parabola has fallen by 1.
    norm_errn, norm_errp
        Distance, downwards and upwards, at which TS has fallen by 1. NaN if not asked for.
    norm_ul
        One-sided upper limit at the confidence asked for: where TS has fallen by the square of the normal quantile.
    background_scale
        Factor on the background; 1 unless it was free.
    niter
        Evaluations of the likelihood's derivatives until the norm was found.
    status
        Codes of `SkyStatus`.
    """

    ts: Array
    norm: Array
    norm_err: Array
    norm_errn: Array
    norm_errp: Array
    norm_ul: Array
    background_scale: Array
    niter: NDArray[np.int16]
    status: NDArray[np.int8]

    @property
    def sqrt_ts(self) -> Array:
        """Significance in standard deviations, negative where the norm is."""
        return np.asarray(np.copysign(np.sqrt(self.ts), self.norm))

    @property
    def good(self) -> NDArray[np.bool_]:
        """Where there is a norm."""
        return np.asarray(self.status <= LAST_GOOD)

    def at(self, where: NDArray[Any]) -> Solution:
        """The results at some hypotheses."""
        return Solution(**{f.name: getattr(self, f.name)[where] for f in fields(self)})

    def followed_by(self, other: Solution) -> Solution:
        """These results, then others."""
        return Solution(
            **{f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)}
        )


@dataclass(frozen=True, eq=False)
class Room:
    """Arrays for all hypotheses, filled block by block."""

    values: Array
    niter: NDArray[np.int16]
    status: NDArray[np.int8]

    @classmethod
    def of(cls, n: int) -> Room:
        """An empty room."""
        return cls(np.full((n, 7), np.nan), np.zeros(n, np.int16), np.full(n, SkyStatus.NOT_FITTED, np.int8))

    def collect(self, block: Block, part: Part) -> None:
        """Put the results of a block in their place."""
        (where,) = block.slices
        values, self.niter[where], self.status[where] = part
        self.values[where, : values.shape[1]] = values

    def solution(self) -> Solution:
        """The columns by name."""
        ts, norm, scale, err, errn, errp, ul = np.ascontiguousarray(self.values.T)
        return Solution(ts, norm, err, errn, errp, ul, scale, self.niter, self.status)


def empty_part(n: int, *, errors: bool) -> Part:
    """Arrays for the results of a block."""
    return np.empty((n, 7 if errors else 4)), np.empty(n, np.int16), np.empty(n, np.int8)
