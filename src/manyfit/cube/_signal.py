"""`signal_mask`: connected regions of signal, found with two thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.cube._blocks import Part, each_part
from manyfit.cube._cube import Cube
from manyfit.cube._label import label, neighbourhood
from manyfit.cube._noise import by_pieces, check_some
from manyfit.cube._noise_given import check_positive, noise_given
from manyfit.cube._regions import region_table
from manyfit.cube._robust import mad_std
from manyfit.cube._room import room
from manyfit.cube._signal_kernel import BAD, levels
from manyfit.errors import InputError

if TYPE_CHECKING:
    from astropy.table import QTable
    from astropy.units import Quantity


@dataclass(frozen=True, eq=False)
class SignalMask:
    """Where a cube has signal.

    Attributes
    ----------
    labels
        Number of the region of each voxel, from 1; 0 outside of all. Of the shape of the cube and of the smallest
        unsigned integer type that holds the numbers.
    regions
        One row per region, in the order of the numbers.
    noise
        Standard deviations that the thresholds were multiples of: a map, or broadcastable to the cube.
    n_found
        Number of regions before those that are too small or too faint were left out.
    """

    labels: NDArray[np.unsignedinteger[Any]]
    regions: QTable
    noise: Quantity
    n_found: int = 0

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """Whether a voxel has signal, of the shape of the cube."""
        return np.asarray(self.labels != 0)

    @cached_property
    def spatial(self) -> NDArray[np.bool_]:
        """Whether a spectrum has signal in any channel, of the shape of a map."""
        return np.asarray(self.labels.any(axis=0))

    def __repr__(self) -> str:
        n = len(self.regions)
        return (
            f"<SignalMask: {n} region{'' if n == 1 else 's'} of {self.n_found}, {np.count_nonzero(self.labels)} voxels "
            f"in {np.count_nonzero(self.spatial)} spectra>"
        )


def signal_mask(
    cube: Cube,
    *,
    low: float = 3,
    high: float = 6,
    noise: Any = None,
    structure: ArrayLike | None = None,
    min_voxels: int = 40,
    min_bright_voxels: int = 5,
    grow_channels: int = 1,
    grow_pixels: int = 0,
    workers: int | None = None,
) -> SignalMask:
    """Find connected regions of signal in a cube.

    Voxels above `low` times the noise that touch form a region. It is kept if it has more than `min_voxels` voxels and
    more than `min_bright_voxels` above `high` times the noise. What is kept is grown to recover the faint emission
    around it; growth ends at the edge of the cube and leaves out bad voxels.

    Parameters
    ----------
    cube
        The cube.
    low, high
        Thresholds in units of the noise; a voxel has to be above, not at them.
    noise
        Standard deviations: number, map, or anything that broadcasts to the cube. Default: the uncertainty of the
        cube, else ``noise(cube)``, the MAD of all channels, estimated in the same reading of the data. Where lines
        fill much of the band that is too large, and the brightest spectra are missed: give
        ``noise(cube, method="auto")``, as the command ``manyfit cube`` does.
    structure
        Which of the 3 x 3 x 3 voxels (channels, rows, columns) around a voxel touch it. Default: all.
    min_voxels, min_bright_voxels
        Only regions with *more* voxels than these are kept.
    grow_channels, grow_pixels
        How far regions are grown along the spectral axis, and in each direction on the sky (diagonals included). Where
        two meet, the nearer keeps the voxel, or the one with the lower number.
    workers
        Number of threads. Default: the CPUs that this process may use.

    Returns
    -------
    SignalMask

    Raises
    ------
    InputError
        Thresholds that are reversed or not positive, noise that is zero or of another shape, a blank cube.

    Examples
    --------
    >>> import manyfit
    >>> cube = manyfit.cube.read(manyfit.datasets.simulate_cube((53, 30, 30)).to_hdu())
    >>> signal = manyfit.cube.signal_mask(cube)
    >>> len(signal.regions), signal.mask.shape, signal.spatial.shape
    (1, (53, 30, 30), (30, 30))
    """
    _check(low, high, (min_voxels, min_bright_voxels, grow_channels, grow_pixels))
    neighbourhood(structure)
    given = noise_given(cube, noise)
    level, estimated = _levels(cube, given, (low, high), workers)
    shape = cube.shape if len(cube.shape) == 3 else (cube.n_channels, 1, 1)
    grow = grow_channels, grow_pixels
    found = label(level.reshape(shape), structure, (min_voxels, min_bright_voxels), grow)
    del level
    labels = found.labels.reshape(cube.shape)
    sigma = estimated[None] if given is None else given
    regions = region_table(cube, found, labels, sigma, workers)
    return SignalMask(labels, regions, _as_map(sigma) << cube.unit, found.n_found)


def _check(low: float, high: float, counts: tuple[int, ...]) -> None:
    if not 0 < low <= high < np.inf:
        raise InputError(f"The thresholds are low={low} and high={high}. Give 0 < low <= high, in units of the noise.")
    if min(counts) < 0:
        raise InputError("min_voxels, min_bright_voxels, grow_channels and grow_pixels are zero or more.")


def _as_map(sigma: Any) -> Any:
    """Without the spectral axis where the noise is the same in all channels."""
    return sigma[0] if sigma.shape[0] == 1 and sigma.ndim > 1 else np.asarray(sigma)


def _levels(
    cube: Cube, given: Any, thresholds: tuple[float, float], workers: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Bits of each voxel, and the map of the noise where it had to be estimated."""
    level = room(cube.shape, np.uint8, "The levels of a cube")
    estimated = np.full(cube.spatial_shape, np.nan)

    some: list[bool] = []

    def work(part: Part) -> bool:
        values = part.values(cube)
        sigma = by_pieces(values, mad_std)[None] if given is None else part.of(given)
        out = np.empty(values.shape, np.uint8)
        levels(values, sigma, *thresholds, out)
        level[part.slices] = out.reshape(-1, *part.block.shape)
        if given is None:
            estimated[part.block.slices] = sigma.reshape(part.block.shape)
        return bool((out != BAD).any())

    each_part(cube, work, lambda _, good: some.append(good), workers=workers)
    if given is None:
        check_some(estimated)
        check_positive(estimated)
    if not any(some):
        raise InputError("No voxel of the cube has both a finite value and a positive noise.")
    return level, estimated
