"""The options of ``manyfit cube``, by the step that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astropy.modeling import Model


@dataclass(frozen=True)
class Reading:
    """What to read, and what is known of it: the options of `manyfit.cube.read` as text."""

    file: str
    hdu: str | None
    unit: str | None
    spectral_unit: str | None
    convention: str | None
    rest: str | None
    medium: str | None
    bad: str | None
    uncertainty: str | None
    gain: str | None
    stokes: str | None


@dataclass(frozen=True)
class Masking:
    """Which spectra are fitted: the options of `manyfit.cube.noise` and `signal_mask`."""

    method: str
    thresholds: tuple[float, float]
    min_voxels: int
    min_bright_voxels: int
    grow_channels: int
    grow_pixels: int
    noise_channels: tuple[str, ...]
    everything: bool

    @property
    def needs_second(self) -> bool:
        """Whether the noise is to be estimated again without the signal, which makes it too large."""
        return self.method == "mad" and not self.noise_channels


@dataclass(frozen=True, eq=False)
class Fitting:
    """What is fitted: the options of `manyfit.cube.fit_lines`, or of `decompose` if `max_components` is a number."""

    max_components: int | None
    criterion: str
    model: Model | None
    bounds: Mapping[str, Any]
    baseline: int | None
    coherence: bool
    scheduler: Any
    workers: int | None
    progress: Callable[[], AbstractContextManager[Any]]
    store: str | None


@dataclass(frozen=True)
class Output:
    """What is written, and where."""

    folder: Path
    report: bool
    table: str | None
    zarr: bool
    overwrite: bool
    options: str

    @property
    def names(self) -> list[str]:
        """Files and folders that may be written."""
        optional = {"figures": self.report, "report.html": self.report, "fit.zarr": self.zarr}
        tables = [f"table.{self.table}"] if self.table else []
        return ["fit.fits", "moments.fits", "mask.fits", *(name for name, on in optional.items() if on), *tables]
