"""What a file says of a TS map as a whole: cards of a FITS header, and meta of a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.errors import InputError

from ._spectrum_text import KnownSpectrum, parse_spectrum, spectrum_text
from ._status import TABLE

if TYPE_CHECKING:
    from ._spectrum import AnySpectrum
    from ._ts_map import TSMap

Card = tuple[str, Any, str]
COORDINATES = {"galactic": "G", "icrs": "C"}
FRAMES = {letter: frame for frame, letter in COORDINATES.items()}


def facts(tsmap: TSMap) -> dict[str, Any]:
    """Keywords and values."""
    return {keyword: value for keyword, value, _ in fact_cards(tsmap)}


def fact_cards(tsmap: TSMap) -> list[Card]:
    """Cards that every file has."""
    from manyfit import __version__

    cards: list[Card] = [
        ("CREATOR", f"manyfit {__version__}", "program that wrote this file"),
        ("DATE", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "UTC date of this file"),
        ("CONFID", tsmap.confidence, "confidence of upper limits"),
    ]
    if tsmap.spectrum is not None:
        cards.append(("SPECTRUM", spectrum_text(tsmap.spectrum), "norms are factors on it"))
    if tsmap.energies is not None:
        low, high = tsmap.energies
        cards += [("E_MIN", low, "[keV] of fluxes"), ("E_MAX", high, "[keV] of fluxes")]
        photons = tsmap.photon_flux
        if photons is not None and photons.shape == () and np.isfinite(photons.value):
            cards.append(("FLUX1", float(photons.value), "[ph cm-2 s-1] of norm 1"))
    cards += [(f"STATUS{int(code)}", text.name, f"meaning of status {int(code)}") for code, text in TABLE.items()]
    cards += [(f"NOTE{i}", note, "") for i, note in enumerate(tsmap.notes, start=1)]
    return cards


def kept(cards: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of a `TSMap` that a file keeps: confidence, spectrum, energies and notes."""
    energies = (float(cards["E_MIN"]), float(cards["E_MAX"])) if {"E_MIN", "E_MAX"} <= set(cards) else None
    notes = tuple(str(cards[f"NOTE{i}"]) for i in range(1, 100) if f"NOTE{i}" in cards)
    confidence = float(cards.get("CONFID", 0.95))
    return {"confidence": confidence, "spectrum": _spectrum(cards), "energies": energies, "notes": notes}


def _spectrum(cards: Mapping[str, Any]) -> AnySpectrum | None:
    text = cards.get("SPECTRUM")
    if text is None:
        return None
    try:
        return parse_spectrum(str(text))
    except InputError:  # a function of the user's
        return KnownSpectrum(str(text), float(cards.get("FLUX1", np.nan)))
