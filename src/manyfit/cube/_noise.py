"""`noise`: the standard deviation of the noise of each spectrum."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._blocks import Part, each_part
from manyfit.cube._channels import channels_of
from manyfit.cube._cube import Cube
from manyfit.cube._given import laid
from manyfit.cube._noise_auto import combined, difference, ingredients
from manyfit.cube._robust import mad_std
from manyfit.errors import InputError, unknown_name
from manyfit.fitting._transpose import rows

if TYPE_CHECKING:
    from astropy.units import Quantity

Estimate = Callable[[NDArray[np.float64]], NDArray[np.float64]]
#: Values that are worked on at a time: 1 MiB.
PIECE = 2**17


def noise(
    cube: Cube, *, method: str = "mad", channels: Any = None, gain: Any = None, workers: int | None = None
) -> Quantity:
    """Estimate the standard deviation of the noise of each spectrum.

    Parameters
    ----------
    cube
        The cube.
    method
        ``"mad"``: 1.4826 median |x - median x|, which a line in fewer than half of the channels hardly changes.
        ``"difference"``: the same of the differences between neighbouring channels, over sqrt 2: for lines wide beside
        a channel that fill much of the band, and noise that is not correlated between channels.
        ``"auto"``: ``"difference"`` times one factor for the correlation between channels, from the differences of
        channels three apart in the tenth of the spectra whose mean is nearest to zero. The best where lines may fill
        the band: within 5 % on a cube where MAD is 2 times too large. Lines narrower than two channels, and noise
        correlated over more than two, are not for it.
        ``"std"``: standard deviation, for channels without lines.
    channels
        Channels without lines: a slice, a range of the spectral coordinate with unit, booleans, or a list of slices
        and ranges. Default: all.
    gain
        Response of the instrument to which noise is inversely proportional, such as a primary beam, of any shape that
        broadcasts to the cube: the noise is s / gain, with s the median over spectra of the deviation of
        data x gain. So one number is estimated from all spectra, and the noise may differ between channels.
    workers
        Number of threads. Default: the CPUs that this process may use.

    Returns
    -------
    noise
        Map with the unit of the cube, NaN where a spectrum has no value; with `gain`, of the shape of the gain
        with the axes of the cube.

    Raises
    ------
    InputError
        An unknown method, no channel, a gain of another shape, or a cube without any value.

    Examples
    --------
    >>> import manyfit, astropy.units as u
    >>> values = np.random.default_rng(0).normal(0, 2, (4000, 2, 3)) * u.K
    >>> manyfit.cube.noise(manyfit.cube.read(values, spectral_axis=np.arange(4000) * u.km / u.s)).round(1)
    <Quantity [[2. , 2. , 2. ],
               [2. , 1.9, 2. ]] K>
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    estimate = METHODS[method]
    chosen = channels_of(cube, channels)
    response = None if gain is None else laid("gain", gain, cube.shape)
    maps = np.full((3 if method == "auto" else 1, *cube.spatial_shape), np.nan)

    def work(part: Part) -> NDArray[np.float64]:
        values = part.values(cube)
        flat = values if response is None else values * part.of(response)
        return by_pieces(flat, estimate, chosen).reshape(-1, *part.block.shape)

    def collect(part: Part, result: NDArray[np.float64]) -> None:
        maps[(slice(None), *part.block.slices)] = result

    each_part(cube, work, collect, workers=workers)
    found = maps[0] if method != "auto" else combined(*maps.reshape(3, -1)).reshape(cube.spatial_shape)
    check_some(found)
    if response is None:
        return found << cube.unit
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nanmedian(found) / np.asarray(response) << cube.unit


def by_pieces(
    values: NDArray[np.floating[Any]], estimate: Estimate, chosen: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """An estimate for each of the spectra of (channels, spectra), so many at a time that they stay in the cache."""
    n = values.shape[1]
    step = max(PIECE // max(len(values), 1), 1)
    pieces = [estimate(spectra(values[:, i : i + step], chosen)) for i in range(0, n, step)]
    return np.concatenate(pieces, axis=-1)


def spectra(values: NDArray[np.floating[Any]], chosen: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Rows (spectra, channels) of values of (channels, spectra): some of the channels, NaN where bad."""
    found = rows(values.T, 1)
    if chosen is not None and not chosen.all():
        found = found[:, chosen]
    found[~np.isfinite(found)] = np.nan
    return found


def check_some(found: NDArray[np.float64]) -> None:
    """Refuse a cube of blanks.

    Raises
    ------
    InputError
        There is no finite value.
    """
    if not np.isfinite(found).any():
        raise InputError("The cube has no finite value: all of it is blank or masked.")


def _std(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of the values of each row about their mean, with n - 1 in the denominator."""
    count = np.count_nonzero(~np.isnan(values), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        centred = values - (np.nansum(values, axis=1) / count)[:, None]
        return np.asarray(np.sqrt(np.nansum(centred**2, axis=1) / (count - 1)))


METHODS: dict[str, Estimate] = {
    "mad": mad_std,
    "difference": difference,
    "std": _std,
    "auto": ingredients,
}
