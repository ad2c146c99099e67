"""Continuum of sines and cosines, as a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit.pipeline._parameters import Choice, File, Integer, Quantity
from manyfit.pipeline.tasks._spectra_product import SpectraProduct

if TYPE_CHECKING:
    from manyfit.spectra import Spectra


class SinusoidalContinuum(SpectraProduct):
    """Spectra divided by a continuum of sines and cosines, detector by detector.

    It requires spectra, such as an `ApStarFile`. Its product is a FITS file with images FLUX, IVAR and WAVELENGTH.

    Parameters
    ----------
    combine
        Which rows of the file are meant: ``"coadd"``, ``"stack"``, ``"visits"`` or ``"all"``. Rows 0 and 1 of an
        apStar file are sums of the others, so they are never added to them: ``"stack"`` adds visits only.
    order
        Number of sines and of cosines. It is no polynomial order, and is not that of The Cannon.
    length
        Their length.
    continuum_regions
        Text file with the first and last wavelength in Å of each piece of continuum. None: all pixels of the
        detectors, of which those below 2 and above 3 standard deviations are clipped.
    """

    version = "1"
    combine = Choice("coadd", "stack", "visits", "all", default="coadd")
    order = Integer(default=3)
    length = Quantity("Angstrom", default="1400 Angstrom")
    continuum_regions = File(default=None)

    def compute(self, inputs: Spectra) -> Spectra:
        """Normalised spectra of one star."""
        from manyfit.pipeline.tasks._normalised import normalised
        from manyfit.spectra import read_regions

        regions = None if self.continuum_regions is None else read_regions(self.continuum_regions)
        length = self.length.to_value("Angstrom")
        return normalised(inputs, combine=self.combine, order=self.order, length=length, continuum_regions=regions)
