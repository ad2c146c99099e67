"""The table of what is known about each spectrum: the same columns whatever the survey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from astropy import units as u
from astropy.table import Table

if TYPE_CHECKING:
    from astropy.io.fits import Header


def make_rows(
    kind: Sequence[Literal["visit", "coadd"]],
    *,
    file: str = "",
    object_name: str | Sequence[str] = "",
    weighting: Sequence[str] | str = "",
    mjd: Sequence[float] | float = np.nan,
    snr: Sequence[float] | float = np.nan,
    velocity: Sequence[float] | float = np.nan,
    rv: Sequence[float] | float = np.nan,
) -> Table:
    """A table with one row for each spectrum; what is not known is NaN or an empty text.

    Parameters
    ----------
    kind
        ``"visit"`` or ``"coadd"`` for each row; the other columns have as many values, or one for all.
    file
        Name of the file that the spectra come from.
    object_name
        Name of the star.
    weighting
        How a coadd was weighted: ``"pixel"`` or ``"global"``.
    mjd
        Modified Julian date of a visit.
    snr
        Signal-to-noise ratio per pixel as the survey gives it.
    velocity
        Velocity of the star in the frame of the wavelengths, in km/s: 0 at rest.
    rv
        Barycentric (or heliocentric) velocity of the star, in km/s.

    Examples
    --------
    >>> make_rows(["coadd", "visit"], snr=[90, 45])["kind", "snr"].as_array().tolist()
    [('coadd', 90.0), ('visit', 45.0)]
    """
    n = len(kind)
    texts = {"kind": kind, "file": file, "object": object_name, "weighting": weighting}
    numbers = {"mjd": mjd, "snr": snr, "velocity": velocity, "rv": rv}
    columns = {name: np.broadcast_to(np.asarray(values, dtype=str), n).copy() for name, values in texts.items()}
    columns |= {name: np.broadcast_to(np.asarray(values, dtype=float), n).copy() for name, values in numbers.items()}
    table = Table(columns)
    table["velocity"].unit = table["rv"].unit = u.km / u.s
    return table


def number(header: Header, *names: str) -> float:
    """The first of some cards of a header that holds a number, NaN if none does."""
    for name in names:
        value = header.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return float("nan")


def text(header: Header, *names: str) -> str:
    """The first of some cards of a header that is there, as text; empty if none is."""
    return next((str(header[name]).strip() for name in names if name in header), "")
