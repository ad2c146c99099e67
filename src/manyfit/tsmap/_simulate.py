"""A small Compton telescope that exists nowhere, and a burst that it sees: files to try things on."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._axes import Axes, Axis, HealpixAxis
from ._counts import Counts
from ._exposure import pointed_exposure
from ._orientation import Orientation, vectors
from ._response import DetectorResponse, write_detector_response
from ._spectrum import PowerLaw

Array = NDArray[np.float64]

START = 1.8e9  # unix time, s
WINDOWS = 25  # the whole observation, in durations of the burst
LONG = 2000  # time of the background file, in durations of the burst
BINS = 4  # bins of time in each of them
ELECTRON = 511.0  # keV
SIMULATED = 2.0e5  # photons that stand for the full area
EDGES = np.geomspace(100.0, 10000.0, 6)  # keV
ANGLES = np.linspace(0.0, 180.0, 19)  # deg


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated observation, in files and opened.

    Attributes
    ----------
    response
        The telescope: ``response.h5``.
    orientation
        Where it points: ``orientation.ori``.
    observation
        All counts by time, source and background: ``observation.hdf5``.
    background
        Counts of the background alone, over a time that is 2000 times as long: ``background.hdf5``.
    window
        Start and stop of the burst, unix s.
    position
        Galactic longitude and latitude of the burst, deg.
    spectrum
        Its true spectrum.
    """

    response: DetectorResponse
    orientation: Orientation
    observation: Counts
    background: Counts
    window: tuple[float, float]
    position: tuple[float, float]
    spectrum: PowerLaw

    @property
    def counts(self) -> Counts:
        """The counts in the window."""
        return self.observation.during(self.window)

    @property
    def background_model(self) -> Counts:
        """The background scaled to the window."""
        return self.background.scaled_to(self.window)


def simulate(
    folder: str | Path,
    *,
    position: tuple[float, float] = (93.0, -53.0),
    source_counts: float = 400.0,
    background_rate: float = 60.0,
    duration: float = 40.0,
    index: float = -2.2,
    nside: int = 4,
    seed: int = 0,
    overwrite: bool = False,
) -> Simulation:
    """Simulate a burst that a Compton telescope sees, and write the files that a real one would give.

    The response has the angular resolution, the Klein-Nishina scattering and the energy losses of such a telescope in
    rough numbers. It is the response of no instrument.

    Parameters
    ----------
    folder
        Takes ``response.h5``, ``orientation.ori``, ``observation.hdf5`` and ``background.hdf5``.
    position
        Galactic longitude and latitude of the burst in deg.
    source_counts
        Expected counts of the burst.
    background_rate
        Counts per second of the background.
    duration
        Of the burst, s; the observation is 25 times as long.
    index
        Slope of its power law.
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
    ...     burst = simulate(folder, nside=1)
    ...     burst.counts.axes.labels, burst.counts.time_range == burst.window
    (('Time', 'Em', 'Phi', 'PsiChi'), True)
    """
    for name, value in (("source_counts", source_counts), ("duration", duration), ("background_rate", background_rate)):
        if not (np.isfinite(value) and (value > 0 or (value == 0 and name == "source_counts"))):
            raise InputError(f"{name} is {value!r}. A positive number is needed.")
    folder, rng = Path(folder), np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    axes = _axes(nside)
    response = write_detector_response(
        folder / "response.h5",
        axes,
        _pixels(axes, rng),
        _area(),
        compressed=find_spec("hdf5plugin") is not None,
        overwrite=overwrite,
    )
    orientation = _drift(position, duration)
    orientation.write(folder / "orientation.ori", overwrite=overwrite)
    window = (START + 12 * duration, START + 13 * duration)
    source = _expected_source(response, orientation.during(window), position, index)
    norm = source_counts / source.sum()
    truth = background_rate * duration * _background_shape(response, index)
    observation = _observed(axes, source * norm, truth, duration, rng)
    observation.write(folder / "observation.hdf5", overwrite=overwrite)
    background = _long_background(axes, truth, duration, rng)
    background.write(folder / "background.hdf5", overwrite=overwrite)
    return Simulation(response, orientation, observation, background, window, position, PowerLaw(index, 100.0, norm))


def _axes(nside: int) -> Axes:
    return Axes(
        [
            HealpixAxis("NuLambda", nside, frame="spacecraft"),
            Axis("Ei", EDGES, "log"),
            Axis("Em", EDGES, "log"),
            Axis("Phi", ANGLES),
            HealpixAxis("PsiChi", nside, frame="spacecraft"),
        ]
    )


def _middle(edges: Array) -> Array:
    return np.sqrt(edges[1:] * edges[:-1])


def _area() -> Array:
    """Area in cm² of one simulated photon, for each Ei."""
    return np.asarray(np.interp(np.log(_middle(EDGES)), np.log([100, 300, 1000, 10000]), [3, 25, 30, 12]) / SIMULATED)


def directions(nside: int) -> Array:
    """Unit vectors of the RING pixels, (pixel, 3)."""
    from astropy_healpix.core import healpix_to_lonlat

    lon, lat = healpix_to_lonlat(np.arange(12 * nside**2), nside)
    return vectors(np.degrees(np.stack([lon.value, lat.value], axis=-1)))


def _scattering() -> Array:
    """Distribution of the Compton angle (Klein & Nishina 1929) for each Ei, (Ei, Phi), with sum 1."""
    angle = np.radians(0.5 * (ANGLES[1:] + ANGLES[:-1]))
    ratio = 1.0 / (1.0 + (_middle(EDGES) / ELECTRON)[:, None] * (1.0 - np.cos(angle)))
    weight = ratio**2 * (ratio + 1.0 / ratio - np.sin(angle) ** 2) * np.sin(angle)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _dispersion() -> Array:
    """Share of photons of each Ei that are measured in each Em, (Ei, Em): three quarters in the same channel."""
    n = EDGES.size - 1
    share = np.tril(np.arange(1.0, n + 1) * np.ones((n, 1)), -1)
    share *= 0.25 / np.maximum(share.sum(axis=1, keepdims=True), 1.0)
    share += np.diag(np.where(np.arange(n) > 0, 0.75, 1.0))
    return share


def _pixels(axes: Axes, rng: np.random.Generator) -> Generator[NDArray[np.uint16]]:
    """Counts of each direction of the source, (Ei, Em, Phi, PsiChi)."""
    scattered = directions(axes.healpix("PsiChi").nside)
    angle = 0.5 * (ANGLES[1:] + ANGLES[:-1])
    width = np.interp(np.log(_middle(EDGES)), np.log([100, 500, 2000, 10000]), [16, 9, 7, 6.5])[:, None, None]
    scattering, dispersion = _scattering(), _dispersion()
    for source in directions(axes.healpix("NuLambda").nside):
        distance = np.degrees(np.arccos(np.clip(scattered @ source, -1.0, 1.0)))
        ring = np.exp(-0.5 * ((distance - angle[:, None]) / width) ** 2) + 0.003
        shape = scattering[:, :, None] * ring
        shape /= shape.sum(axis=(1, 2), keepdims=True)
        height = 0.06 if source[2] < -0.2 else 0.25 + 0.75 * source[2]  # the telescope looks along z
        mean = SIMULATED * height * dispersion[:, :, None, None] * shape[:, None]
        yield np.floor(mean + rng.random(mean.shape)).astype(np.uint16)


def _drift(position: tuple[float, float], duration: float) -> Orientation:
    """A telescope that starts 35 deg from the burst and turns by 4 deg, one row for each bin of time."""
    target = vectors(np.array(position))
    side = np.cross(target, [0.0, 0.0, 1.0] if abs(target[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    up = np.cross(side, target)
    turn = np.radians(np.linspace(35.0, 39.0, WINDOWS * BINS + 1))[:, None]
    z = np.cos(turn) * target + np.sin(turn) * up
    x = np.cos(turn) * up - np.sin(turn) * target
    times = START + duration / BINS * np.arange(WINDOWS * BINS + 1.0)
    return Orientation(
        times, _lonlat(x), _lonlat(z), np.diff(times), _lonlat(z), np.full(times.size, 550.0), "orientation.ori"
    )


def _lonlat(xyz: Array) -> Array:
    lon, lat = np.arctan2(xyz[:, 1], xyz[:, 0]) % (2 * np.pi), np.arcsin(np.clip(xyz[:, 2], -1.0, 1.0))
    return np.asarray(np.degrees(np.stack([lon, lat], axis=-1)))


def _expected_source(
    response: DetectorResponse, orientation: Orientation, position: tuple[float, float], index: float
) -> Array:
    """Expected counts (Em, Phi, PsiChi) of a power law of norm 1 at 100 keV."""
    exposure = pointed_exposure(orientation, response.directions.nside)
    _, pixels, times = exposure.of(vectors(np.array([position])))
    flux = PowerLaw(index).flux(EDGES)
    expected = np.zeros(response.axes.shape[2:])
    for pixel, seconds in zip(pixels.tolist(), times.tolist(), strict=True):
        expected += seconds * np.tensordot(flux, response.read(pixel), axes=1)
    return expected


def _background_shape(response: DetectorResponse, index: float) -> Array:
    """Counts (Em, Phi, PsiChi) of light from everywhere, and a fifth that is spread evenly; their sum is 1."""
    flux = PowerLaw(index + 0.4).flux(EDGES)
    light = np.zeros(response.axes.shape[2:])
    for pixel in range(0, response.directions.n_bins, max(1, response.directions.nside)):
        light += np.tensordot(flux, response.read(pixel), axes=1)
    return np.asarray(0.8 * light / light.sum() + 0.2 / light.size)


def _observed(axes: Axes, source: Array, background: Array, duration: float, rng: np.random.Generator) -> Counts:
    """Counts by time: background always, the source in window 12."""
    expected = np.repeat(background[None] / BINS, WINDOWS * BINS, axis=0)
    expected[12 * BINS : 13 * BINS] += source / BINS
    edges = START + duration / BINS * np.arange(WINDOWS * BINS + 1.0)
    return Counts.from_dense(_with_time(axes, edges), rng.poisson(expected), name="observation")


def _long_background(axes: Axes, background: Array, duration: float, rng: np.random.Generator) -> Counts:
    """Counts of the background before the observation."""
    edges = np.array([START - LONG * duration, START])
    return Counts.from_dense(_with_time(axes, edges), rng.poisson(LONG * background)[None], name="background")


def _with_time(axes: Axes, edges: Array) -> Axes:
    return Axes((Axis("Time", edges), *axes.chosen(("Em", "Phi", "PsiChi"))))
