"""Labels brought to the order of one, so that their polynomials are well conditioned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.errors import InputError

SPREAD = (2.5, 97.5)  # percentiles whose distance is the scale of a label


@dataclass(frozen=True, eq=False)
class Scaling:
    """Fiducial value and scale of each label: ``x = (label - fiducial) / scale``.

    Attributes
    ----------
    fiducial
        Median of the training labels, (L,).
    scale
        Distance of their 2.5 and 97.5 percentiles, (L,).

    Examples
    --------
    >>> scaling = Scaling.of([[4000.0], [4500.0], [5000.0]])
    >>> scaling.to_scaled([[4500.0]]).tolist(), scaling.to_labels([[0.0]]).tolist()
    ([[0.0]], [[4500.0]])
    """

    fiducial: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of(cls, labels: ArrayLike) -> Scaling:
        """The scaling of training labels (N, L); labels that are not finite are missing and left out.

        Raises
        ------
        InputError
            For a label without two different finite values.
        """
        values = np.array(labels, dtype=float)
        values[~np.isfinite(values)] = np.nan
        if not np.isfinite(values).any(axis=0).all():
            raise InputError("A label has no finite value in the training set; leave it out with labels=.")
        low, high = np.nanpercentile(values, SPREAD, axis=0)
        if not np.all(high > low):
            column = int(np.argmin(high - low))
            raise InputError(f"Label number {column} has the same value for all stars; leave it out with labels=.")
        return cls(np.nanmedian(values, axis=0), high - low)

    def to_scaled(self, labels: ArrayLike) -> NDArray[np.float64]:
        """Scaled labels of labels, (..., L)."""
        scaled: NDArray[np.float64] = (np.asarray(labels, dtype=float) - self.fiducial) / self.scale
        return scaled

    def to_labels(self, scaled: ArrayLike) -> NDArray[np.float64]:
        """Labels of scaled labels, (..., L)."""
        labels: NDArray[np.float64] = np.asarray(scaled, dtype=float) * self.scale + self.fiducial
        return labels
