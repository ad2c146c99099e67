"""Models that AnniesLasso wrote, the published program of The Cannon: pickles of plain values and arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError

from ._model import CannonModel, TrainingSummary
from ._pickles import read_pickle
from ._scaling import Scaling
from ._train import chips_of
from ._vectorizer import Vectorizer

NEEDED = ("vectorizer", "theta", "s2", "training_set_labels")
OLD_SPREAD = (25.5, 97.5)  # percentiles up to version 0.2.6, by a slip of the pen
SPREAD = (2.5, 97.5)
LAST_OLD = (0, 2, 6)


def read_annies_lasso(path: str | Path, *, wavelength: ArrayLike | None = None) -> CannonModel:
    """A model that AnniesLasso (Casey et al. 2016, arXiv:1603.03040) or an early SDSS Astra wrote; nothing is executed.

    Parameters
    ----------
    path
        The pickle that ``model.write`` made.
    wavelength
        Wavelengths, Å, (P,), for a model that has none.

    Returns
    -------
    CannonModel
        A model without calibration; `CannonModel.save` writes it without pickle.

    Raises
    ------
    InputError
        The file is no such model, it was not trained, or wants to execute something.

    Notes
    -----
    Scales of labels are not in the file; as in AnniesLasso they are the distance of two percentiles of the training
    labels: 2.5 and 97.5, but 25.5 and 97.5 up to version 0.2.6. Terms whose powers are not whole are refused.
    """
    path, state = Path(path), read_pickle(path)
    lacking = [n for n in NEEDED if not isinstance(state, Mapping) or state.get(n) is None]
    if lacking:
        raise InputError(f"{str(path)!r} is no trained model of AnniesLasso: it has no {', '.join(lacking)}.")
    vectorizer = _vectorizer(state["vectorizer"])
    labels = _labels(state["training_set_labels"], vectorizer.label_names)
    theta, s2 = np.array(state["theta"], dtype=float), np.array(state["s2"], dtype=float).ravel()
    grid = _wavelength(wavelength if wavelength is not None else state.get("dispersion"), len(s2))
    if theta.shape != (len(s2), vectorizer.n_terms):
        raise InputError(f"{str(path)!r} has theta of shape {theta.shape}; ({len(s2)}, {vectorizer.n_terms}) is meant.")
    metadata = dict(state.get("metadata") or {})
    s2[~np.isfinite(theta).all(axis=1) | ~(s2 >= 0)] = np.inf
    theta[~np.isfinite(s2)] = 0.0
    scaling = _scaling(labels, str(metadata.get("version", "")))
    return CannonModel(
        wavelength=grid,
        vectorizer=vectorizer,
        scaling=scaling,
        theta=theta,
        s2=s2,
        training=TrainingSummary.of(labels, scaling, vectorizer),
        chips=chips_of(np.isfinite(s2)),
        meta={"made_by": f"AnniesLasso {metadata.get('version', 'of unknown version')}", "n_stars": len(labels)},
    )


def _vectorizer(state: Any) -> Vectorizer:
    """From ``(class, {label_names, terms})`` with terms as lists of (label, power)."""
    try:
        _, description = state
        names = tuple(map(str, description["label_names"]))
        powers = [_powers(term, len(names)) for term in description["terms"]]
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"The vectorizer of the model cannot be understood: {error!r}.") from error
    return Vectorizer(names, ((0,) * len(names), *powers))


def _powers(term: Any, n_labels: int) -> tuple[int, ...]:
    powers = [0] * n_labels
    for label, power in term:
        if int(power) != power:
            raise InputError(f"The model has a label with the power {power}; only whole powers are supported.")
        powers[int(label)] += int(power)
    return tuple(powers)


def _labels(labels: Any, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Training labels (N, L), of which a table with named columns may have more."""
    array = np.asarray(labels)
    if array.dtype.names:
        array = np.stack([array[name] for name in names], axis=-1)
    if array.ndim != 2 or array.shape[1] != len(names) or not np.isfinite(array.astype(float)).all():
        raise InputError(f"training_set_labels has the shape {array.shape}; finite (stars, {len(names)}) is meant.")
    return array.astype(float)


def _wavelength(given: Any, n_pixels: int) -> NDArray[np.float64]:
    if given is None:
        raise InputError("The model has no wavelengths. Give them: read_annies_lasso(path, wavelength=…) in Å.")
    grid = np.array(given, dtype=float).ravel()
    if len(grid) != n_pixels or not np.all(np.diff(grid) > 0):
        raise InputError(f"wavelength has {len(grid)} values for {n_pixels} pixels; give one for each, increasing.")
    return grid


def _scaling(labels: NDArray[np.float64], version: str) -> Scaling:
    numbers = tuple(map(int, re.findall(r"\d+", version)[:3]))
    low, high = np.percentile(labels, OLD_SPREAD if () < numbers <= LAST_OLD else SPREAD, axis=0)
    return Scaling(np.median(labels, axis=0), high - low)
