"""What was fitted again from neighbours, what changed and why, as numbers and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from manyfit.cube._coherence import Pass
    from manyfit.fitting._result import FitResult


@dataclass(frozen=True, eq=False)
class RefitReport:
    """What the search for spatial coherence did.

    Attributes
    ----------
    n_passes
        Passes in which something was refitted.
    n_outliers
        Spectra whose fit was an outlier among its neighbours.
    n_failed
        Spectra whose fit had failed beside good ones.
    n_lower
        Spectra changed because the statistic became lower (or was not known).
    n_nearer
        Spectra changed at an equal statistic, because the new values are nearer to the neighbours'.
    reasons
        How many outliers there were by parameter, that with the largest distance.
    gain
        Median by which the statistic fell where it fell.
    changed
        Map of the changed spectra.
    settled
        Whether the last pass changed nothing; if not, it was given up.
    """

    n_passes: int
    n_outliers: int
    n_failed: int
    n_lower: int
    n_nearer: int
    reasons: Mapping[str, int]
    gain: float
    changed: NDArray[np.bool]
    settled: bool = True

    @property
    def n_refitted(self) -> int:
        """Number of spectra that were fitted again."""
        return self.n_outliers + self.n_failed

    @property
    def n_changed(self) -> int:
        """Number of spectra whose fit is another one now."""
        return int(np.count_nonzero(self.changed))

    def __str__(self) -> str:
        """Text of a few lines."""
        if not self.n_refitted:
            return "spatial coherence: no fit is an outlier among its neighbours"
        reasons = ", ".join(f"{name} {n}" for name, n in self.reasons.items() if n)
        passes = f"{self.n_passes} {'pass' if self.n_passes == 1 else 'passes'}"
        outliers = f"{self.n_outliers} outliers" + (f" ({reasons})" if reasons else "")
        lines = [
            f"spatial coherence: {self.n_refitted} spectra fitted again from their neighbours in {passes}",
            f"why: {outliers}, {self.n_failed} failed fits",
            f"changed: {self.n_changed} ({self._why()}); kept as they were: {self.n_refitted - self.n_changed}",
            "no statistic was made worse",
        ]
        if not self.settled:
            lines.append(f"given up after {self.n_passes} passes, before nothing changed")
        return "\n".join(lines)

    def _why(self) -> str:
        lower = f"{self.n_lower} to a lower statistic"
        by = f", by {self.gain:.3g} in the median" if self.n_lower and np.isfinite(self.gain) else ""
        return f"{lower}{by}; {self.n_nearer} to an equal one nearer to the neighbours"


def report_of(passes: Sequence[Pass], result: FitResult, settled: bool) -> RefitReport:
    """The report of some passes; a spectrum that was refitted more than once counts once, by its first reason."""
    names = result.parameters.columns.free
    shape = result.shape
    first: dict[int, str] = {}
    lower, nearer = np.zeros((2, *shape), bool)
    gains: list[float] = []
    for done in passes:
        tried = done.tried
        for place, failed, worst in zip(tried.places.tolist(), tried.failed, tried.worst, strict=True):
            first.setdefault(place, "" if failed else names[worst])
        lower.reshape(-1)[tried.places[done.lower]] = True
        nearer.reshape(-1)[tried.places[done.nearer]] = True
        gains += done.gain[done.lower & (done.gain > 0)].tolist()
    reasons = [name for name in first.values() if name]
    return RefitReport(
        n_passes=len(passes),
        n_outliers=len(reasons),
        n_failed=len(first) - len(reasons),
        n_lower=int(lower.sum()),
        n_nearer=int((nearer & ~lower).sum()),
        reasons={name: reasons.count(name) for name in names},
        gain=float(np.median(gains)) if gains else float("nan"),
        changed=lower | nearer,
        settled=settled,
    )
