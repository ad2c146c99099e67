"""Counts in bins whose background is exactly zero.

The likelihood ``sum d log(b + N e)`` has no finite value at N = 0 if a count lies where b = 0, so that TS, which
compares with N = 0, is infinite wherever e > 0: true of such a background, but no background is known to be exactly
zero. A background that was counted (simulated, or observed off the source) is uncertain by a count: a bin without any
is expected to hold half of one (the mean of Jeffreys' posterior). The smallest positive background stands for one
count, half of it is the default floor. Since b enters TS only in bins with counts, others need none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError, unknown_name

Array = NDArray[np.float64]

RULES = ("floor", "drop", "exact")


@dataclass(frozen=True)
class ZeroBackground:
    """What was found and done: bins and counts with zero background, the rule, the floor (0 if there is none)."""

    n_bins: int
    n_counts: float
    rule: str
    floor: float

    def __str__(self) -> str:
        """One sentence."""
        if self.n_bins == 0:
            return "No counts lie where the background is zero."
        done = {
            "floor": f"it was taken as {self.floor:.3g} there",
            "drop": "these counts were left out",
            "exact": "TS is infinite where the response reaches them",
        }[self.rule]
        return f"{self.n_counts:g} counts in {self.n_bins} bins lie where the background is zero; {done}."


def treat_zero_background(d: Array, b: Array, rule: str | float) -> tuple[Array, Array, ZeroBackground]:
    """Counts and background under a rule for counts where the background is zero; the input is not changed.

    Parameters
    ----------
    d, b
        Counts and background of all bins.
    rule
        ``"floor"``: b is half of the smallest positive background there. A number: that is the floor.
        ``"drop"``: the counts are left out and the expectation stays (as cosipy does: TS is too low just where there
        is no background). ``"exact"``: TS is infinite; the norm is finite.

    Examples
    --------
    >>> d, b, found = treat_zero_background(np.array([2.0, 1.0, 0.0]), np.array([4.0, 0.0, 0.0]), "floor")
    >>> b.tolist(), str(found)
    ([4.0, 2.0, 0.0], '1 counts in 1 bins lie where the background is zero; it was taken as 2 there.')
    """
    name, floor = _floor(b, rule)
    where = (b == 0.0) & (d > 0.0)
    found = ZeroBackground(int(where.sum()), float(d[where].sum()), name, floor)
    if found.n_bins and name == "drop":
        d = np.where(where, 0.0, d)
    if found.n_bins and name == "floor":
        b = np.where(where, floor, b)
    return d, b, found


def _floor(b: Array, rule: str | float) -> tuple[str, float]:
    if isinstance(rule, str):
        if rule not in RULES:
            raise unknown_name("zero_background", rule, RULES)
        positive = b[b > 0.0]
        if rule != "floor" or positive.size == 0:
            return ("exact" if rule == "floor" else rule), 0.0
        return rule, 0.5 * float(positive.min())
    if not 0.0 < rule < np.inf:
        raise InputError(f"zero_background is {rule}. Give a positive floor in counts, or one of {', '.join(RULES)}.")
    return "floor", float(rule)
