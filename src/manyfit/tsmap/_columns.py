"""The maps of a TS map by name, with units and words: columns of tables and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ._ts_map import TSMap

FLUX = "ph / (cm2 s)"


@dataclass(frozen=True, eq=False)
class Column:
    """One map.

    Attributes
    ----------
    name
        Of the attribute of `TSMap`, in lower case.
    values
        (position,).
    words
        What it is.
    unit
        Of the values, or "".
    """

    name: str
    values: NDArray[Any]
    words: str
    unit: str = ""


WORDS = {
    "ts": "test statistic, 2 ln(L / L0)",
    "sqrt_ts": "significance, sigma",
    "norm": "factor on the spectrum",
    "norm_err": "its standard deviation",
    "norm_errn": "error downwards, TS - 1",
    "norm_errp": "error upwards, TS - 1",
    "norm_ul": "upper limit of the factor",
    "flux": "photons in the energy range",
    "flux_err": "its standard deviation",
    "flux_ul": "its upper limit",
    "background_scale": "factor on the background",
    "spectral_index": "best of the indices tried",
    "niter": "evaluations",
    "status": "code, see STATUS cards",
}


def columns(tsmap: TSMap) -> list[Column]:
    """All maps; fluxes only if the spectrum is known, indices only if several were tried."""
    from astropy import units as u

    found = []
    for name, words in WORDS.items():
        values = getattr(tsmap, name)
        if isinstance(values, u.Quantity):
            found.append(Column(name, np.asarray(values.to_value(FLUX)), words, FLUX))
        elif values is not None:
            found.append(Column(name, np.asarray(values), words))
    return found
