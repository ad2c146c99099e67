"""Labels of the spectra of many stars at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from manyfit.cannon import CannonModel, LabelTable
from manyfit.spectra import Spectra


def infer_many(model: CannonModel, observed: Sequence[Spectra], n_starts: Sequence[int]) -> list[Any]:
    """The labels of each star, or why there are none.

    Stars on the wavelengths of the model are put together; labels of a star do not depend on its company.
    """
    found: list[Any] = [None] * len(observed)
    for count in sorted(set(n_starts)):
        together = [i for i, s in enumerate(observed) if n_starts[i] == count and _fits(model, s)]
        if together:
            flux = np.concatenate([observed[i].flux for i in together])
            ivar = np.concatenate([observed[i].ivar for i in together])
            labels, start = model.infer(flux, ivar, n_starts=count), 0
            for i in together:
                found[i] = labels.select(slice(start, start + len(observed[i])))
                start += len(observed[i])
    return [_alone(model, s, n) if f is None else f for f, s, n in zip(found, observed, n_starts, strict=True)]


def _fits(model: CannonModel, s: Spectra) -> bool:
    grid = s.wavelength.to_value("Angstrom")
    return grid.shape == model.wavelength.shape and bool(np.allclose(grid, model.wavelength, rtol=1e-6, atol=0))


def _alone(model: CannonModel, s: Spectra, n_starts: int) -> LabelTable | Exception:
    try:
        return model.infer(s.flux, s.ivar, wavelength=s.wavelength.to_value("Angstrom"), n_starts=n_starts)
    except Exception as error:  # noqa: BLE001  one star stops no other
        return error
