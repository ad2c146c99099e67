"""An apStar file of APOGEE: the visits of a star at rest, and their coadds."""

from __future__ import annotations

from manyfit.pipeline._parameters import Text
from manyfit.pipeline.tasks._survey_file import SurveyFile


class ApStarFile(SurveyFile):
    """An apStar file of SDSS-IV (`release` dr16 or dr17).

    Parameters
    ----------
    apred
        Version of the reduction, such as ``"r12"``.
    apstar
        Kind of objects.
    telescope
        ``"apo25m"``, ``"lco25m"`` or ``"apo1m"``.
    field
        Field of the star, such as ``"000+14"``.
    prefix
        ``"ap"``; ``"as"`` in the south.
    obj
        Name of the star, such as ``"2M16505794-2118004"``.
    release, bits, use_remote, server, tree, size, checksum
        As for `SurveyFile`.

    Examples
    --------
    >>> star = ApStarFile(release="dr16", apred="r12", telescope="apo25m", field="000+14", obj="2M16505794-2118004")
    >>> star.location().name
    'apStar-r12-2M16505794-2118004.fits'
    """

    version = "1"
    kind = "apStar"
    fields = ("apred", "apstar", "telescope", "field", "prefix", "obj")
    apred = Text()
    apstar = Text(default="stars")
    telescope = Text()
    field = Text()
    prefix = Text(default="ap")
    obj = Text()
