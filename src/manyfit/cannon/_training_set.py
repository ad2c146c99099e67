"""Stars with known labels, from which a model is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError, unknown_name

Spectra2D = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Normalised spectra of N stars on one grid of P wavelengths, and L labels of each.

    Pixels where the flux is not finite, or where the inverse variance is not positive and finite, are left out. Labels
    that are not finite are missing. `flux`, `ivar` and `mask` are read by slices only, so they may be memory maps.

    Attributes
    ----------
    wavelength
        Wavelengths, Å, rest frame, (P,); increasing.
    flux
        Flux divided by its continuum, (N, P), float32 or float64.
    ivar
        Its inverse variance, (N, P).
    labels
        Labels, (N, L); NaN where one is missing.
    label_names
        Names of the labels.
    label_errors
        Standard deviations of the labels, (N, L), or None for labels without errors. NaN counts as 0.
    mask
        True for pixels that must not be used, (N, P), or None.
    ids
        Names of the stars, (N,), or None.

    Raises
    ------
    InputError
        For shapes that do not belong together, or wavelengths that do not increase.

    Examples
    --------
    >>> import numpy as np
    >>> stars = TrainingSet(
    ...     wavelength=np.array([15100.0, 15101.0]), flux=np.ones((3, 2)), ivar=np.full((3, 2), 1e4),
    ...     labels=np.array([[4500.0, 2.0], [4700.0, 2.5], [4900.0, np.nan]]), label_names=("TEFF", "LOGG"),
    ... )
    >>> stars.n_stars, stars.subset(["LOGG"]).labels[:2].tolist()
    (3, [[2.0], [2.5]])
    """

    wavelength: NDArray[np.float64]
    flux: Spectra2D
    ivar: Spectra2D
    labels: NDArray[np.float64]
    label_names: tuple[str, ...]
    label_errors: NDArray[np.float64] | None = None
    mask: NDArray[np.bool_] | None = None
    ids: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "wavelength", np.asarray(self.wavelength, dtype=float))
        object.__setattr__(self, "labels", np.asarray(self.labels, dtype=float))
        object.__setattr__(self, "label_names", tuple(map(str, self.label_names)))
        if self.label_errors is not None:
            object.__setattr__(self, "label_errors", np.asarray(self.label_errors, dtype=float))
        _check(self)

    @property
    def n_stars(self) -> int:
        """Number of stars, N."""
        return int(self.flux.shape[0])

    @property
    def n_pixels(self) -> int:
        """Number of wavelengths, P."""
        return len(self.wavelength)

    def subset(self, labels: Sequence[str]) -> TrainingSet:
        """The same stars with some of the labels, in the order given."""
        columns = [self._column(name) for name in labels]
        errors = None if self.label_errors is None else self.label_errors[:, columns]
        return replace(self, labels=self.labels[:, columns], label_names=tuple(labels), label_errors=errors)

    def select(self, stars: Any) -> TrainingSet:
        """Some of the stars, by a slice, indices or a boolean array."""
        given = (n for n in ("flux", "ivar", "labels", "label_errors", "mask", "ids") if getattr(self, n) is not None)
        rows: dict[str, Any] = {name: getattr(self, name)[stars] for name in given}
        return replace(self, **rows)

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        labels: Sequence[str] | None = None,
        wavelength: ArrayLike | None = None,
        label_names: Sequence[str] | None = None,
    ) -> TrainingSet:
        """Read a training set from npz, FITS, Parquet or a pickled dictionary; nothing in a pickle is executed.

        Arrays go by their names: `wavelength` (P,), `flux` (N, P), `ivar` (N, P) or `flux_err`, `labels` (N, L) or
        (L, N), `label_names`, and optionally `label_errors`, `mask` and `ids`. In FITS they are images; in FITS tables
        and Parquet, with a row for each star, other columns of floats are labels, and ``TEFF_ERR`` the error of
        ``TEFF``. Arrays of npz that are not compressed, and images of FITS, stay in the file until they are needed.

        Parameters
        ----------
        path
            The file.
        labels
            Which labels, in which order. Default: all.
        wavelength, label_names
            For a file that has none.

        Raises
        ------
        InputError
            The file is damaged or of another kind, an array is missing, a label is not known, or a pickle wants to
            execute something.

        Warns
        -----
        ManyfitWarning
            If `ivar` seems to hold standard deviations.
        """
        from ._read_training_set import read_training_set

        return read_training_set(path, labels=labels, wavelength=wavelength, label_names=label_names)

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the training set as npz, which `read` gives back.

        Parameters
        ----------
        path
            Where to write it, ``.npz``.
        overwrite
            Whether a file may be there already.

        Raises
        ------
        OutputExists
            There is a file and `overwrite` is not set.
        """
        from ._read_training_set import write_training_set

        write_training_set(self, path, overwrite=overwrite)

    def _column(self, name: str) -> int:
        if name not in self.label_names:
            raise unknown_name("label", name, self.label_names)
        return self.label_names.index(name)


def _check(stars: TrainingSet) -> None:
    """That all arrays belong together."""
    n_stars, n_labels, n_pixels = len(stars.flux), len(stars.label_names), len(stars.wavelength)
    wanted: dict[str, tuple[int, ...]] = {
        "flux": (n_stars, n_pixels),
        "ivar": (n_stars, n_pixels),
        "labels": (n_stars, n_labels),
    }
    wanted |= {"label_errors": (n_stars, n_labels), "mask": (n_stars, n_pixels), "ids": (n_stars,)}
    for name, shape in wanted.items():
        array = getattr(stars, name)
        if array is not None and tuple(array.shape) != shape:
            raise InputError(
                f"{name} has the shape {tuple(array.shape)}; {n_stars} stars, {n_pixels} wavelengths and {n_labels} "
                f"label names need {shape}."
            )
    if len(set(stars.label_names)) < n_labels:
        raise InputError(f"A label is there twice: {stars.label_names}. Give each its own name.")
    if not np.all(np.diff(stars.wavelength) > 0):
        raise InputError("wavelength must increase from pixel to pixel; sort the pixels and leave out double ones.")
