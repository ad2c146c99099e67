"""Noise that is correlated between neighbouring channels: how much, and what it means for errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.cube._blocks import Part, each_part
from manyfit.cube._channels import channels_of
from manyfit.cube._cube import Cube
from manyfit.cube._noise import spectra
from manyfit.cube._signal import SignalMask
from manyfit.errors import InputError

if TYPE_CHECKING:
    from astropy.units import Quantity


def channel_correlation(
    cube: Cube, *, channels: Any = None, signal: SignalMask | None = None, n_lags: int = 4, workers: int | None = None
) -> NDArray[np.float64]:
    r"""Correlation of the noise between channels 0, 1, 2 ... `n_lags` apart, from all spectra together.

    With x the values of a spectrum without their mean and s² their variance, it is the mean of x_i x_(i+k) / s² over
    all pairs of voxels of all spectra, made 1 at k = 0 and corrected for the mean being that of the same values.

    Parameters
    ----------
    cube
        The cube.
    channels
        Channels without lines, as for `noise`. Default: all.
    signal
        Voxels that are left out.
    n_lags
        How many neighbours.
    workers
        Number of threads. Default: the CPUs that this process may use.

    Returns
    -------
    correlation
        ``n_lags + 1`` numbers, the first of them 1.

    Raises
    ------
    InputError
        Fewer channels than lags, or no noise.

    Examples
    --------
    >>> import manyfit, astropy.units as u
    >>> white = np.random.default_rng(0).normal(size=(400, 20, 20))
    >>> smoothed = (white[:-2] + 2 * white[1:-1] + white[2:]) / 4
    >>> cube = manyfit.cube.read(smoothed * u.K, spectral_axis=np.arange(398) * u.km / u.s)
    >>> manyfit.cube.channel_correlation(cube, n_lags=2).round(1)  # in truth 2/3 and 1/6
    array([1. , 0.7, 0.2])
    """
    if not 0 < n_lags < cube.n_channels:
        raise InputError(f"n_lags is {n_lags}. Give 1 or more, and fewer than the {cube.n_channels} channels.")
    chosen = channels_of(cube, channels)
    sums: dict[int, NDArray[np.float64]] = {}

    def work(part: Part) -> NDArray[np.float64]:
        values = spectra(part.values(cube))
        values[:, ~chosen] = np.nan
        if signal is not None:
            values[signal.labels[part.slices].reshape(cube.n_channels, -1).T != 0] = np.nan
        return _products(values, n_lags)

    def collect(part: Part, result: NDArray[np.float64]) -> None:
        sums[part.block.index] = result

    each_part(cube, work, collect, workers=workers)
    # added in one order, whatever the threads did
    products, pairs, counted = np.sum([sums[index] for index in sorted(sums)], axis=0)
    if not products[0] > 0 or not pairs.all():
        raise InputError("There is no noise to correlate: no spectrum has different values in the channels given.")
    return _without_bias(products / pairs / (products[0] / pairs[0]), pairs[0] / counted[0])


def _without_bias(r: NDArray[np.float64], n: float) -> NDArray[np.float64]:
    """Make up for the mean that was taken from the n values themselves.

    It lowers each correlation r_k by f (1 - r_k) / n to first order, with f = 1 + 2 (r_1 + r_2 + ...) of the true ones.
    """
    f = (1 + 2 * r[1:].sum()) / (1 - 2 * (1 - r[1:]).sum() / n)
    corrected: NDArray[np.float64] = r + (1 - r) * f / n
    return corrected


def _products(values: NDArray[np.float64], n_lags: int) -> NDArray[np.float64]:
    """Sums over all spectra of products of values some channels apart, their number, and the number of spectra."""
    with np.errstate(divide="ignore", invalid="ignore"):
        count = np.count_nonzero(~np.isnan(values), axis=1)[:, None]
        centred = values - np.nansum(values, axis=1, keepdims=True) / count
        centred /= np.sqrt(np.nansum(centred**2, axis=1, keepdims=True) / count)
    good = np.isfinite(centred)
    centred[~good] = 0
    n = values.shape[1]
    apart = [(slice(0, n - k), slice(k, n)) for k in range(n_lags + 1)]
    products = [np.vdot(centred[:, a], centred[:, b]) for a, b in apart]
    pairs = [np.count_nonzero(good[:, a] & good[:, b]) for a, b in apart]
    return np.array([products, pairs, [np.count_nonzero(good.any(axis=1))] * len(pairs)], np.float64)


def effective_noise(noise: Quantity, correlation: ArrayLike) -> Quantity:
    r"""Noise that gives right errors when channels are treated as independent though they are not.

    The variance of a weighted sum over channels is s² sum_ij w_i w_j r_|i-j|, with r the correlation. Where the weights
    change little over the correlated channels, as for a line or moment wider than that, it is
    s² (1 + 2 (r_1 + r_2 + ...)) sum w_i²: that of independent channels with the noise s sqrt(1 + 2 (r_1 + r_2 + ...)).
    Chi-square then is too small by the same factor; only errors are meant to be right.

    Parameters
    ----------
    noise
        Standard deviation per channel.
    correlation
        Correlation between channels 0, 1, 2 ... apart, as from `channel_correlation`; the first number is 1.

    Raises
    ------
    InputError
        The correlation does not begin with 1, or makes the variance negative.

    Examples
    --------
    >>> import astropy.units as u
    >>> effective_noise(0.3 * u.K, [1, 2 / 3, 1 / 6]).round(4)
    <Quantity 0.4899 K>
    """
    r = np.asarray(correlation, np.float64)
    if r.ndim != 1 or len(r) == 0 or not np.isclose(r[0], 1):
        raise InputError(
            f"correlation is {correlation!r}. Give numbers for channels 0, 1, 2 ... apart; the first is 1."
        )
    factor = 1 + 2 * r[1:].sum()
    if not factor > 0:
        raise InputError(f"The correlation {r.round(3).tolist()} makes the variance of a sum negative.")
    return noise * np.sqrt(factor)
