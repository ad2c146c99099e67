"""A continuum that is a running quantile of the flux."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError
from manyfit.spectra._continuum import Continuum, ContinuumStatus
from manyfit.spectra._linear_continuum import checked_inputs
from manyfit.spectra._regions import split
from manyfit.spectra._spectra import Floats

NODES_PER_WIDTH = 4


def quantile_continuum(
    wavelength: u.Quantity | ArrayLike,
    flux: ArrayLike,
    ivar: ArrayLike,
    *,
    width: float = 50.0,
    quantile: float = 0.9,
    regions: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    min_points: int = 10,
    fill: float = np.nan,
) -> Continuum:
    r"""Running quantile of the usable flux in a window around each wavelength.

    The quantile is taken at four places per width and joined by straight lines. It needs no continuum pixels and
    follows any shape, but it is biased: for pure noise of σ, the quantile q lies Φ⁻¹(q) σ above the mean. The bias
    varies with the signal-to-noise ratio, so don't mix it with another method in one training set. Its error is free
    of any model: half the distance of the order statistics at :math:`n q \pm \sqrt{n q (1 - q)}`.

    Parameters
    ----------
    wavelength
        Wavelengths (P,), a Quantity, or numbers in Å.
    flux, ivar
        Arrays (N, P). Pixels where either is not finite or the inverse variance is not positive are left out.
    width
        Width of the window in Å.
    quantile
        Between 0 and 1; 0.5 for the median.
    regions
        Pairs of first and last wavelength in Å; a window does not reach into another region. None for one region.
    mask
        True where a pixel is left out, (N, P) or (P,).
    min_points
        Windows with fewer usable pixels are left out; their continuum is interpolated.
    fill
        The continuum outside of all regions: NaN makes pixels there unusable.

    Returns
    -------
    continuum
        Values and variance (N, P) and status; NaN in a region with no window of enough pixels.

    Raises
    ------
    InputError
        Shapes that do not fit, or a quantile outside of 0 to 1.

    Examples
    --------
    >>> x = np.linspace(5000, 6000, 1001)
    >>> c = quantile_continuum(x, 2 + 0 * x, 1 + 0 * x)
    >>> c.values[0, ::500]
    array([2., 2., 2.])
    """
    if not (0 < quantile < 1 and width > 0 and min_points >= 1):
        raise InputError(f"quantile={quantile}, width={width}, min_points={min_points}: 0 < quantile < 1, others > 0.")
    inputs = checked_inputs(wavelength, flux, ivar, mask)
    parts = split(inputs.wavelength, regions, np.ones(inputs.wavelength.size, bool))
    shape = inputs.flux.shape
    values, variance = np.full(shape, fill), np.full(shape, 0.0 * fill)
    status = np.zeros((shape[0], len(parts)), np.int8)
    n_points = np.zeros(status.shape, np.int64)
    flux, weight = inputs.clean(slice(None))
    for r, region in enumerate(parts):
        x, used = inputs.wavelength[region.model], weight[:, region.model] > 0
        if not x.size:
            status[:, r] = ContinuumStatus.OUTSIDE
            continue
        nodes = _nodes(x, width)
        at_nodes = [_window(x, flux[:, region.model], used, node, width, quantile) for node in nodes]
        level, error, count = (np.stack(each, axis=1) for each in zip(*at_nodes, strict=True))
        usable = count >= min_points
        values[:, region.model] = _join(x, nodes, level, usable)
        variance[:, region.model] = _join(x, nodes, error, usable) ** 2
        n_points[:, r] = used.sum(axis=1)
        status[:, r] = _status(n_points[:, r], usable, values[:, region.model])
    return Continuum(values, variance, status, n_points)


def _nodes(x: Floats, width: float) -> Floats:
    n = max(2, int(np.ceil((x[-1] - x[0]) / width * NODES_PER_WIDTH)) + 1)
    return np.linspace(x[0], x[-1], n)


def _window(
    x: Floats, flux: Floats, used: NDArray[np.bool_], node: float, width: float, quantile: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Quantile, its error and the number of usable pixels of each spectrum in one window."""
    window = slice(*np.searchsorted(x, (node - width / 2, node + width / 2), side="left"))
    inside = used[:, window]
    n = inside.sum(axis=1)
    # the unusable pixels are sorted to the end
    ranked = np.sort(np.where(inside, flux[:, window], np.inf), axis=1)
    if not ranked.shape[1]:
        return np.full(n.shape, np.nan), np.full(n.shape, np.nan), n
    half = np.sqrt(n * quantile * (1 - quantile))
    rank = quantile * (n - 1)
    error = (_at_rank(ranked, rank + half, n) - _at_rank(ranked, rank - half, n)) / 2
    return _at_rank(ranked, rank, n), error, n


def _at_rank(ranked: Floats, rank: Floats, n: NDArray[np.int64]) -> Floats:
    """Values at a fractional rank, by straight lines between the ranks."""
    last = np.maximum(n - 1, 0)
    rank = np.clip(rank, 0, last)
    low = np.floor(rank).astype(np.intp)
    high = np.minimum(low + 1, last)
    below, above = (np.take_along_axis(ranked, i[:, None], axis=1)[:, 0] for i in (low, high))
    with np.errstate(invalid="ignore"):
        return np.where(n > 0, below + (rank - low) * (above - below), np.nan)


def _join(x: Floats, nodes: Floats, values: Floats, usable: NDArray[np.bool_]) -> Floats:
    rows = [
        np.interp(x, nodes[good], row[good]) if good.any() else np.full(x.size, np.nan)
        for row, good in zip(values, usable, strict=True)
    ]
    return np.stack(rows)


def _status(n_points: NDArray[np.int64], usable: NDArray[np.bool_], values: Floats) -> NDArray[np.int8]:
    conditions = [n_points == 0, ~usable.any(axis=1), ~(values > 0).all(axis=1)]
    codes = [ContinuumStatus.NO_PIXELS, ContinuumStatus.TOO_FEW_PIXELS, ContinuumStatus.NOT_POSITIVE]
    return np.select(conditions, codes, ContinuumStatus.FITTED).astype(np.int8)
