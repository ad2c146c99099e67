"""The unit of flux of SDSS spectra."""

from __future__ import annotations

from astropy import units as u

SDSS_FLUX = u.Unit("1e-17 erg / (s cm2 Angstrom)")
