"""What ``manyfit tsmap`` is asked to do, and the texts of its options as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyfit.errors import InputError

NAMES = ("skymap.fits", "skymap.multiorder.fits", "peaks.ecsv")
REPORT = ("report.html", "figures")
DEMO = "simulated"


@dataclass(frozen=True)
class SkyFiles:
    """Files to read, and which part of them.

    Attributes
    ----------
    counts, background, response, orientation
        Paths; no background if it is taken from the counts outside of the window, no orientation for a
        response of the sky.
    window
        Start and stop, unix s, of the counts; None for all.
    off_source
        Whether the background is the counts outside of the window.
    livetime
        Whether the background is scaled by livetimes, not by durations.
    """

    counts: Path
    background: Path | None
    response: Path
    orientation: Path | None
    window: tuple[float, float] | None = None
    off_source: bool = False
    livetime: bool = False


@dataclass(frozen=True)
class SkyFit:
    """How to fit: keywords of `manyfit.tsmap.fit`, and the resolution of the smaller pixels around the peak."""

    keywords: dict[str, Any]
    refine: int | None
    region: tuple[float, float, float] | None


@dataclass(frozen=True)
class SkyOutput:
    """Where to write what.

    Attributes
    ----------
    folder
        Takes all files.
    containment
        Of the region in figures and report.
    true_position
        Longitude and latitude in the frame of the map, deg, or None.
    report
        Whether to draw figures and write a report.
    overwrite
        Whether files may be there already.
    options
        The options that were given, as text.
    """

    folder: Path
    containment: float
    true_position: tuple[float, float] | None
    report: bool
    overwrite: bool
    options: str

    def names(self, *, demo: bool) -> tuple[str, ...]:
        """Names of what will be written."""
        return (*NAMES, *(REPORT if self.report else ()), *((DEMO,) if demo else ()))


def numbers(option: str, text: str, n: int, form: str) -> tuple[float, ...]:
    """Numbers parted by commas, colons or blanks.

    Raises
    ------
    InputError
        They are not as many.

    Examples
    --------
    >>> numbers("--region", "93, -53, 20", 3, "LON,LAT,RADIUS")
    (93.0, -53.0, 20.0)
    """
    parts = [part for part in re.split(r"[,:\s]+", text.strip()) if part]
    try:
        values = tuple(float(part) for part in parts)
    except ValueError:
        values = ()
    if len(values) != n:
        raise InputError(f"{option} {text!r} is not understood. Give {form}, {n} numbers.")
    return values


def channels(text: str) -> tuple[int, int]:
    """The first channel, and one after the last.

    >>> channels("2:3")
    (2, 3)
    """
    match = re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*", text)
    if match is None:
        raise InputError(
            f"--energy-channels {text!r} is not understood. Give LOW:HIGH, such as 2:3 for channel 2 alone."
        )
    return int(match[1]), int(match[2])
