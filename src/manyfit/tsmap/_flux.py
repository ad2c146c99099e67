"""From norms to fluxes: photons of a spectrum in the range of energies of the response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.units import Quantity

    from ._ts_map import TSMap


def photon_flux(tsmap: TSMap) -> Quantity | None:
    """Photons / (cm² s) at norm 1: one number, or one for each position if indices were tried."""
    from astropy import units as u

    if tsmap.spectrum is None or tsmap.energies is None:
        return None
    edges = np.array(tsmap.energies)
    if tsmap.spectral_index is None:
        photons: Any = _photons(tsmap.spectrum, edges)
    else:
        photons = _by_index(tsmap.spectrum, tsmap.spectral_index, edges)
    return photons * u.Unit("ph / (cm2 s)")


def _by_index(spectrum: Any, indices: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The photons of each position, whose spectra differ in their index; NaN without one."""
    kinds, which = np.unique(indices, return_inverse=True)
    photons = [_photons(spectrum.with_index(k), edges) if np.isfinite(k) else np.nan for k in kinds.tolist()]
    return np.array(photons)[which]


def _photons(spectrum: Any, edges: NDArray[np.float64]) -> float:
    return float(np.sum(spectrum.flux(edges)))
