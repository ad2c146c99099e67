"""Read a training set: what kind of file it is, and the arrays that each kind gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit._foreign import foreign, quiet
from manyfit.errors import InputError, ManyfitWarning

from ._training_set import TrainingSet

#: First bytes of a file, and the module that reads it.
KINDS = {b"PK": "_training_npz", b"SIMPLE": "_training_fits", b"PAR1": "_training_parquet", b"\x80": "_training_pickle"}
PICKLED = (".pkl", ".pickle")  # pickles of protocol 0 have no first bytes
NAMES = {
    "wavelength": ("wavelength", "wave", "lambda", "dispersion"),
    "flux": ("flux",),
    "ivar": ("ivar",),
    "sigma": ("flux_err", "flux_error", "sigma", "uncertainty"),
    "labels": ("labels",),
    "label_names": ("label_names",),
    "label_errors": ("label_errors", "label_errs"),
    "mask": ("mask",),
    "ids": ("ids", "id", "star", "object", "sdss_id", "apogee_id"),
}
LOOKED_AT = 200  # stars whose signal-to-noise ratio is looked at
Arrays = Mapping[str, Any]


def read_training_set(
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    wavelength: ArrayLike | None = None,
    label_names: Sequence[str] | None = None,
) -> TrainingSet:
    """Read stars with known labels: what `TrainingSet.read` does."""
    path = Path(path)
    reader: Callable[[Path], Arrays] = import_module(f"manyfit.cannon.{kind_of(path)}").read
    with quiet, foreign(path):
        given = dict(known(reader(path)))
        given |= {} if wavelength is None else {"wavelength": wavelength}
        given |= {} if label_names is None else {"label_names": tuple(label_names)}
        stars = training_set_of(given, str(path))
    warn_of_errors_as_ivar(stars, str(path))
    return stars if labels is None else stars.subset(labels)


def kind_of(path: Path) -> str:
    """The module that reads a file."""
    with path.open("rb") as file:
        start = file.read(6)
    for magic, module in KINDS.items():
        if start.startswith(magic):
            return module
    if path.suffix in PICKLED:
        return "_training_pickle"
    raise InputError(
        f"{str(path)!r} is of no known kind (it begins with {start!r}). Training sets are npz, FITS, Parquet, or a "
        "pickled dictionary of arrays."
    )


def known(arrays: Arrays) -> dict[str, Any]:
    """The arrays by our names for them, whatever case and synonym the file has."""
    lower = {name.lower(): array for name, array in arrays.items()}
    return {
        name: lower[next(s for s in synonyms if s in lower)]
        for name, synonyms in NAMES.items()
        if any(s in lower for s in synonyms)
    }


def training_set_of(arrays: Arrays, source: str) -> TrainingSet:
    """A training set of arrays with our names.

    Raises
    ------
    InputError
        An array is missing, or arrays do not belong together.
    """
    for name in ("wavelength", "flux", "labels", "label_names"):
        if name not in arrays:
            hint = f" Give it: {name}=…" if name in {"wavelength", "label_names"} else ""
            raise InputError(f"{source!r} has no {name!r}; it has {', '.join(map(repr, arrays)) or 'nothing'}.{hint}")
    names = tuple(map(text, np.ravel(arrays["label_names"]) if not isinstance(arrays["label_names"], str) else ()))
    flux = two_axes("flux", arrays["flux"], source)
    errors = arrays.get("label_errors")
    try:
        return TrainingSet(
            wavelength=np.ravel(np.asarray(arrays["wavelength"], dtype=float)),
            flux=flux,
            ivar=_ivar(arrays, source),
            labels=oriented(arrays["labels"], len(flux), len(names)),
            label_names=names,
            label_errors=None if errors is None else oriented(errors, len(flux), len(names)),
            mask=None if arrays.get("mask") is None else _mask(arrays["mask"]),
            ids=None if arrays.get("ids") is None else np.array(list(map(text, np.ravel(arrays["ids"])))),
        )
    except InputError as error:
        raise InputError(f"{source!r}: {error}") from error


def text(value: Any) -> str:
    """A name as text.

    >>> text(b"TEFF "), text("LOGG")
    ('TEFF', 'LOGG')
    """
    return (value.decode("latin1") if isinstance(value, bytes) else str(value)).strip()


def oriented(labels: Any, n_stars: int, n_labels: int) -> NDArray[np.float64]:
    """Labels as (N, L), which some files have as (L, N).

    >>> oriented([[1, 2, 3], [4, 5, 6]], 3, 2).tolist()
    [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    """
    array = np.asarray(labels, dtype=float)
    return array.T if array.shape == (n_labels, n_stars) and n_labels != n_stars else array


def two_axes(name: str, array: Any, source: str) -> Any:
    """An array with a row for each star, which may be mapped to a file."""
    given = array if isinstance(array, np.ndarray) else np.asarray(array)
    if given.ndim != 2 or given.dtype.kind not in "fiu":
        raise InputError(
            f"{source!r} has {name} of shape {given.shape} and type {given.dtype}; (stars, pixels) is meant."
        )
    return given


def _ivar(arrays: Arrays, source: str) -> Any:
    """The inverse variance, or that of standard deviations; 0 where these cannot be used."""
    if "ivar" in arrays:
        return two_axes("ivar", arrays["ivar"], source)
    if "sigma" not in arrays:
        raise InputError(f"{source!r} has no 'ivar' and no 'flux_err'; it has {', '.join(map(repr, arrays))}.")
    sigma = two_axes("flux_err", arrays["sigma"], source)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where((sigma > 0) & np.isfinite(sigma), 1.0 / np.square(sigma), 0.0)


def _mask(mask: Any) -> Any:
    given = mask if isinstance(mask, np.ndarray) else np.asarray(mask)
    return given if given.dtype == bool else given != 0


def warn_of_errors_as_ivar(stars: TrainingSet, source: str) -> None:
    """Warn if the inverse variance seems to hold standard deviations: no star would have a pixel with S/N of one."""
    step = max(stars.n_stars // LOOKED_AT, 1)
    flux, ivar = np.asarray(stars.flux[::step], dtype=float), np.asarray(stars.ivar[::step], dtype=float)
    with np.errstate(invalid="ignore", over="ignore"):
        snr = np.abs(flux) * np.sqrt(ivar)
    snr = snr[np.isfinite(snr) & (snr > 0)]
    if snr.size and (typical := float(np.median(snr))) < 1:
        warnings.warn(
            f"The median signal-to-noise ratio of a pixel in {source!r} is {typical:.2g}: does ivar hold standard "
            "deviations? It should hold 1 / sigma^2.",
            ManyfitWarning,
            stacklevel=4,
        )


def write_training_set(stars: TrainingSet, path: str | Path, *, overwrite: bool = False) -> None:
    """Write stars as npz, without compression so that it can be mapped: what `TrainingSet.write` does."""
    from manyfit.fitting._atomic import replacing

    path = Path(path)
    if path.suffix != ".npz":
        raise InputError(f"A training set is written as .npz; {path.name!r} has another suffix.")
    given = {name: getattr(stars, name) for name in ("label_errors", "mask", "ids") if getattr(stars, name) is not None}
    with replacing(path, overwrite=overwrite) as file:
        np.savez(
            file,
            wavelength=stars.wavelength,
            flux=stars.flux,
            ivar=stars.ivar,
            labels=stars.labels,
            label_names=np.array(stars.label_names),
            **given,
        )
