"""A TS map of a burst, as a step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyfit.pipeline._parameters import Choice, File, Flag, Float, Integer, Quantity, Text
from manyfit.pipeline._task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manyfit import tsmap


class TSMap(Task):
    """The likelihood of a source at every position of the sky; its product is a FITS map.

    Parameters
    ----------
    counts, background, response
        Files of counts, of expected background, and of the response.
    orientation
        File of attitude and livetime, for a response in the frame of the telescope.
    scale_background
        Whether the background is scaled to the times of the counts.
    index, pivot, norm
        Power law of the source.
    nside, frame
        HEALPix grid of positions.
    confidence
        Of upper limits.
    scheduler, workers
        As for `CubeFit`.
    """

    version = "1"
    suffix = ".fits"
    counts = File()
    background = File()
    response = File()
    orientation = File(default=None)
    scale_background = Flag(default=False)
    index = Float(default=-2.2)
    pivot = Quantity("keV", default="100 keV")
    norm = Quantity("1 / (cm2 s keV)", default="1 / (cm2 s keV)")
    nside = Integer(default=16)
    frame = Choice("galactic", "icrs", default="galactic")
    confidence = Float(default=0.95)
    scheduler = Text(default=None, significant=False)
    workers = Integer(default=None, significant=False)

    def compute(self, inputs: Any) -> tsmap.TSMap:  # noqa: ARG002  it requires nothing
        """The map."""
        from manyfit import tsmap
        from manyfit.pipeline.tasks._dask_client import scheduler_of

        counts, background = tsmap.Counts.read(self.counts), tsmap.Counts.read(self.background)
        attitude = None if self.orientation is None else tsmap.Orientation.read(self.orientation)
        response = tsmap.DetectorResponse.open(self.response)
        with scheduler_of(self.scheduler) as scheduler:
            return tsmap.fit(
                counts,
                background.scaled_to(counts.time_range) if self.scale_background else background,
                response,
                orientation=attitude,
                spectrum=tsmap.PowerLaw(index=self.index, pivot=self.pivot, norm=self.norm),
                nside=self.nside,
                frame=self.frame,
                confidence=self.confidence,
                scheduler=scheduler,
                workers=self.workers,
            )

    def to_row(self, value: tsmap.TSMap) -> Mapping[str, Any]:
        """The peak: TS, position in degrees, norm and error."""
        peak = value.peak
        where = peak.position.icrs
        return {"ts": peak.ts, "ra": where.ra.deg, "dec": where.dec.deg, "norm": peak.norm, "norm_err": peak.norm_err}

    def write(self, value: tsmap.TSMap, path: Path) -> None:
        """Write the map as FITS."""
        value.to_fits(path, overwrite=True)

    def read(self, path: Path) -> tsmap.TSMap:
        """Read it."""
        from manyfit.tsmap import TSMap

        return TSMap.read(path)
