"""The table of regions with plain columns, for files, and as text."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.table import QTable

#: Columns that are only in files.
TECHNICAL = ("n_grown", "channel")
PIXELS = ("y", "x")


def plain_regions(regions: QTable) -> QTable:
    """The same table with two columns in degrees for each column of sky positions, such as ``ra`` and ``dec``.

    Parameters
    ----------
    regions
        The table of a `manyfit.cube.SignalMask`.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.coordinates import SkyCoord
    >>> plain_regions(QTable({"region": [1], "position": SkyCoord([51.5], [30.2], unit="deg")})).colnames
    ['region', 'ra', 'dec']
    """
    columns: dict[str, Any] = {}
    for name in regions.colnames:
        column = regions[name]
        if hasattr(column, "represent_as"):  # a SkyCoord
            columns |= {part: getattr(column, part) for part in column.representation_component_names}
        else:
            columns[name] = column
    return QTable({name: column for name, column in columns.items() if name != "distance"})


def regions_text(regions: QTable) -> tuple[list[str], list[tuple[str, ...]]]:
    """Head and rows of the table as text, with the units in the head; pixels only where there is no sky.

    Examples
    --------
    >>> import astropy.units as u
    >>> regions_text(QTable({"region": [1], "spectral_min": [2.25] * u.km / u.s}))
    (['region', 'spectral_min (km / s)'], [('1', '2.25')])
    """
    plain = plain_regions(regions)
    left_out = TECHNICAL if set(plain.colnames) == set(regions.colnames) else (*TECHNICAL, *PIXELS)
    plain.remove_columns([name for name in left_out if name in plain.colnames])
    units = {name: getattr(plain[name], "unit", None) for name in plain.colnames}
    head = [name if unit is None else f"{name} ({unit})" for name, unit in units.items()]
    columns = [np.asarray(plain[name]) for name in plain.colnames]
    return head, [tuple(number_text(cell) for cell in row) for row in zip(*columns, strict=True)]


def number_text(value: Any) -> str:
    """A number with at most six digits; a dash for what is none.

    >>> number_text(3), number_text(1.23456789), number_text(float("nan"))
    ('3', '1.23457', '–')
    """
    if isinstance(value, int | np.integer):
        return f"{value:d}"
    return f"{value:.6g}" if np.isfinite(value) else "–"
