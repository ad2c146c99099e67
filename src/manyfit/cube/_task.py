"""What is to be fitted to which spectra of a cube, and how: a record that can be run, lazily, and again for some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.cube._guess import with_values
from manyfit.fitting._fit import fit

if TYPE_CHECKING:
    from astropy.modeling import Model

    from manyfit.cube._cube import Cube
    from manyfit.fitting._result import FitResult


@dataclass(frozen=True, eq=False)
class Task:
    """A fit of the lines of a cube.

    Attributes
    ----------
    cube
        The data.
    model
        The model; its parameters are numbers or maps of start values.
    select
        Which spectra are fitted, of the spatial shape.
    uncertainty
        Standard deviations, broadcastable to the data; None if errors come from the residuals.
    bounds
        Bounds that differ between spectra, as in `manyfit.fit`.
    options
        Statistic, precision and limits, by the names of the arguments of `manyfit.fit`.
    where
        Scheduler, workers, memory and progress, likewise.
    """

    cube: Cube
    model: Model
    select: NDArray[np.bool]
    uncertainty: Any = None
    bounds: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    where: Mapping[str, Any] = field(default_factory=dict)

    def run(self, *, compute: bool = True, store: str | Path | None = None) -> FitResult:
        """Fit the selected spectra, in memory or into a store."""
        cube = self.cube
        result = fit(
            self.model,
            cube.data,
            fitting_axes=0,
            world=(cube.spectral_axis,),
            uncertainty=self.uncertainty,
            mask=cube.mask,
            data_unit=cube.unit,
            bounds=self.bounds,
            select=self.select,
            compute=compute,
            store=store,
            **self.options,
            **self.where,
        )
        return replace(result, wcs=cube.wcs)

    def of(self, select: NDArray[np.bool], starts: Mapping[str, Any] | None = None) -> Task:
        """The same fit of other spectra, from other start values (maps with units); silent."""
        model = self.model if starts is None else with_values(self.model, starts)
        return replace(self, select=select, model=model, where={**self.where, "progress": None})
