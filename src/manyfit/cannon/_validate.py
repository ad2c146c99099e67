"""Label stars by models that were trained without them, and calibrate the errors by what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import InputError

from ._calibration import Calibration
from ._flags import LabelFlag
from ._label_table import LabelTable
from ._model import CannonModel
from ._train import train
from ._training_set import TrainingSet

if TYPE_CHECKING:
    from astropy.table import Table

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ENOUGH = 10  # stars that a calibration needs
OUTLIER = 5.0  # pulls beyond this are not of a normal distribution: such stars are named, and do not count
ROUNDS = 20
POOR = int(LabelFlag.POOR_FIT | LabelFlag.POOR_CHIP)
ROBUST = 1.4826  # median absolute deviation to standard deviation


@dataclass(frozen=True, eq=False)
class Validation:
    """Labels of stars by models that did not know them, beside the known labels.

    Attributes
    ----------
    table
        Inferred labels with formal errors, of all N stars.
    truth, truth_error
        Known labels, NaN where one is missing, and their errors, zero where there are none, each (N, L).
    fold
        Which model labelled the star, (N,).
    calibration
        Scale and floor that make pulls have a width of one.
    ids
        Names of the stars, (N,), or None.
    """

    table: LabelTable
    truth: Floats
    truth_error: Floats
    fold: NDArray[np.int64]
    calibration: Calibration
    ids: NDArray[Any] | None = None

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels."""
        return self.table.label_names

    @property
    def residual(self) -> Floats:
        """Inferred minus known labels, (N, L)."""
        residual: Floats = self.table.labels - self.truth
        return residual

    @property
    def used(self) -> Bools:
        """What counts: known labels of stars whose fit converged and is not poor, (N, L)."""
        return usable(self.table, self.truth)

    def error(self, *, calibrated: bool = True) -> Floats:
        """Standard deviations of the inferred labels, (N, L)."""
        formal = self.table.formal_covariance
        covariance = self.calibration.calibrated(formal) if calibrated else formal
        errors: Floats = np.sqrt(np.einsum("nii->ni", covariance))
        return errors

    def pulls(self, *, calibrated: bool = True) -> Floats:
        """Residuals in units of the errors of inferred and known labels together, (N, L)."""
        pulls: Floats = self.residual / np.hypot(self.error(calibrated=calibrated), self.truth_error)
        return pulls

    def summary(self) -> Table:
        """A row for each label: bias, scatter, pull widths before and after calibration, scale and floor.

        Widths are of pulls up to 5; ``outliers`` is the number of those beyond.
        ``scatter_robust`` is 1.4826 times the median absolute deviation, which outliers do not change.
        """
        from astropy.table import Table

        rows = [self._row(column) for column in range(len(self.label_names))]
        return Table({name: [row[name] for row in rows] for name in rows[0]})

    def to_table(self) -> Table:
        """A row for each star: known and inferred labels, errors, pulls, status and flags."""
        from astropy.table import Table

        columns: dict[str, Any] = {} if self.ids is None else {"id": self.ids}
        errors, formal, pulls = self.error(), self.error(calibrated=False), self.pulls()
        for k, name in enumerate(self.label_names):
            columns |= {f"{name}_TRUE": self.truth[:, k], name: self.table.labels[:, k], f"{name}_ERR": errors[:, k]}
            columns |= {f"{name}_ERR_FORMAL": formal[:, k], f"{name}_PULL": pulls[:, k]}
        table = self.table
        rest = {"chi2": table.chi2, "dof": table.dof, "status": table.status, "flags": table.flags, "fold": self.fold}
        return Table(columns | rest)

    def _row(self, column: int) -> dict[str, Any]:
        used = self.used[:, column]
        inside = used & (np.abs(self.pulls()[:, column]) <= OUTLIER)
        residual = self.residual[used, column]
        before, after = (self.pulls(calibrated=c)[inside, column] for c in (False, True))
        return {
            "label": self.label_names[column],
            "stars": int(np.count_nonzero(used)),
            "bias": float(np.mean(residual)),
            "scatter": float(np.std(residual)),
            "scatter_robust": float(ROBUST * np.median(np.abs(residual - np.median(residual)))),
            "pull_before": float(np.std(before)),
            "pull_after": float(np.std(after)),
            "outliers": int(np.count_nonzero(used & ~inside)),
            "error_scale": float(self.calibration.scale[column]),
            "error_floor": float(self.calibration.floor[column]),
        }


def validate(
    training_set: TrainingSet,
    fit: Callable[[TrainingSet], CannonModel] = train,
    *,
    n_folds: int = 5,
    seed: int = 0,
    scheduler: object = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Validation:
    r"""Cross-validate: label each part of the stars by a model that is trained on the others; calibrate the errors.

    Formal errors hold only the noise, and are several times too small where the model is wrong in many pixels at once.
    The calibrated variance of a label is :math:`a^2 \sigma^2 + b^2`; scale :math:`a \ge 1` and floor :math:`b` have the
    largest likelihood for the residuals of the held-out stars, with the errors of the known labels added. Stars off by
    more than five calibrated errors do not count: one of them would double the errors of all.

    Parameters
    ----------
    training_set
        Stars with known labels. Missing ones do not count.
    fit
        What trains a model, such as ``functools.partial(cannon.train, order=3)``. Default: `train` as it is.
    n_folds
        Number of parts.
    seed
        Of the random parts.
    scheduler, workers
        Of the inference: see `CannonModel.infer`.
    progress
        Called as ``progress(done, total)`` in stars.

    Returns
    -------
    Validation
        Use its calibration by ``model.calibrated(validation)``.

    Raises
    ------
    InputError
        For fewer than two parts, fewer stars than parts, or a label that is known of too few stars.

    Examples
    --------
    >>> import numpy as np
    >>> from manyfit import cannon
    >>> rng = np.random.default_rng(1)
    >>> labels = rng.uniform(-1, 1, (60, 1))
    >>> flux = 1 + 0.1 * labels + rng.normal(0, 0.01, (60, 20))
    >>> stars = cannon.TrainingSet(np.arange(20.0), flux, np.full((60, 20), 1e4), labels, ("A",))
    >>> cannon.validate(stars).summary()["stars"].tolist()
    [60]
    """
    if not 2 <= n_folds <= training_set.n_stars:
        raise InputError(
            f"n_folds is {n_folds} for {training_set.n_stars} stars; give 2 or more, and not more than stars."
        )
    fold = np.random.default_rng(seed).permutation(training_set.n_stars) % n_folds
    parts = []
    for number in range(n_folds):
        held_out = fold == number
        model = fit(training_set.select(~held_out))
        stars = training_set.select(held_out)
        parts.append(model.infer(stars.flux, stars.ivar, mask=stars.mask, scheduler=scheduler, workers=workers))
        if progress is not None:
            progress(int(np.count_nonzero(fold <= number)), training_set.n_stars)
    order = np.argsort(np.argsort(fold, kind="stable"))  # back to the order of the stars
    table = LabelTable.concatenate(parts).select(order)
    known = training_set.subset(table.label_names)
    truth, truth_error = known.labels, _errors(known)
    calibration = calibrate(table, truth, truth_error)
    return Validation(table, truth, truth_error, fold, calibration, training_set.ids)


def validate_again(
    model: CannonModel,
    training_set: TrainingSet,
    *,
    n_folds: int,
    seed: int,
    scheduler: object,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> Validation:
    """Cross-validate with the settings that a model was trained with: what `CannonModel.validate` does."""
    meta = model.meta
    if meta.get("regularization") is None or meta.get("censored", True):
        raise InputError(
            "The model does not tell how it was trained, or had censors or a regularization for each pixel. Say how: "
            "cannon.validate(training_set, functools.partial(cannon.train, ...)), then model.calibrated(validation)."
        )
    fit = partial(
        train,
        labels=model.label_names,
        terms=model.vectorizer.names[1:],
        regularization=meta["regularization"],
        scatter=meta["scatter"],
        reweight=meta["reweight"],
        hidden=model.n_hidden,
    )
    return validate(
        training_set, fit, n_folds=n_folds, seed=seed, scheduler=scheduler, workers=workers, progress=progress
    )


def usable(table: LabelTable, truth: Floats) -> Bools:
    """Where a label is known, and the fit converged and is not poor, (N, L)."""
    formal = np.einsum("nii->ni", table.formal_covariance)
    good = table.good & ((table.flags & POOR) == 0)
    return np.asarray(good[:, None] & np.isfinite(truth) & np.isfinite(table.labels) & (formal > 0))


def calibrate(table: LabelTable, truth: Floats, truth_error: Floats) -> Calibration:
    """Scale and floor of each label by the largest likelihood of the residuals.

    Raises
    ------
    InputError
        A label is known of too few well-fitted stars.
    """
    used, residual = usable(table, truth), table.labels - truth
    formal = np.sqrt(np.einsum("nii->ni", table.formal_covariance))
    found = []
    for column, name in enumerate(table.label_names):
        stars = used[:, column]
        if np.count_nonzero(stars) < ENOUGH:
            raise InputError(
                f"Only {np.count_nonzero(stars)} held-out stars have {name!r} and a good fit; {ENOUGH} are needed."
            )
        found.append(without_outliers(residual[stars, column], formal[stars, column], truth_error[stars, column]))
    scale, floor = np.array(found).T
    return Calibration(scale, floor)


def without_outliers(residual: Floats, formal: Floats, known: Floats) -> tuple[float, float]:
    """The likeliest scale and floor of the residuals that are within `OUTLIER` of the errors by them."""
    kept = np.ones(len(residual), dtype=bool)
    for _ in range(ROUNDS):
        scale, floor = scale_and_floor(residual[kept], formal[kept], known[kept])
        inside = np.abs(residual) <= OUTLIER * np.sqrt((scale * formal) ** 2 + floor**2 + known**2)
        if np.array_equal(inside, kept) or np.count_nonzero(inside) < ENOUGH:
            break
        kept = inside
    return scale, floor


def scale_and_floor(residual: Floats, formal: Floats, known: Floats) -> tuple[float, float]:
    """The likeliest scale (one or more) and floor of normal residuals with variance ``(a formal)^2 + b^2 + known^2``.

    >>> rng = np.random.default_rng(1)
    >>> formal = rng.uniform(1, 5, 5000)
    >>> scale, floor = scale_and_floor(rng.normal(size=5000) * np.hypot(2 * formal, 3), formal, np.zeros(5000))
    >>> round(scale, 1), round(floor, 0)
    (2.0, 3.0)
    """
    from scipy.optimize import minimize

    unit = float(np.sqrt(np.mean(residual**2))) or float(np.median(formal))
    x2, f2, k2 = (residual / unit) ** 2, (formal / unit) ** 2, (known / unit) ** 2

    def cost(p: Floats) -> tuple[float, Floats]:
        variance = p[0] * f2 + p[1] + k2
        slope = (1.0 - x2 / variance) / variance
        return float(np.sum(np.log(variance) + x2 / variance)), np.array([np.sum(slope * f2), np.sum(slope)])

    typical = float(np.median(f2))
    starts = [(max(0.5 / typical, 1.0), 0.5), (max(1.0 / typical, 1.0), 0.0), (1.0, 1.0)]
    runs = [minimize(cost, start, jac=True, method="L-BFGS-B", bounds=[(1.0, None), (0.0, None)]) for start in starts]
    best = min(runs, key=lambda run: float(run.fun)).x
    return float(np.sqrt(best[0])), unit * float(np.sqrt(best[1]))


def _errors(stars: TrainingSet) -> Floats:
    if stars.label_errors is None:
        return np.zeros(stars.labels.shape)
    return np.nan_to_num(stars.label_errors, nan=0.0, posinf=0.0)
