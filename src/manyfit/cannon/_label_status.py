"""What became of one star: one integer code, one sentence, one remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class LabelStatus(IntEnum):
    """What became of one star. Codes up to `LAST_GOOD` are good fits."""

    CONVERGED = 0
    MAX_ITERATIONS = 1
    SINGULAR = 2
    NO_VALID_PIXELS = 3
    TOO_FEW_PIXELS = 4
    NON_FINITE = 5
    NOT_FITTED = 6


@dataclass(frozen=True)
class LabelStatusText:
    """The words that go with a code: a short name, what happened, what to do about it."""

    name: str
    sentence: str
    remedy: str


LABEL_STATUS_TABLE: dict[LabelStatus, LabelStatusText] = {
    LabelStatus.CONVERGED: LabelStatusText("converged", "The fit converged.", "None needed."),
    LabelStatus.MAX_ITERATIONS: LabelStatusText(
        "max_iterations",
        "The limit on Newton steps was reached before convergence; the labels are the best found.",
        "Raise max_iterations, or look at the spectrum: its labels may be far outside of the training set.",
    ),
    LabelStatus.SINGULAR: LabelStatusText(
        "singular",
        "The pixels of this star do not determine all labels; labels are the best found, errors are NaN.",
        "Use more pixels, fewer labels or fewer nuisance terms.",
    ),
    LabelStatus.NO_VALID_PIXELS: LabelStatusText(
        "no_valid_pixels",
        "No pixel has finite flux, positive finite inverse variance and a trained model.",
        "None: there is nothing to fit. Check the mask and the wavelengths if data were expected.",
    ),
    LabelStatus.TOO_FEW_PIXELS: LabelStatusText(
        "too_few_pixels",
        "There are fewer usable pixels than labels and nuisance terms.",
        "Unmask pixels, or fit fewer labels.",
    ),
    LabelStatus.NON_FINITE: LabelStatusText(
        "non_finite",
        "Sums over the pixels overflowed: flux or inverse variance is far too large.",
        "Divide the flux by its continuum, and check the unit of its errors.",
    ),
    LabelStatus.NOT_FITTED: LabelStatusText(
        "not_fitted",
        "The star was not labelled yet.",
        "Label again into the same store: what is there is kept.",
    ),
}

LAST_GOOD = LabelStatus.CONVERGED
