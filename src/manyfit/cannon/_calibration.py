"""What a cross-validation says about the errors of labels: a factor and a floor for each label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibrated variance of a label: ``(scale * formal error)^2 + floor^2``.

    Attributes
    ----------
    scale
        Factor of each formal error, (L,).
    floor
        Smallest error of each label, in its unit, (L,).

    Examples
    --------
    >>> import numpy as np
    >>> calibration = Calibration(scale=np.array([2.0]), floor=np.array([30.0]))
    >>> calibration.calibrated(np.array([[[400.0]]])).tolist()
    [[[2500.0]]]
    """

    scale: NDArray[np.float64]
    floor: NDArray[np.float64]

    def calibrated(self, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated covariance matrices, (..., L, L), of formal ones."""
        scaled: NDArray[np.float64] = covariance * np.outer(self.scale, self.scale) + np.diag(self.floor**2)
        return scaled
