"""An apVisit file of APOGEE: one visit of a star."""

from __future__ import annotations

from manyfit.pipeline._parameters import Integer, Text
from manyfit.pipeline.tasks._survey_file import SurveyFile


class ApVisitFile(SurveyFile):
    """An apVisit file of SDSS-IV (`release` dr16 or dr17).

    Parameters
    ----------
    apred, telescope, field, prefix
        As for `ApStarFile`.
    plate, mjd, fiber
        Plate, day and number of the fibre.
    release, bits, use_remote, server, tree, size, checksum
        As for `SurveyFile`.
    """

    version = "1"
    kind = "apVisit"
    fields = ("apred", "telescope", "field", "plate", "mjd", "prefix", "fiber")
    apred = Text()
    telescope = Text()
    field = Text()
    plate = Integer()
    mjd = Integer()
    prefix = Text(default="ap")
    fiber = Integer()
