"""A report of a model and its validation: one HTML page with everything in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from manyfit.fitting._atomic import check_output, replacing
from manyfit.plot import KeyFigures, Listing, Notes, Picture, Section, Table, Words, png, report_page

from . import _figures
from ._flags import FLAG_SENTENCES
from ._label_status import LABEL_STATUS_TABLE, LabelStatus
from ._label_table import LabelTable
from ._model import CannonModel
from ._training_set import TrainingSet
from ._validate import Validation

CAPTIONS = {
    "one_to_one": "Each star was labelled by a model that was trained without it. Bars are calibrated errors.",
    "pulls": "With right errors the histogram is as wide as the normal distribution. Outer bins hold what is beyond.",
    "theta": "How the flux of each pixel depends on the labels (scaled: a change by the width of the training set).",
    "scatter": "How much training stars differ from the model beyond their noise, in units of the continuum.",
    "residuals": "Stars in the order of a label. Stripes are lines that labels do not explain; grey is without data.",
}
#: Pull widths outside of these are remarked on; 0.9 to 1.1 for one whose pulls are normal.
LOW, HIGH = 0.8, 1.2
MOST_FLAGGED = 20


def write_report(
    model: CannonModel,
    path: str | Path,
    *,
    validation: Validation | None = None,
    training_set: TrainingSet | None = None,
    labels: LabelTable | None = None,
    title: str = "The Cannon",
    options: str = "",
    overwrite: bool = False,
) -> None:
    """Write a report as one HTML page that needs no other file.

    Parameters
    ----------
    model
        The model.
    path
        Where to write the page.
    validation
        Its cross-validation: one-to-one figure, pulls, errors before and after calibration, flagged stars.
    training_set
        Its training set: for the map of residuals.
    labels
        Labels of stars: how many have which status and flags.
    title
        Title of the page.
    options
        With which options all was made.
    overwrite
        Whether a file may be there already.

    Raises
    ------
    OutputExists
        There is a file and `overwrite` is not set.
    OSError
        The folder cannot be written, or the disk is full.
    """
    path = Path(path)
    check_output(path, overwrite=overwrite)
    drawn = draw(model, validation, training_set)
    page = report_text(model, drawn, validation=validation, labels=labels, title=title, options=options)
    with replacing(path, overwrite=overwrite) as file:
        file.write(page.encode())


def draw(
    model: CannonModel, validation: Validation | None = None, training_set: TrainingSet | None = None
) -> dict[str, bytes]:
    """All figures of a report by name, as PNG files."""
    figures = {"theta": _figures.theta_spectra(model), "scatter": _figures.scatter_spectrum(model)}
    if validation is not None:
        figures |= {"one_to_one": _figures.one_to_one(validation), "pulls": _figures.pulls(validation)}
    if training_set is not None:
        figures["residuals"] = _figures.residual_map(model, training_set)
    return {name: png(figure) for name, figure in figures.items()}


def report_text(
    model: CannonModel,
    drawn: Mapping[str, bytes],
    *,
    validation: Validation | None = None,
    labels: LabelTable | None = None,
    title: str = "The Cannon",
    options: str = "",
) -> str:
    """The page of a report, from its figures."""
    from manyfit import __version__

    sections = [_summary(model, validation, options)]
    sections += [] if validation is None else list(_validation(validation, drawn))
    sections += [] if labels is None else [_labels(labels)]
    sections += [Section("Model", (_model_table(model), *_pictures(("theta", "scatter", "residuals"), drawn)))]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    subtitle = f"{', '.join(model.label_names)} from {int(model.usable.sum()):,} pixels, {_first_last(model)} Å"
    return report_page(title, sections, subtitle=subtitle, footer=f"Written by manyfit {__version__}, {when}.")


def remarks(validation: Validation) -> list[str]:
    """What in a validation asks for a second look."""
    found = []
    for row in validation.summary():
        if row["outliers"]:
            are = "star is" if row["outliers"] == 1 else "stars are"
            found.append(f"{row['label']}: {row['outliers']} {are} off by more than five errors: see the list below.")
        if abs(row["bias"]) > 5 * row["scatter"] / np.sqrt(row["stars"]):
            found.append(f"{row['label']}: labels are off by {row['bias']:.3g} on average.")
        if not LOW < row["pull_after"] < HIGH:
            found.append(f"{row['label']}: the width of the pulls is {row['pull_after']:.2f} after calibration.")
    return found


def _summary(model: CannonModel, validation: Validation | None, options: str) -> Section:
    pairs = [(f"{model.training.n_stars:,}", "training stars"), (f"{model.vectorizer.n_terms}", "terms")]
    pairs += [(f"{float(np.sqrt(np.mean(model.s2[model.usable]))):.4f}", "scatter of the flux (rms)")]
    if validation is not None:
        pairs += [(f"{row['scatter']:.3g}", f"scatter of {row['label']}, held out") for row in validation.summary()]
    notes = [] if validation is None else remarks(validation)
    calibrated = "Errors of inferred labels are calibrated." if model.calibration is not None else NOT_CALIBRATED
    parts: list[Any] = [KeyFigures(tuple(pairs)), Notes((calibrated, *notes))]
    return Section("Summary", (*parts, *((Listing(options),) if options else ())))


NOT_CALIBRATED = (
    "Errors of inferred labels are formal ones, of noise and scatter alone, and may be several times too small: "
    "validate the model."
)


def _validation(validation: Validation, drawn: Mapping[str, bytes]) -> Iterator[Section]:
    summary = validation.summary()
    names = [name for name in summary.colnames if name not in {"label", "stars", "outliers"}]
    rows = [(r["label"], f"{r['stars']:,}", f"{r['outliers']:,}", *(f"{r[n]:.3g}" for n in names)) for r in summary]
    head = ("label", "stars", "outliers", *(name.replace("_", " ") for name in names))
    words = "Calibrated variance: (error scale × formal error)² + (error floor)². Pull: residual in units of the error."
    yield Section("Validation", (Words(words), Table(head, rows), *_pictures(("one_to_one", "pulls"), drawn)))
    flagged = list(_worst(validation))
    if flagged:
        head = ("star", *validation.label_names, "largest pull", "chi2 / dof", "status and flags")
        yield Section("Stars to look at", (Table(head, flagged, f"The {len(flagged)} with the largest pulls above 3"),))


def _worst(validation: Validation) -> Iterator[tuple[str, ...]]:
    table, pulls = validation.table, np.abs(np.nan_to_num(validation.pulls(), nan=0.0))
    worst = pulls.max(axis=1)
    for star in np.argsort(-worst, kind="stable")[:MOST_FLAGGED]:
        if worst[star] > 3:
            name = str(star if validation.ids is None else validation.ids[star])
            labels = (f"{value:.4g}" for value in table.labels[star])
            what = ", ".join((LABEL_STATUS_TABLE[LabelStatus(table.status[star])].name, *_flags(table.flags[star])))
            yield name, *labels, f"{worst[star]:.1f}", f"{table.reduced_chi2[star]:.2f}", what


def _flags(bits: int) -> list[str]:
    return [str(bit.name).lower().replace("_", " ") for bit in FLAG_SENTENCES if bits & int(bit)]


def _labels(labels: LabelTable) -> Section:
    codes, counts = np.unique(labels.status, return_counts=True)
    texts = [LABEL_STATUS_TABLE[LabelStatus(code)] for code in codes]
    rows = [(t.name, f"{n:,}", f"{t.sentence} {t.remedy}") for t, n in zip(texts, counts, strict=True)]
    flags = [
        (str(bit.name).lower().replace("_", " "), f"{np.count_nonzero(labels.flags & int(bit)):,}", sentence)
        for bit, sentence in FLAG_SENTENCES.items()
    ]
    return Section("Labels", (Table(("status", "stars", "what"), rows), Table(("flag", "stars", "what"), flags)))


def _model_table(model: CannonModel) -> Table:
    training = model.training
    rows = [
        (
            name,
            *(f"{v:.4g}" for v in (training.minimum[k], training.mean[k], training.maximum[k], model.scaling.scale[k])),
        )
        for k, name in enumerate(model.label_names)
    ]
    return Table(("label", "minimum", "mean", "maximum", "scale"), rows, f"Terms: {', '.join(model.vectorizer.names)}")


def _pictures(names: tuple[str, ...], drawn: Mapping[str, bytes]) -> list[Picture]:
    return [Picture(drawn[name], name.replace("_", " "), CAPTIONS[name]) for name in names if name in drawn]


def _first_last(model: CannonModel) -> str:
    used = model.wavelength[model.usable]
    return f"{used[0]:.1f} to {used[-1]:.1f}"
