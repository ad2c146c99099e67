"""Noise, mask and moments as a tutorial makes them with spectral-cube and dask-image: the oracle of the tests."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u
from astropy.wcs import WCS
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Answer:
    """What the tutorial finds."""

    noise: u.Quantity
    mask: NDArray[np.bool_]
    labels: NDArray[np.int64]
    n_found: int
    moments: dict[str, u.Quantity]


def tutorial(data: NDArray[Any], wcs: WCS, *, min_voxels: int = 40, min_bright: int = 5, grow: int = 1) -> Answer:
    """The steps of the tutorial; growth does not go around the edge, and blank voxels hold no signal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dask_image import ndmeasure
        from scipy import ndimage
        from spectral_cube import SpectralCube

        cube = SpectralCube(data.astype(np.float64) * u.K, wcs, use_dask=True).with_spectral_unit(u.km / u.s)
        noise = cube.mad_std(axis=0)
        low, high = (cube > 3 * noise).include(), (cube > 6 * noise).include()
        found, n = ndmeasure.label(low, structure=np.ones((3, 3, 3), bool))
        found, n, low, high = found.compute(), int(n.compute()), low.compute(), high.compute()
        bright = ndimage.sum_labels(high, found, range(1, n + 1))
        size = ndimage.sum_labels(low, found, range(1, n + 1))
        kept = np.concatenate([[False], (bright > min_bright) & (size > min_voxels)])[found]
        grown = kept.copy()
        for step in range(1, grow + 1):
            grown[step:] |= kept[:-step]
            grown[:-step] |= kept[step:]
        mask = grown & np.isfinite(data)
        masked = cube.with_mask(mask)
        labels = ndimage.label(kept, structure=np.ones((3, 3, 3), bool))[0]
        moments = {
            "moment0": masked.moment0(),
            "moment1": masked.moment1(),
            "moment2": masked.moment2(),
            "linewidth": masked.linewidth_sigma(),
            "peak": masked.max(axis=0),
        }
    peak, total = moments["peak"], moments["moment0"]
    moments["equivalent_width"] = u.Quantity(total) / (np.sqrt(2 * np.pi) * u.Quantity(peak))
    return Answer(u.Quantity(noise), mask, labels, n, {name: u.Quantity(m) for name, m in moments.items()})
