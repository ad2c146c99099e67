"""What came of trying the components of neighbours, as numbers and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from manyfit.cube._choice import Found


@dataclass(frozen=True, eq=False)
class ComponentRefits:
    """What the search for spatial coherence of components did.

    Attributes
    ----------
    n_passes
        Passes in which something was tried.
    n_tries
        Fits from the components of a neighbour.
    n_lower
        Spectra with as many components as before and a lower chi2.
    n_more, n_fewer
        Spectra with more components than before; with fewer, as these have a lower chi2 than was known.
    gain
        Median by which chi2 fell in the spectra with as many.
    changed
        Map of the changed spectra.
    settled
        Whether the last pass changed nothing; if not, it was given up.
    """

    n_passes: int
    n_tries: int
    n_lower: int
    n_more: int
    n_fewer: int
    gain: float
    changed: NDArray[np.bool]
    settled: bool = True

    @property
    def n_changed(self) -> int:
        """Number of spectra whose components are others now."""
        return self.n_lower + self.n_more + self.n_fewer

    def __str__(self) -> str:
        """Text of a few lines."""
        passes = f"{self.n_passes} {'pass' if self.n_passes == 1 else 'passes'}"
        tries = f"spatial coherence: {self.n_tries:,} fits from the components of neighbours in {passes}"
        if not self.n_changed:
            return f"{tries}; none was better"
        by = f", by {self.gain:.3g} in the median" if self.n_lower else ""
        how = f"{self.n_lower} to a lower chi2{by}; {self.n_more} to more components, {self.n_fewer} to fewer"
        lines = [
            tries,
            f"changed: {self.n_changed} spectra ({how})",
            "chi2 of no number of components was made worse",
        ]
        if not self.settled:
            lines.append(f"given up after {passes}, before nothing changed")
        return "\n".join(lines)


def report_of(
    before: Found, after: Found, passes: int, tries: int, shape: tuple[int, ...], *, settled: bool
) -> ComponentRefits:
    """The report, from what was found before and after."""
    more, fewer = after.number > before.number, after.number < before.number
    gain = before.solution.statistic - after.solution.statistic
    lower = (after.number == before.number) & (gain > 0)
    return ComponentRefits(
        n_passes=passes,
        n_tries=tries,
        n_lower=int(lower.sum()),
        n_more=int(more.sum()),
        n_fewer=int(fewer.sum()),
        gain=float(np.median(gain[lower])) if lower.any() else float("nan"),
        changed=(lower | more | fewer).reshape(shape),
        settled=settled,
    )
