"""The table of the regions of a signal mask: size, brightness, place, spectral range."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._blocks import Part, each_part
from manyfit.cube._cube import Cube
from manyfit.cube._label import Regions

if TYPE_CHECKING:
    from astropy.table import QTable


@dataclass(eq=False)
class Tally:
    """What is known of each region so far; entry 0 is of no region."""

    size: int
    n_voxels: NDArray[np.int64] = field(init=False)
    n_spectra: NDArray[np.int64] = field(init=False)
    snr: NDArray[np.float64] = field(init=False)
    place: NDArray[np.int64] = field(init=False)
    least: NDArray[np.float64] = field(init=False)
    most: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.n_voxels, self.n_spectra = np.zeros(self.size, np.int64), np.zeros(self.size, np.int64)
        self.snr, self.place = np.full(self.size, -np.inf), np.full(self.size, np.iinfo(np.int64).max)
        self.least, self.most = np.full(self.size, np.inf), np.full(self.size, -np.inf)

    def add(self, other: Tally) -> None:
        """Take in what was found elsewhere; of equal peaks the first in the cube counts."""
        better = (other.snr > self.snr) | ((other.snr == self.snr) & (other.place < self.place))
        self.snr[better], self.place[better] = other.snr[better], other.place[better]
        self.n_voxels += other.n_voxels
        self.n_spectra += other.n_spectra
        np.minimum(self.least, other.least, out=self.least)
        np.maximum(self.most, other.most, out=self.most)


def region_table(cube: Cube, found: Regions, labels: NDArray[Any], sigma: Any, workers: int | None = None) -> QTable:
    """One row per region.

    Columns: ``region`` (its number), ``n_voxels`` and ``n_bright`` (above the thresholds, before growth), ``n_grown``
    (with growth), ``n_spectra``, ``peak_snr``, place of the peak as ``channel``, ``y``, ``x`` and, with a celestial
    WCS, ``position``; ``spectral_min`` and ``spectral_max`` of all voxels.

    Parameters
    ----------
    cube
        The cube.
    found
        Regions and their sizes.
    labels
        Number of the region of each voxel, of the shape of the cube.
    sigma
        Standard deviations with the axes of the cube.
    """
    tally = Tally(len(found.n_voxels) + 1)

    def work(part: Part) -> Tally:
        return _of_part(part, cube, labels, sigma, tally.size)

    def collect(_: Part, result: Tally) -> None:
        tally.add(result)

    each_part(cube, work, collect, workers=workers, wanted=labels.any(axis=0))
    return _table(cube, found, tally)


def _of_part(part: Part, cube: Cube, labels: NDArray[Any], sigma: Any, size: int) -> Tally:
    tally, values, noise = Tally(size), part.values(cube), part.of(sigma)
    own = labels[part.slices].reshape(cube.n_channels, -1)
    k, p = np.nonzero(own)
    number = own[k, p].astype(np.int64)
    snr = values[k, p] / noise[k if len(noise) > 1 else 0, p]
    axis = cube.spectral_axis.value
    x = axis[k] if axis.ndim == 1 else axis[part.slices].reshape(cube.n_channels, -1)[k, p]
    tally.n_voxels += np.bincount(number, minlength=size)
    pairs = np.unique(number * own.shape[1] + p)
    tally.n_spectra += np.bincount(pairs // own.shape[1], minlength=size)
    np.minimum.at(tally.least, number, x)
    np.maximum.at(tally.most, number, x)
    order = np.lexsort((np.arange(len(k)), -snr, number))
    first = order[np.unique(number[order], return_index=True)[1]]
    tally.snr[number[first]] = snr[first]
    tally.place[number[first]] = _place(part, cube, k[first], p[first])
    return tally


def _place(part: Part, cube: Cube, k: NDArray[Any], p: NDArray[Any]) -> NDArray[np.int64]:
    """Index into the flat cube."""
    inside = np.unravel_index(p, part.block.shape) if part.block.shape else ()
    spatial = [i + s.start for i, s in zip(inside, part.block.slices, strict=True)]
    return np.asarray(np.ravel_multi_index((k, *spatial), cube.shape), np.int64)


def _table(cube: Cube, found: Regions, tally: Tally) -> QTable:
    from astropy.table import QTable

    channel, *spatial = np.unravel_index(tally.place[1:], cube.shape)
    table = QTable({"region": np.arange(1, tally.size), "n_voxels": found.n_voxels, "n_bright": found.n_bright})
    table["n_grown"], table["n_spectra"] = tally.n_voxels[1:], tally.n_spectra[1:]
    table["peak_snr"] = tally.snr[1:]
    table["peak_snr"].info.format = ".1f"
    table["channel"] = channel
    for name, index in zip(("y", "x"), spatial, strict=False):
        table[name] = index
    if (position := _sky(cube, spatial)) is not None:
        table["position"] = position
    table["spectral_min"] = tally.least[1:] << cube.spectral_axis.unit
    table["spectral_max"] = tally.most[1:] << cube.spectral_axis.unit
    return table


def _sky(cube: Cube, spatial: list[NDArray[Any]]) -> Any:
    """Positions on the sky, where the WCS of the maps is one of the sky."""
    from astropy.coordinates import SkyCoord
    from astropy.wcs.wcsapi import HighLevelWCSWrapper

    if cube.wcs is None or not any("pos." in str(t) for t in cube.wcs.world_axis_physical_types):
        return None
    found = HighLevelWCSWrapper(cube.wcs).array_index_to_world(*spatial)
    return found if isinstance(found, SkyCoord) else None  # a frame that is not known here is no SkyCoord
