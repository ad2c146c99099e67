"""The status of one position of the sky: one integer code, one sentence, one remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class SkyStatus(IntEnum):
    """What became of one hypothesis. Codes below `NO_COUNTS` have a norm that can be used.

    Examples
    --------
    >>> SkyStatus.UNDER_FLUCTUATION.text.sentence
    'Fewer counts than the background alone gives: the best norm of zero or more is zero.'
    """

    GOOD = 0
    UNDER_FLUCTUATION = 1
    NEGATIVE = 2
    INFINITE = 3
    NO_COUNTS = 4
    NO_EXPOSURE = 5
    NO_BACKGROUND = 6
    NON_FINITE = 7
    MAX_ITERATIONS = 8
    NOT_FITTED = 9

    @property
    def text(self) -> SkyStatusText:
        """Its words: name, sentence, remedy."""
        return TABLE[self]


@dataclass(frozen=True)
class SkyStatusText:
    """The words that go with a code: a short name, what happened, what to do about it."""

    name: str
    sentence: str
    remedy: str


TABLE: dict[SkyStatus, SkyStatusText] = {
    SkyStatus.GOOD: SkyStatusText("good", "The likelihood has its maximum at a positive norm.", "None needed."),
    SkyStatus.UNDER_FLUCTUATION: SkyStatusText(
        "under_fluctuation",
        "Fewer counts than the background alone gives: the best norm of zero or more is zero.",
        "None needed; norm_ul holds. signed=True gives the negative norm.",
    ),
    SkyStatus.NEGATIVE: SkyStatusText(
        "negative",
        "The likelihood has its maximum at a negative norm, as signed=True allows.",
        "None needed; check the scale of the background if there are many.",
    ),
    SkyStatus.INFINITE: SkyStatusText(
        "infinite",
        "Counts lie where the background is exactly zero: no source at all is impossible, TS is infinite.",
        'Use zero_background="floor", or smooth the background.',
    ),
    SkyStatus.NO_COUNTS: SkyStatusText(
        "no_counts",
        "There is no count in any bin: norm and TS are zero, only the upper limit says something.",
        "Check time range, energy channels and axes of the counts if counts were expected.",
    ),
    SkyStatus.NO_EXPOSURE: SkyStatusText(
        "no_exposure",
        "The response expects no counts from here: out of view, hidden by the Earth, or no live time.",
        "None if so; otherwise check orientation, time range and spectrum.",
    ),
    SkyStatus.NO_BACKGROUND: SkyStatusText(
        "no_background",
        "With a free background scale the best fit has no background at all; errors are NaN.",
        "Fix the scale (free_background=False), or use more bins.",
    ),
    SkyStatus.NON_FINITE: SkyStatusText(
        "non_finite",
        "The expected counts are negative, NaN or infinite.",
        "Check response, spectrum and background for such values.",
    ),
    SkyStatus.MAX_ITERATIONS: SkyStatusText(
        "max_iterations",
        "The limit on iterations was reached; the values are the best found.",
        "Please report the data: the iteration is monotone and should not need this many.",
    ),
    SkyStatus.NOT_FITTED: SkyStatusText(
        "not_fitted", "The position was not fitted.", "Run again for the missing positions."
    ),
}

LAST_GOOD = SkyStatus.INFINITE
