"""Lines fitted to every spectrum of a cube, as a step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyfit.pipeline._parameters import File, Flag, Float, Integer, Text
from manyfit.pipeline._task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manyfit import FitResult, cube


class CubeFit(Task):
    """A fit of every spectrum with signal; its product is what `manyfit.cube.CubeFit.to_fits` writes.

    Parameters
    ----------
    path
        The cube.
    spectral_unit, unit
        Units of the spectral axis and of the data, if not as in the file.
    model
        Text of an astropy model, as ``manyfit fit`` takes it; a Gaussian line if not given.
    baseline
        Degree of a polynomial that is added.
    mask
        Whether only spectra with signal are fitted.
    low, high, min_voxels, min_bright_voxels, grow_channels
        Where there is signal: see `manyfit.cube.signal_mask`.
    scheduler, workers
        Where blocks are fitted: ``"threads"``, ``"processes"``, ``"distributed"`` (the current dask client), or the
        address of a dask cluster, such as ``"tcp://head:8786"``.
    """

    version = "1"
    suffix = ".fits"
    path = File()
    spectral_unit = Text(default=None)
    unit = Text(default=None)
    model = Text(default=None)
    baseline = Integer(default=None)
    mask = Flag(default=True)
    low = Float(default=3)
    high = Float(default=6)
    min_voxels = Integer(default=40)
    min_bright_voxels = Integer(default=5)
    grow_channels = Integer(default=1)
    scheduler = Text(default=None, significant=False)
    workers = Integer(default=None, significant=False)

    def compute(self, inputs: Any) -> cube.CubeFit:  # noqa: ARG002  it requires nothing
        """The fit."""
        from manyfit import cube
        from manyfit.models._parse import parse
        from manyfit.pipeline.tasks._dask_client import scheduler_of

        read = cube.read(self.path, spectral_unit=self.spectral_unit, unit=self.unit)
        with scheduler_of(self.scheduler) as scheduler:
            fit: cube.CubeFit = cube.fit_lines(
                read,
                self._signal(read) if self.mask else None,
                model=None if self.model is None else parse(self.model),
                baseline=self.baseline,
                scheduler=scheduler,
                workers=self.workers,
            )
        return fit

    def _signal(self, read: cube.Cube) -> cube.SignalMask:
        from manyfit import cube

        return cube.signal_mask(
            read,
            low=self.low,
            high=self.high,
            min_voxels=self.min_voxels,
            min_bright_voxels=self.min_bright_voxels,
            grow_channels=self.grow_channels,
        )

    def to_row(self, value: cube.CubeFit) -> Mapping[str, Any]:
        """How many spectra were fitted, and how many of the fits are good; the maps themselves fit no row."""
        return {"fitted": int(value.selected.sum()), "good": int(value.good.sum())}

    def write(self, value: cube.CubeFit, path: Path) -> None:
        """Write the maps as FITS."""
        value.to_fits(path, overwrite=True)

    def read(self, path: Path) -> FitResult:
        """The maps of parameters, errors and status."""
        from manyfit import FitResult

        return FitResult.read(path)
