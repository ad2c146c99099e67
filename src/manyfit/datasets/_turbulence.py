"""Random fields that look like the smooth, clumpy structure of turbulent gas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def turbulence(shape: tuple[int, int], rng: np.random.Generator, *, index: float = 3.0) -> NDArray[np.float64]:
    """A Gaussian random field of mean 0 and standard deviation 1 with power spectrum |k|^-index.

    Parameters
    ----------
    shape
        Pixels (y, x).
    rng
        Source of random numbers; one normal deviate is drawn per pixel.
    index
        Slope of the power spectrum: the larger, the smoother. Maps of molecular clouds show about 3
        (Stutzki et al. 1998, A&A 336, 697).

    Returns
    -------
    field
        Array of the given shape; zero everywhere if there is but one pixel.

    Examples
    --------
    >>> field = turbulence((64, 64), np.random.default_rng(0))
    >>> round(abs(float(field.mean())), 9), round(float(field.std()), 9)
    (0.0, 1.0)
    """
    white = np.fft.rfft2(rng.standard_normal(shape))
    wavenumber = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])
    wavenumber[0, 0] = np.inf  # the mean is zero
    field: NDArray[np.float64] = np.fft.irfft2(white * wavenumber ** (-index / 2), s=shape)
    deviation = field.std()
    return np.asarray(field / deviation) if deviation > 0 else field
