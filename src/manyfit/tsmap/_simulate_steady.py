"""A steady source in a survey of months, binned on the sky: the galactic counterpart of `simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._axes import Axes, Axis, HealpixAxis
from ._counts import Counts
from ._exposure import fixed_exposure
from ._orientation import vectors
from ._response import PointSourceResponse, write_point_source_response
from ._simulate import ANGLES, EDGES, _area, _pixels
from ._spectrum import PowerLaw

Array = NDArray[np.float64]

LONG = 2000.0  # exposure of the background file, in units of that of the counts


@dataclass(frozen=True, eq=False)
class SteadySimulation:
    """A simulated survey, in files and opened.

    Attributes
    ----------
    response
        Area times livetime for each direction of the sky: ``galactic_response.h5``.
    counts
        Source and background: ``survey.hdf5``.
    background
        The background model: ``survey_background.hdf5``.
    position
        Galactic longitude and latitude of the source, deg.
    spectrum
        Its true spectrum.
    """

    response: PointSourceResponse
    counts: Counts
    background: Counts
    position: tuple[float, float]
    spectrum: PowerLaw


def simulate_steady(
    folder: str | Path,
    *,
    position: tuple[float, float] = (184.56, -5.78),
    source_counts: float = 3000.0,
    background_counts: float = 60000.0,
    livetime: float = 2.0e6,
    index: float = -2.2,
    nside: int = 4,
    seed: int = 0,
    overwrite: bool = False,
) -> SteadySimulation:
    """Simulate a survey of the sky with one steady source, binned in the galactic frame, and write its files.

    The telescope is that of `simulate`, pointed at the galactic north pole: it sees the south less well.

    Parameters
    ----------
    folder
        Takes ``galactic_response.h5``, ``survey.hdf5`` and ``survey_background.hdf5``.
    position
        Galactic longitude and latitude of the source in deg; by default that of the Crab nebula.
    source_counts, background_counts
        Expected counts.
    livetime
        Of the survey, s.
    index
        Slope of the power law of the source.
    nside
        HEALPix resolution of the response.
    seed
        The same seed gives the same files.
    overwrite
        Whether the files may be there already.

    Raises
    ------
    OutputExists
        A file exists and `overwrite` is not set.
    InputError
        A number is not positive.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     survey = simulate_steady(folder, nside=1)
    ...     survey.counts.frame, survey.counts.axes.labels
    ('galactic', ('Em', 'Phi', 'PsiChi'))
    """
    for name, value in (("background_counts", background_counts), ("livetime", livetime)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value!r}. A positive number is needed.")
    folder, rng = Path(folder), np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    axes = _axes(nside)
    exposure = _exposure(axes, livetime, rng)
    response = write_point_source_response(folder / "galactic_response.h5", axes, exposure, overwrite=overwrite)
    source = np.tensordot(PowerLaw(index).flux(EDGES), _between_pixels(exposure, position, nside), axes=1)
    norm = source_counts / source.sum()
    truth = background_counts * _background_shape(exposure, index)
    bins = axes.chosen(("Em", "Phi", "PsiChi"))
    counts = Counts.from_dense(bins, rng.poisson(norm * source + truth), name="survey")
    background = Counts.from_dense(bins, rng.poisson(LONG * truth) / LONG, name="survey_background")
    for each in (counts, background):
        each.write(folder / f"{each.name}.hdf5", overwrite=overwrite)
    return SteadySimulation(response, counts, background, position, PowerLaw(index, 100.0, norm))


def _axes(nside: int) -> Axes:
    return Axes(
        [
            HealpixAxis("NuLambda", nside, frame="galactic"),
            Axis("Ei", EDGES, "log"),
            Axis("Em", EDGES, "log"),
            Axis("Phi", ANGLES),
            HealpixAxis("PsiChi", nside, frame="galactic"),
        ]
    )


def _exposure(axes: Axes, livetime: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Area times livetime, cm² s, in single precision as large files have it."""
    exposure = np.empty(axes.shape, np.float32)
    worth = (livetime * _area())[:, None, None, None]
    for pixel, counts in enumerate(_pixels(axes, rng)):
        exposure[pixel] = worth * counts
    return exposure


def _between_pixels(exposure: NDArray[np.float32], position: tuple[float, float], nside: int) -> Array:
    """The response at a position, interpolated as the fit does it, (Ei, Em, Phi, PsiChi)."""
    _, pixels, weights = fixed_exposure(nside, "galactic").of(vectors(np.array([position])))
    return np.asarray(np.einsum("p,p...->...", weights, exposure[pixels], dtype=np.float64))


def _background_shape(exposure: NDArray[np.float32], index: float) -> Array:
    """Light from everywhere and a fifth that is spread evenly, (Em, Phi, PsiChi); their sum is 1."""
    light = np.tensordot(PowerLaw(index + 0.4).flux(EDGES), exposure.sum(axis=0, dtype=np.float64), axes=1)
    return np.asarray(0.8 * light / light.sum() + 0.2 / light.size)
