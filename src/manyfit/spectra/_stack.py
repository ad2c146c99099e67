"""Visits of a star added with the weights of their errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from manyfit.errors import InputError, unknown_name
from manyfit.spectra._spectra import Spectra


def stack(spectra: Spectra, *, by: str | None = None) -> Spectra:
    r"""Add spectra on one grid with inverse-variance weights.

    .. math:: f = \frac{\sum_i w_i f_i}{\sum_i w_i}, \qquad w = \sum_i w_i

    This is the mean of smallest variance if the errors of the rows are independent and right. Weights that come from
    the noisy flux itself bias it low by about one photon: normalise the visits first where that matters.

    Parameters
    ----------
    spectra
        Visits, in one frame (that of rest, unless the velocity does not matter). Pixels with inverse variance 0 are
        left out, each by itself.
    by
        Column of ``spectra.rows``: rows with the same value are one star. None to add all rows.

    Returns
    -------
    spectra
        One row of the kind ``"coadd"`` for each star, in the order of their first visits, with the number of rows in
        the column `n_visits`. A pixel has the bits of all rows that contribute to it; of all rows if none does, and
        then it is NaN with inverse variance 0.

    Raises
    ------
    InputError
        There are coadds among the rows: they hold the photons of the visits already.

    Examples
    --------
    >>> from astropy import units as u
    >>> s = Spectra([1, 2] * u.um, [[1, 1], [4, np.nan]], [[1, 1], [2, 2]])
    >>> stack(s).flux, stack(s).ivar
    (array([[3., 1.]]), array([[3., 1.]]))
    """
    if not len(spectra):
        raise InputError("There are no spectra to stack.")
    _refuse_coadds(spectra)
    group, first = _groups(spectra, by)
    n = len(first)
    weight, total = np.zeros((n, spectra.wavelength.size)), np.zeros((n, spectra.wavelength.size))
    for row, i in enumerate(group):
        usable = spectra.ivar[row] > 0
        weight[i] += spectra.ivar[row]
        total[i] += np.where(usable, spectra.flux[row] * spectra.ivar[row], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        flux = np.where(weight > 0, total / weight, np.nan)
    return replace(
        spectra, flux=flux, ivar=weight, bitmask=_bits(spectra, group, weight > 0), rows=_rows(spectra, group, first)
    )


def _refuse_coadds(spectra: Spectra) -> None:
    n_coadds = int(np.sum(np.asarray(spectra.rows["kind"]) == "coadd"))
    if n_coadds and len(spectra) > 1:
        raise InputError(
            f"{n_coadds} of {len(spectra)} rows are coadds, which hold the photons of the visits already. "
            "Give spectra.visits, or take spectra.coadd as it is."
        )


def _groups(spectra: Spectra, by: str | None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The group of each row, and the first row of each group."""
    if by is None:
        return np.zeros(len(spectra), np.intp), np.zeros(1, np.intp)
    if by not in spectra.rows.colnames:
        raise unknown_name("column", by, spectra.rows.colnames)
    _, first, group = np.unique(np.asarray(spectra.rows[by]), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return rank[group], first[order]


def _bits(spectra: Spectra, group: NDArray[np.intp], reached: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    if spectra.bitmask is None:
        return None
    bits = np.zeros(reached.shape, np.int64)
    for row, i in enumerate(group):
        contributes = (spectra.ivar[row] > 0) | ~reached[i]
        bits[i] |= np.where(contributes, spectra.bitmask[row], 0)
    return bits


def _rows(spectra: Spectra, group: NDArray[np.intp], first: NDArray[np.intp]) -> Table:
    rows = spectra.rows[first].copy()
    counts = np.bincount(group)
    rows["kind"] = np.full(len(rows), "coadd")
    if "mjd" in rows.colnames:
        rows["mjd"] = np.bincount(group, np.asarray(spectra.rows["mjd"], float)) / counts
    if "snr" in rows.colnames:
        rows["snr"] = np.sqrt(np.bincount(group, np.asarray(spectra.rows["snr"], float) ** 2))
    if "weighting" in rows.colnames:
        rows["weighting"] = np.full(len(rows), "ivar")
    rows["n_visits"] = counts
    return rows
