"""A trained model: for each pixel the flux as a polynomial in the labels, and the scatter about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError

from ._calibration import Calibration
from ._scaling import Scaling
from ._vectorizer import Vectorizer

if TYPE_CHECKING:
    from ._flags import FlagLimits
    from ._label_table import LabelTable
    from ._nuisance import Nuisance
    from ._training_set import TrainingSet
    from ._validate import Validation

N_STARTS_KEPT = 32  # labels of training stars that are kept as starts of inference
NO_LEVERAGE = 1e-10  # relative size of eigenvalues of the design's matrix that count as zero


@dataclass(frozen=True, eq=False)
class TrainingSummary:
    """What inference must know of the stars that a model was trained on.

    Attributes
    ----------
    n_stars
        Number of stars.
    mean, covariance
        Mean (L,) and covariance (L, L) of their labels.
    minimum, maximum
        Range of each label, (L,).
    starts
        Labels of stars spread over the training set, (K, L).
    leverage
        Inverse of the design's normal matrix, (T, T): the leverage of a star is ``v leverage v``.
    """

    n_stars: int
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    starts: NDArray[np.float64]
    leverage: NDArray[np.float64]

    @classmethod
    def of(cls, labels: NDArray[np.float64], scaling: Scaling, vectorizer: Vectorizer) -> TrainingSummary:
        """The summary of complete labels (N, L)."""
        scaled = scaling.to_scaled(labels)
        design = vectorizer.design(scaled)
        return cls(
            n_stars=len(labels),
            mean=labels.mean(axis=0),
            covariance=np.atleast_2d(np.cov(labels, rowvar=False)),
            minimum=labels.min(axis=0),
            maximum=labels.max(axis=0),
            starts=labels[spread(scaled, N_STARTS_KEPT)],
            leverage=np.asarray(np.linalg.pinv(design.T @ design, rcond=NO_LEVERAGE, hermitian=True), dtype=float),
        )


@dataclass(frozen=True, eq=False)
class CannonModel:
    """A trained model of The Cannon.

    Attributes
    ----------
    wavelength
        Wavelengths, Å, (P,).
    vectorizer
        The terms of the polynomial.
    scaling
        Fiducial value and scale of each label.
    theta
        Coefficient of each term in each pixel, (P, T).
    s2
        Variance of the stars about the model in each pixel, (P,); infinite where nothing could be learned.
    training
        Summary of the training set.
    chips
        First and last-plus-one pixel of each piece of the spectrum, for statistics by detector.
    calibration
        What a cross-validation says about the errors, or None.
    meta
        How the model was made; values that JSON can hold.
    hidden
        Loadings of hidden labels, (P, H), or None: how the flux changes with what no label tells. Hidden labels have
        mean zero and variance one in the training set.
    """

    wavelength: NDArray[np.float64]
    vectorizer: Vectorizer
    scaling: Scaling
    theta: NDArray[np.float64]
    s2: NDArray[np.float64]
    training: TrainingSummary
    chips: tuple[tuple[int, int], ...]
    calibration: Calibration | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    hidden: NDArray[np.float64] | None = None

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels."""
        return self.vectorizer.label_names

    @property
    def n_hidden(self) -> int:
        """Number of hidden labels, H."""
        return 0 if self.hidden is None else self.hidden.shape[1]

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """Coefficients of the terms of the labels and of the hidden labels, (P, T + H)."""
        return self.theta if self.hidden is None else np.concatenate([self.theta, self.hidden], axis=1)

    @property
    def powers(self) -> tuple[tuple[int, ...], ...]:
        """Powers of labels and hidden labels in each of these terms, T + H tuples of L + H numbers."""
        n_labels, zeros = len(self.label_names), (0,) * self.n_hidden
        alone = np.eye(n_labels + self.n_hidden, dtype=int)[n_labels:].tolist()
        return (*((*term, *zeros) for term in self.vectorizer.powers), *map(tuple, alone))

    @property
    def usable(self) -> NDArray[np.bool_]:
        """The pixels in which something was learned, (P,)."""
        return np.isfinite(self.s2)

    def predict(self, labels: ArrayLike) -> NDArray[np.float64]:
        """Flux of stars with these labels and mean hidden ones, (N, P), NaN in pixels without a model.

        Parameters
        ----------
        labels
            Labels, (N, L) or (L,).
        """
        values = np.atleast_2d(np.asarray(labels, dtype=float))
        if values.shape[-1] != len(self.label_names):
            raise InputError(f"labels has {values.shape[-1]} columns; give one for each of {self.label_names}.")
        flux = self.vectorizer.design(self.scaling.to_scaled(values)) @ self.theta.T
        flux[:, ~self.usable] = np.nan
        return flux

    def infer(
        self,
        flux: ArrayLike,
        ivar: ArrayLike,
        *,
        wavelength: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        n_starts: int = 4,
        second_derivatives: bool = True,
        max_iterations: int = 50,
        nuisance: Nuisance | None = None,
        limits: FlagLimits | None = None,
        scheduler: object = None,
        workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        store: str | Path | None = None,
    ) -> LabelTable:
        """Labels of stars, with errors and flags.

        The pixels of a star are summed once, after which chi-squared is a small form of the labels; Newton's method
        finds its minimum from several starts. Labels of a star depend on nothing but its own spectrum, bit for bit.
        Hidden labels of the model are fitted too, with their standard normal prior. As the flux is linear in them, that
        is the same as to marginalise over them: the noise of the pixels has the covariance ``1 / w + φ φᵀ``.

        Parameters
        ----------
        flux
            Flux divided by its continuum, (N, P) or (P,), on the wavelengths of the model. Arrays that are mapped to
            a file are read block by block.
        ivar
            Its inverse variance. Pixels where it is not positive and finite, or where the flux is not finite, are left
            out.
        wavelength
            Wavelengths of the flux, (P,), to be checked against those of the model.
        mask
            True for pixels that must not be used, (N, P).
        n_starts
            From how many stars of the training set, those that fit best, the minimum is looked for.
        second_derivatives
            False for Gauss-Newton steps, which converge slowly for stars that fit badly.
        max_iterations
            Most steps of each run.
        nuisance
            What is fitted besides the labels.
        limits
            Where flags begin.
        scheduler, workers
            Where blocks of stars are fitted, as in `manyfit.fit`; default: threads. Workers of a dask cluster read
            their own blocks of arrays that are mapped to a file or of zarr; those in memory are sent to them.
        progress
            Called as ``progress(done, total)`` in stars.
        store
            Folder or URL to which labels are written block by block. The same call again goes on where an earlier one
            ended, whatever ended it. Default: labels are in memory.

        Returns
        -------
        LabelTable
            Stars that could not be fitted have a status and NaN. With `store` its arrays are dask arrays that read the
            store: see `LabelTable.open`.

        Raises
        ------
        InputError
            For arrays of another shape or other wavelengths than the model's, or a store of other labels; the text
            says what differs.
        OutputExists
            `store` is there and is none.

        Examples
        --------
        >>> import numpy as np
        >>> from manyfit import cannon
        >>> rng = np.random.default_rng(1)
        >>> labels = rng.uniform(-1, 1, (60, 2))
        >>> flux = 1 + labels @ rng.normal(0, 0.1, (2, 30)) + rng.normal(0, 1e-3, (60, 30))
        >>> stars = cannon.TrainingSet(np.arange(30.0), flux, np.full((60, 30), 1e6), labels, ("A", "B"))
        >>> table = cannon.train(stars, order=1).infer(flux[:2], np.full((2, 30), 1e6))
        >>> bool(np.all(np.abs(table["A"] - labels[:2, 0]) < 5 * table.error("A"))), table.status.tolist()
        (True, [0, 0])
        """
        from ._infer import infer

        return infer(
            self,
            flux,
            ivar,
            wavelength=wavelength,
            mask=mask,
            n_starts=n_starts,
            second_derivatives=second_derivatives,
            max_iterations=max_iterations,
            nuisance=nuisance,
            limits=limits,
            scheduler=scheduler,
            workers=workers,
            progress=progress,
            store=store,
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model, with its calibration, as npz or FITS with a JSON header; never as a pickle.

        Parameters
        ----------
        path
            Where to write it; ``.npz`` or ``.fits`` chooses the format.
        overwrite
            Whether a file may be there already.

        Raises
        ------
        OutputExists
            There is a file and `overwrite` is not set.
        InputError
            The suffix is another one.
        OSError
            The folder cannot be written, or the disk is full.
        """
        from ._save import save

        save(self, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path) -> CannonModel:
        """Read a model that `save` wrote; nothing in the file is executed.

        Raises
        ------
        InputError
            The file is damaged, of something else, or of another version of the format.
        """
        from ._load import load

        return load(path)

    def validate(
        self,
        training_set: TrainingSet,
        *,
        n_folds: int = 5,
        seed: int = 0,
        scheduler: object = None,
        workers: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Validation:
        """Cross-validate on the training set with the settings of this model: see `manyfit.cannon.validate`.

        Parameters
        ----------
        training_set
            The stars that the model was trained on.
        n_folds, seed
            Number of parts, and the seed that makes them.
        scheduler, workers, progress
            As in `infer`.

        Raises
        ------
        InputError
            The model does not tell how it was trained.
        """
        from ._validate import validate_again

        return validate_again(
            self, training_set, n_folds=n_folds, seed=seed, scheduler=scheduler, workers=workers, progress=progress
        )

    def calibrated(self, validation: Validation) -> CannonModel:
        """The same model with errors calibrated by a validation; `infer` and `save` use them.

        Raises
        ------
        InputError
            The validation is of other labels.
        """
        if validation.label_names != self.label_names:
            raise InputError(f"The validation is of {validation.label_names}, and the model of {self.label_names}.")
        return replace(self, calibration=validation.calibration)


def spread(scaled: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Indices of stars that are far from each other: the one nearest to the middle, then always the farthest.

    >>> spread(np.array([[0.0], [0.1], [3.0], [-2.0]]), 3).tolist()
    [0, 2, 3]
    """
    chosen = [int(np.argmin(np.sum(scaled**2, axis=1)))]
    distance = np.sum((scaled - scaled[chosen[0]]) ** 2, axis=1)
    while len(chosen) < min(count, len(scaled)) and distance.max() > 0:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.sum((scaled - scaled[chosen[-1]]) ** 2, axis=1))
    return np.array(chosen)
