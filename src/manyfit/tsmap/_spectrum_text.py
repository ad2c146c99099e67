"""Spectra as text, for commands and headers: ``PowerLaw(index=-2.2, pivot=100 keV, norm=0.01 / (cm2 s keV))``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError, unknown_name
from manyfit.models._scan import Scanner

from ._spectrum import UNIT, AnySpectrum, Band, CutoffPowerLaw, PowerLaw, Spectrum, spectrum_of

KINDS: dict[str, type[PowerLaw | CutoffPowerLaw | Band]] = {
    "PowerLaw": PowerLaw,
    "CutoffPowerLaw": CutoffPowerLaw,
    "Band": Band,
}
UNITS = {"pivot": "keV", "cutoff": "keV", "peak": "keV", "norm": UNIT}
NAME = r"[^\W\d]\w*"


def parse_spectrum(text: str) -> AnySpectrum:
    """The spectrum that a text describes; nothing in the text is executed.

    Parameters
    ----------
    text
        As the call in Python, with units behind numbers: `PowerLaw`, `CutoffPowerLaw`, `Band`, or models of astropy.

    Raises
    ------
    InputError
        A name that is not known or text that is no spectrum.

    Examples
    --------
    >>> parse_spectrum("PowerLaw(index=-2.2, pivot=0.1 MeV, norm=10 / (cm2 s keV))")
    PowerLaw(index=-2.2, pivot=100.0, norm=10.0)
    """
    scanner = Scanner(text)
    name = scanner.match(NAME) or ""
    if name not in KINDS:
        return _model(text, name)
    given = _arguments(scanner, name)
    try:
        return KINDS[name](**given)
    except TypeError as error:
        raise InputError(f"Spectrum {text!r}: {error}. {name} takes {', '.join(_names(name))}.") from None


def _model(text: str, name: str) -> AnySpectrum:
    from manyfit.models import parse
    from manyfit.models._parse import models_by_name

    if name and name not in models_by_name():
        known = [
            *KINDS,
            *(f"{model}1D" for model in ("PowerLaw", "BrokenPowerLaw", "LogParabola", "ExponentialCutoffPowerLaw")),
        ]
        raise unknown_name("Spectrum", name, known)
    return spectrum_of(parse(text))


def _arguments(scanner: Scanner, kind: str) -> dict[str, Any]:
    names = _names(kind)
    given: dict[str, Any] = {}
    scanner.expect("(")
    while scanner.match(r"\)") is None:
        name = scanner.match(rf"{NAME}(?=\s*=)")
        if name is None and len(given) < len(names):
            name = names[len(given)]
        elif name is not None:
            scanner.expect("=")
        if name not in names or name in given:
            raise scanner.mistake(f"{kind} takes {', '.join(names)}, each once; not {name!r}")
        given[name] = scanner.value()
        if scanner.match(",") is None and scanner.see(r"\)") is None:
            raise scanner.mistake("',' or ')' is expected here")
    if scanner.see(r"\S"):
        raise scanner.mistake("The end is expected here")
    return given


def _names(kind: str) -> list[str]:
    return [field.name for field in fields(KINDS[kind])]


def spectrum_text(spectrum: AnySpectrum) -> str:
    """A spectrum as text that `parse_spectrum` reads, if it has a form; else its name.

    Examples
    --------
    >>> spectrum_text(PowerLaw(-2.0, norm=0.5))
    'PowerLaw(index=-2.0, pivot=100.0 keV, norm=0.5 / (cm2 s keV))'
    """
    if isinstance(spectrum, KnownSpectrum):
        return spectrum.text
    if isinstance(spectrum, PowerLaw | CutoffPowerLaw | Band):
        given = (f"{f.name}={getattr(spectrum, f.name)!r}{_unit(f.name)}" for f in fields(spectrum))
        return f"{type(spectrum).__name__}({', '.join(given)})"
    function = spectrum.function if isinstance(spectrum, Spectrum) else spectrum
    return str(getattr(function, "__name__", type(function).__name__))


def _unit(name: str) -> str:
    unit = UNITS.get(name, "")
    return f" {unit.removeprefix('1 ')}" if unit else ""


@dataclass(frozen=True)
class KnownSpectrum:
    """A spectrum of which a file keeps the name and the photons, and no more.

    Attributes
    ----------
    text
        What it was called.
    photons
        Photons / (cm² s) in the range of energies of the fit.
    """

    text: str
    photons: float

    def flux(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Photons / (cm² s) in the one bin that is the range of the fit."""
        if np.shape(edges) != (2,):
            raise InputError(f"The file keeps of the spectrum {self.text!r} only its photons. Give the spectrum again.")
        return np.array([self.photons])
