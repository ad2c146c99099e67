"""Files of the Milky Way Mapper: mwmStar, the coadds of a star, and mwmVisit, its visits at rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from manyfit.pipeline._parameters import Integer, Text
from manyfit.pipeline.tasks._survey_file import SurveyFile

if TYPE_CHECKING:
    from manyfit import spectra


class MwmFile(SurveyFile):
    """A file of the Milky Way Mapper of SDSS-V (`release` dr19 or dr20).

    Parameters
    ----------
    v_astra
        Version of the products, such as ``"0.6.0"``.
    sdss_id
        Number of the star.
    hdu
        Name of the HDU, such as ``"APOGEE/APO"``; needed if several have spectra.
    release, bits, use_remote, server, tree, size, checksum
        As for `SurveyFile`.
    """

    version = "1"
    fields = ("v_astra", "sdss_id")
    v_astra = Text()
    sdss_id = Integer()
    hdu = Text(default=None)

    def read(self, path: Path) -> spectra.Spectra:
        """The spectra in the HDU."""
        from manyfit.spectra import read

        return read(path, hdu=self.hdu, bits=self.chosen_bits())


class MwmStarFile(MwmFile):
    """An mwmStar file of SDSS-V: the coadds of a star. Parameters are those of `MwmFile`."""

    version = "1"
    kind = "mwmStar"


class MwmVisitFile(MwmFile):
    """An mwmVisit file of SDSS-V: the visits of a star at rest. Parameters are those of `MwmFile`."""

    version = "1"
    kind = "mwmVisit"
