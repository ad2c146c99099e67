"""An aspcapStar file of APOGEE: a normalised coadd, and what ASPCAP made of it."""

from __future__ import annotations

from manyfit.pipeline._parameters import Text
from manyfit.pipeline.tasks._survey_file import SurveyFile


class AspcapStarFile(SurveyFile):
    """An aspcapStar file of SDSS-IV (`release` dr16 or dr17).

    Parameters
    ----------
    apred, telescope, field, obj
        As for `ApStarFile`.
    aspcap
        Version of ASPCAP, such as ``"l33"``.
    release, bits, use_remote, server, tree, size, checksum
        As for `SurveyFile`.
    """

    version = "1"
    kind = "aspcapStar"
    fields = ("apred", "aspcap", "telescope", "field", "obj")
    apred = Text()
    aspcap = Text()
    telescope = Text()
    field = Text()
    obj = Text()
