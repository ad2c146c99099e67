"""The status of one fitted element: one integer code, one sentence, one remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Status(IntEnum):
    """What became of one element. Codes below `MAX_ITERATIONS` are good fits."""

    CONVERGED = 0
    AT_BOUND = 1
    FALLBACK = 2
    MAX_ITERATIONS = 3
    SINGULAR = 4
    NO_VALID_POINTS = 5
    TOO_FEW_POINTS = 6
    BAD_START = 7
    NON_FINITE = 8
    WORKER_ERROR = 9
    NOT_FITTED = 10
    STALLED = 11


@dataclass(frozen=True)
class StatusText:
    """The words that go with a code: a short name, what happened, what to do about it."""

    name: str
    sentence: str
    remedy: str


TABLE: dict[Status, StatusText] = {
    Status.CONVERGED: StatusText("converged", "The fit converged.", "None needed."),
    Status.AT_BOUND: StatusText(
        "at_bound",
        "The fit converged with at least one parameter on a bound; that parameter has no error.",
        "Widen the bounds if the true value may lie outside of them.",
    ),
    Status.FALLBACK: StatusText(
        "fallback",
        "The fit was made through astropy and SciPy because the model could not be compiled.",
        "None needed; see manyfit.models.explain(model) for what stopped compilation.",
    ),
    Status.MAX_ITERATIONS: StatusText(
        "max_iterations",
        "The limit on iterations was reached before convergence; the values are the best found.",
        "Give better start values or raise max_iterations.",
    ),
    Status.SINGULAR: StatusText(
        "singular",
        "The data do not determine all parameters; values are the best found, errors are NaN.",
        "Fix or tie the parameters that are degenerate, or mask elements without signal.",
    ),
    Status.NO_VALID_POINTS: StatusText(
        "no_valid_points",
        "Every point is masked, NaN, infinite or has no positive finite variance.",
        "None: there is nothing to fit. Check the mask if data were expected.",
    ),
    Status.TOO_FEW_POINTS: StatusText(
        "too_few_points",
        "There are fewer valid points than free parameters.",
        "Fix parameters or unmask points.",
    ),
    Status.BAD_START: StatusText(
        "bad_start",
        "A start value or bound is NaN or infinite, or the bounds are reversed.",
        "Give finite start values with lower <= upper for this element.",
    ),
    Status.NON_FINITE: StatusText(
        "non_finite",
        "The model is not finite at the start values, or for Poisson data not positive where counts are.",
        "Start where the model is finite (and positive for Poisson data), or add bounds.",
    ),
    Status.WORKER_ERROR: StatusText(
        "worker_error",
        "An exception was raised while this element was fitted.",
        "See result.tracebacks.",
    ),
    Status.NOT_FITTED: StatusText(
        "not_fitted",
        "The element was not selected or the run was stopped before it.",
        "Run again for the missing elements.",
    ),
    Status.STALLED: StatusText(
        "stalled",
        "No step lowers the statistic though its slope is not zero: a kink, or the edge of where it is defined.",
        "The values are the best found. Set a bound at the edge, or use a smooth model.",
    ),
}

LAST_GOOD = Status.FALLBACK
