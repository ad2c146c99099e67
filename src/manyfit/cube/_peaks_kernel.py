"""The best place for one more Gaussian in a residual: a matched filter at several widths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.kernels._jit import compiled

Array = NDArray[np.float64]


@compiled
def best_peaks(residual: Array, weight: Array, widths: Array, found: Array) -> None:
    """Find in each residual the Gaussian that lowers chi2 most.

    Parameters
    ----------
    residual
        (elements, channels); what is not finite counts nothing.
    weight
        (elements or 1, channels or 1) inverse variances.
    widths
        (widths,) standard deviations in channels, rising.
    found
        (elements, 4) gets amplitude, channel, width and how many standard deviations the amplitude is; the last is 0
        and the others are NaN where there is no positive peak.
    """
    elements, channels = residual.shape
    values = np.empty(channels)
    weights = np.empty(channels)
    reach = int(np.ceil(4.0 * widths[-1]))
    bells = np.empty((len(widths), 2 * reach + 1))
    for k in range(len(widths)):
        for i in range(2 * reach + 1):
            bells[k, i] = np.exp(-0.5 * ((i - reach) / widths[k]) ** 2)
    for e in range(elements):
        we = e if len(weight) > 1 else 0
        for c in range(channels):
            w = weight[we, c if weight.shape[1] > 1 else 0]
            r = residual[e, c]
            good = np.isfinite(r) and np.isfinite(w) and w > 0.0
            weights[c] = w if good else 0.0
            values[c] = w * r if good else 0.0
        found[e, 0] = np.nan
        found[e, 1] = np.nan
        found[e, 2] = np.nan
        found[e, 3] = 0.0
        for k in range(len(widths)):
            span = int(np.ceil(4.0 * widths[k]))
            for c in range(channels):
                low = max(0, c - span)
                high = min(channels, c + span + 1)
                signal = 0.0
                norm = 0.0
                shift = reach - c
                for i in range(low, high):
                    bell = bells[k, i + shift]
                    signal += values[i] * bell
                    norm += weights[i] * bell * bell
                if norm > 0.0 and signal > 0.0 and signal * signal > found[e, 3] * found[e, 3] * norm:
                    found[e, 0] = signal / norm
                    found[e, 1] = c
                    found[e, 2] = widths[k]
                    found[e, 3] = signal / np.sqrt(norm)
