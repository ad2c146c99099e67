"""A reader of text spectra, and the depths of lines in them, as tasks of manyfit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from manyfit.pipeline import File, Quantity, StoredFile, Task
from manyfit.spectra import Spectra


class TextSpectrum(StoredFile):
    """A text file with columns of wavelength in Å, flux and error.

    Parameters
    ----------
    path
        The file.
    """

    version = "1"
    path = File()

    def location(self) -> Path:
        """Where the file is."""
        return Path(self.path)

    def read(self, path: Path) -> Spectra:
        """The spectrum in the file."""
        wavelength, flux, error = np.loadtxt(path, unpack=True)
        return Spectra(wavelength, flux, error**-2)


class LineDepth(Task):
    """The depth of a line: one minus the mean of the normalised flux around it.

    Parameters
    ----------
    line
        Its wavelength.
    width
        Of the piece of spectrum that counts.
    """

    version = "1"
    line = Quantity("Angstrom")
    width = Quantity("Angstrom", default="2 Angstrom")

    def compute(self, inputs: Spectra) -> dict[str, Any]:
        """Depth and error."""
        near = np.abs(inputs.wavelength - self.line) <= self.width / 2
        weight = inputs.ivar[0, near]
        return {
            "depth": float(1 - np.average(inputs.flux[0, near], weights=weight)),
            "depth_err": float(weight.sum() ** -0.5),
        }
