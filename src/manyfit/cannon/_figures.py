"""The figures of a model and of its validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import unknown_name
from manyfit.plot._figure import new_figure

from ._model import CannonModel
from ._training_set import TrainingSet
from ._validate import Validation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

COLUMNS = 3
WIDTH = 3.6  # inches of a panel
MOST_TERMS = 6  # terms that are drawn
MOST_STARS, MOST_PIXELS = 300, 1200  # rows and columns of a residual map
DATA, LINE, QUIET = "#20528c", "#c8452d", "#8a93a0"
PULL_RANGE = 5.0
NORMAL = np.linspace(-PULL_RANGE, PULL_RANGE, 201)


def one_to_one(validation: Validation) -> Figure:
    """Inferred against known labels of held-out stars, with calibrated errors, and their differences below."""
    names = validation.label_names
    figure = new_figure(WIDTH * len(names), 1.45 * WIDTH)
    axes = np.atleast_2d(figure.subplots(2, len(names), sharex="col", height_ratios=(2.2, 1), squeeze=False))
    errors = validation.error()
    for k, name in enumerate(names):
        used = validation.used[:, k]
        truth, found, error = validation.truth[used, k], validation.table.labels[used, k], errors[used, k]
        _points(axes[0, k], truth, found, error)
        axes[0, k].plot(*[_ends(truth)] * 2, color=LINE, lw=1)
        axes[0, k].set(title=f"{name}: {used.sum():,} stars", ylabel="by the model" if k == 0 else "")
        _points(axes[1, k], truth, found - truth, error)
        axes[1, k].axhline(0, color=LINE, lw=1)
        axes[1, k].set(xlabel=f"{name}, known", ylabel="difference" if k == 0 else "")
        text = f"bias {np.mean(found - truth):.2g}\nscatter {np.std(found - truth):.3g}"
        axes[0, k].text(0.04, 0.96, text, transform=axes[0, k].transAxes, va="top")
    return figure


def pulls(validation: Validation) -> Figure:
    """Histograms of residuals in units of their errors, before and after calibration, beside a normal distribution."""
    names = validation.label_names
    figure = new_figure(WIDTH * len(names), 0.85 * WIDTH)
    axes = np.atleast_1d(figure.subplots(1, len(names), squeeze=False)[0])
    bins = np.linspace(-PULL_RANGE, PULL_RANGE, 41)
    for k, (name, ax) in enumerate(zip(names, axes, strict=True)):
        used = validation.used[:, k]
        inner = np.abs(validation.pulls()[used, k]) <= PULL_RANGE
        for calibrated, colour, what in ((False, QUIET, "formal"), (True, DATA, "calibrated")):
            values = validation.pulls(calibrated=calibrated)[used, k]
            inside = np.clip(values, -PULL_RANGE, PULL_RANGE)
            label = f"{what}: width {np.std(values[inner]):.2f}"
            ax.hist(inside, bins, density=True, histtype="step", color=colour, lw=1.6, label=label)
        ax.plot(NORMAL, np.exp(-0.5 * NORMAL**2) / np.sqrt(2 * np.pi), color=LINE, lw=1, label="normal: width 1")
        ax.set(title=name, xlabel="(inferred − known) / error", yticks=[])
        ax.set_ylim(top=1.75 * ax.get_ylim()[1])
        ax.legend(loc="upper center", fontsize="small", frameon=False)
    return figure


def theta_spectra(model: CannonModel, terms: list[str] | None = None) -> Figure:
    """The coefficients of the first terms, or of those that are named, against wavelength.

    Raises
    ------
    InputError
        The model has no such term.
    """
    names = list(model.vectorizer.names[:MOST_TERMS]) if terms is None else terms
    for name in names:
        if name not in model.vectorizer.names:
            raise unknown_name("term", name, model.vectorizer.names)
    figure = new_figure(COLUMNS * WIDTH, 1.1 * len(names) + 0.5)
    axes = np.atleast_1d(figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0])
    for name, ax in zip(names, axes, strict=True):
        values = np.where(model.usable, model.theta[:, model.vectorizer.names.index(name)], np.nan)
        _spectrum(ax, model, values)
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
        if name != "1":
            ax.axhline(0, color=QUIET, lw=0.6, zorder=0)
    axes[-1].set_xlabel("wavelength (Å)")
    return figure


def scatter_spectrum(model: CannonModel) -> Figure:
    """The scatter of the training stars about the model against wavelength."""
    figure = new_figure(COLUMNS * WIDTH, 2.4)
    ax = figure.add_subplot()
    scatter = np.sqrt(np.where(model.usable, model.s2, np.nan))
    _spectrum(ax, model, scatter)
    rms = float(np.sqrt(np.nanmean(scatter**2)))
    ax.axhline(rms, color=LINE, lw=1, label=f"rms {rms:.4f}")
    ax.set(xlabel="wavelength (Å)", ylabel="scatter of the flux", ylim=(0, 1.1 * np.nanpercentile(scatter, 99.5)))
    ax.legend(loc="upper right", frameon=False)
    return figure


def residual_map(model: CannonModel, stars: TrainingSet, *, by: str | None = None) -> Figure:
    """Residuals of stars from the model at their known labels, in units of their errors with the scatter.

    Rows are stars in the order of a label (the first one by default), columns are pixels; where there are many, those
    beside each other are averaged. Stripes are lines that the model does not explain.

    Raises
    ------
    InputError
        There is no such label.
    """
    known = stars.subset(model.label_names)
    name = known.label_names[0] if by is None else by
    column = known._column(name)
    complete = np.flatnonzero(np.isfinite(known.labels).all(axis=1))
    order = complete[np.argsort(known.labels[complete, column])]
    chosen = order[np.linspace(0, len(order) - 1, min(len(order), MOST_STARS)).astype(int)]
    image, pixels = _binned(_residuals(model, known.select(np.sort(chosen)), np.argsort(np.argsort(chosen))))
    figure = new_figure(COLUMNS * WIDTH, 4.2)
    ax = figure.add_subplot()
    shown = ax.pcolormesh(
        _edges(model.wavelength[pixels]), np.arange(len(image) + 1), image, cmap="RdBu_r", vmin=-3, vmax=3
    )
    at = np.linspace(0, len(chosen) - 1, 5).astype(int)
    ax.set_yticks(at + 0.5, [f"{known.labels[chosen[i], column]:.4g}" for i in at])
    ax.set(xlabel="wavelength (Å)", ylabel=name)
    ax.set_facecolor("0.85")
    figure.colorbar(shown, ax=ax, label="residual / error", pad=0.01)
    return figure


def _residuals(model: CannonModel, stars: TrainingSet, order: NDArray[np.intp]) -> Floats:
    """(data - model) / error of each star, NaN where there are no data; rows in an order."""
    flux, ivar = np.asarray(stars.flux, dtype=float), np.asarray(stars.ivar, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        pull = (flux - model.predict(stars.labels)) / np.sqrt(1.0 / ivar + model.s2)
    pull[~(ivar > 0) | (False if stars.mask is None else np.asarray(stars.mask))] = np.nan
    residuals: Floats = pull[order]
    return residuals


def _binned(image: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Pixels beside each other averaged, and the first pixel of each group."""
    width = -(-image.shape[1] // MOST_PIXELS)
    first = np.arange(0, image.shape[1], width)
    count = np.add.reduceat(np.isfinite(image), first, axis=1)
    total = np.add.reduceat(np.nan_to_num(image, posinf=0, neginf=0), first, axis=1)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean, first


def _edges(centres: Floats) -> Floats:
    middle = 0.5 * (centres[1:] + centres[:-1])
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _spectrum(ax: Axes, model: CannonModel, values: Floats) -> None:
    """One line for each chip, so that gaps stay empty."""
    for first, last in model.chips:
        ax.plot(model.wavelength[first:last], values[first:last], color=DATA, lw=0.6)
    ax.margins(x=0.005)


def _points(ax: Axes, x: Floats, y: Floats, error: Floats) -> None:
    options: dict[str, Any] = {"fmt": ".", "ms": 3, "lw": 0.5, "color": DATA, "ecolor": QUIET, "alpha": 0.7}
    ax.errorbar(x, y, yerr=error, rasterized=True, **options)


def _ends(values: Floats) -> list[float]:
    return [float(np.min(values)), float(np.max(values))]
