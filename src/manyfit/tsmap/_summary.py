"""A TS map in words: the peak, regions, and what became of all positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._containment import METHODS
from ._status import SkyStatus

if TYPE_CHECKING:
    from ._ts_map import TSMap

LEVELS = (0.5, 0.9)


def status_rows(tsmap: TSMap) -> list[tuple[str, int, float, str]]:
    """Name, number, percentage and meaning of each status that occurs, the most frequent first."""
    codes, counts = np.unique(tsmap.status, return_counts=True)
    rows = []
    for code, count in sorted(zip(codes.tolist(), counts.tolist(), strict=True), key=lambda each: -each[1]):
        text = SkyStatus(code).text
        meaning = text.sentence if code == SkyStatus.GOOD else f"{text.sentence} {text.remedy}"
        rows.append((text.name, count, 100.0 * count / len(tsmap), meaning))
    return rows


def region_rows(tsmap: TSMap, levels: tuple[float, ...] = LEVELS) -> list[tuple[str, str, str, str]]:
    """Containment, method, area and number of pixels of regions; none for a list of positions or without a fit."""
    if tsmap.grid.uniq is None or np.all(np.isnan(tsmap.ts)):
        return []
    regions = [tsmap.containment(level, method=method) for method in METHODS for level in levels]
    return [
        (f"{100 * one.containment:g} %", one.method, f"{one.area.value:,.4g} deg²", f"{len(one):,}") for one in regions
    ]


def summary(tsmap: TSMap) -> str:
    """The text; see `TSMap.summary`."""
    lines = [repr(tsmap).strip("<>").partition(";")[0]]
    if not np.all(np.isnan(tsmap.ts)):
        lines += [f"peak: {tsmap.peak}"]
    lines += [
        f"{level:>6} region ({method}): {area}, {n} pixel{'' if n == '1' else 's'}"
        for level, method, area, n in region_rows(tsmap)
    ]
    lines += [f"note: {note}" for note in tsmap.notes]
    lines += [
        f"{count:>8,} ({percent:5.1f} %) {name}: {meaning}" for name, count, percent, meaning in status_rows(tsmap)
    ]
    return "\n".join(lines)
