"""Regions that have a continuum each, and the pixels that are taken for continuum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError
from manyfit.spectra._spectra import Floats

APOGEE_REGIONS = ((15090.0, 15822.0), (15823.0, 16451.0), (16452.0, 16971.0))
"""The three detectors of APOGEE, in Å in vacuum at rest: blue, green, red."""


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of one region: those that get a continuum (`model`), and those it is fitted to (`fit`)."""

    model: slice
    fit: NDArray[np.intp]


def read_regions(path: str | PathLike[str]) -> Floats:
    r"""Read regions from a text file with two columns: first and last wavelength in Å.

    Returns
    -------
    regions
        Array (R, 2).

    Raises
    ------
    InputError
        The text is not a table of two columns, or a region ends before it starts.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "regions.txt").write_text("15150.5 15151.2\n15200 15203")
    ...     read_regions(Path(folder) / "regions.txt")
    array([[15150.5, 15151.2],
           [15200. , 15203. ]])
    """
    try:
        table = np.loadtxt(Path(path), ndmin=2)
    except ValueError as error:
        raise InputError(f"{str(path)!r} is not a table of two columns of numbers: {error}.") from error
    return checked_regions("continuum_regions", table)


def checked_regions(name: str, regions: ArrayLike) -> Floats:
    """Regions as an array (R, 2), each of which starts before it ends."""
    pairs = np.atleast_2d(np.asarray(regions, dtype=np.float64))
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not (pairs[:, 0] < pairs[:, 1]).all():
        raise InputError(
            f"{name} has the shape {pairs.shape}. Give pairs (first, last) of increasing wavelengths in Å."
        )
    return pairs


def continuum_pixels(wavelength: Floats, continuum_regions: ArrayLike | None) -> NDArray[np.bool_]:
    """Where a pixel is in one of the continuum regions (first included, last excluded); everywhere if None."""
    if continuum_regions is None:
        return np.ones(wavelength.size, dtype=bool)
    chosen = np.zeros(wavelength.size, dtype=bool)
    for first, last in checked_regions("continuum_regions", continuum_regions):
        chosen[slice(*np.searchsorted(wavelength, (first, last)))] = True
    return chosen


def split(
    wavelength: Floats, regions: Sequence[tuple[float, float]] | ArrayLike | None, chosen: NDArray[np.bool_]
) -> list[Region]:
    """The pixels of each region; one region of all pixels if there are none.

    As published, the pixel after the last one of a region may be among those it is fitted to.
    """
    if regions is None:
        return [Region(slice(0, wavelength.size), np.flatnonzero(chosen))]
    pixels = np.flatnonzero(chosen)
    made = []
    for first, last in checked_regions("regions", regions):
        low, high = np.searchsorted(wavelength, (first, last))
        end = np.searchsorted(wavelength, last, side="right")
        inside = (low <= pixels) & (pixels <= high) & (low < end)
        made.append(Region(slice(int(low), int(end)), pixels[inside]))
    return made
