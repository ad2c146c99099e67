"""Plain spectra with their errors and coordinates, and sums of Gaussians at these."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spectra:
    """Plain spectra to be decomposed.

    Attributes
    ----------
    values
        (spectra, channels); NaN is masked.
    sigma
        Standard deviations (spectra or 1, channels or 1).
    x
        Coordinates (spectra or 1, channels).
    narrow, wide
        Limits of the standard deviation of a line in channels.
    n_baseline
        Number of coefficients of the polynomial below the lines; 0 for none.
    middle
        Coordinate from which the polynomial measures.
    """

    values: Array
    sigma: Array
    x: Array
    narrow: float
    wide: float
    n_baseline: int = 0
    middle: float = 0.0

    def __len__(self) -> int:
        return len(self.values)

    def take(self, chosen: NDArray[np.intp]) -> Spectra:
        """Some of the spectra; numbers may repeat."""
        sigma = self.sigma[chosen] if len(self.sigma) > 1 else self.sigma
        x = self.x[chosen] if len(self.x) > 1 else self.x
        return replace(self, values=self.values[chosen], sigma=sigma, x=x)

    @property
    def weight(self) -> Array:
        """Inverse variances; 0 where they are no number."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.sigma > 0, 1 / self.sigma**2, 0.0)

    @property
    def step(self) -> Array:
        """Typical width of a channel, (spectra or 1,)."""
        median: Array = np.median(np.abs(np.diff(self.x, axis=1)), axis=1)
        return median

    def model(self, values: Array) -> Array:
        """Lines and polynomial (spectra, channels) of values (spectra, parameters)."""
        return summed(self.x, values, self.n_baseline, self.middle)


def summed(x: Array, values: Array, n_baseline: int, middle: float) -> Array:
    """Sums of Gaussians and a polynomial (spectra, channels).

    Parameters
    ----------
    x
        Coordinates (spectra or 1, channels).
    values
        Parameters (spectra, 3 n + n_baseline): those of the lines, NaN for a line that is not there, and coefficients.
    n_baseline
        Number of coefficients.
    middle
        Coordinate from which the polynomial measures.

    Examples
    --------
    >>> summed(np.array([[0.0, 1.0, 2.0]]), np.array([[np.nan, np.nan, np.nan, 1.0, 0.5]]), 2, 1.0)
    array([[0.5, 1. , 1.5]])
    """
    split = values.shape[1] - n_baseline
    total = gaussians(x, values[:, :split])
    for power in range(n_baseline):
        total += values[:, split + power, None] * (x - middle) ** power
    return total


def gaussians(x: Array, values: Array) -> Array:
    """Sums of Gaussians (spectra, channels) from values (spectra, 3 n); components that are NaN count nothing."""
    total = np.zeros((len(values), x.shape[1]))
    for i in range(values.shape[1] // 3):
        amplitude, mean, width = (values[:, 3 * i + j, None] for j in range(3))
        total += np.nan_to_num(amplitude * np.exp(-0.5 * ((x - mean) / width) ** 2))
    return total
