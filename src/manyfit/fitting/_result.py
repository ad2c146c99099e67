"""The result of a fit: maps of parameters with errors, units and WCS, and what became of each element."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.errors import InputError, unknown_name
from manyfit.kernels import Options, Solution
from manyfit.kernels._status import LAST_GOOD

from ._parameters import Parameters
from ._strip import UnitSystem, dressed
from ._template import UnknownModel, known, shown

if TYPE_CHECKING:
    from astropy.modeling import Model
    from astropy.table import QTable
    from matplotlib.axes import Axes as MatplotlibAxes
    from xarray import Dataset

    from ..blocks import BlockStore
    from ._problem import Problem
    from ._summary import Summary


@dataclass(frozen=True, eq=False, repr=False)
class Maps(Mapping[str, Any]):
    """A map for each parameter, computed when it is asked for.

    Attributes
    ----------
    names
        The parameters.
    of
        Gives the map of one.
    """

    names: tuple[str, ...]
    of: Callable[[str], Any]

    def __getitem__(self, name: str) -> Any:
        """The map of one parameter."""
        if name not in self.names:
            raise unknown_name("Parameter", name, self.names)
        return self.of(name)

    def __iter__(self) -> Iterator[str]:
        """Names of the parameters."""
        return iter(self.names)

    def __len__(self) -> int:
        """Number of parameters."""
        return len(self.names)


@dataclass(frozen=True, eq=False, repr=False)
class FitResult(Mapping[str, Any]):
    """Maps of fitted parameters.

    ``result["mean"]`` is the map of a parameter, a Quantity if the fit had units, of the iterating shape: that of the
    data without the fitting axes. With ``compute=False`` all maps are dask arrays in the units of ``result.units``.

    Attributes
    ----------
    parameters
        The numbers behind the maps.
    template
        The model that was fitted, without units; what it was called, for one that a file could not hold.
    system
        Units of coordinates, data and parameters.
    options
        Statistic, precision and limits of the fit.
    wcs
        WCS of the maps (APE 14), or None.
    seconds
        Time that the fit took, or None.
    problem
        The data, for `evaluate`, `residual` and spectra; None for a result read from a file.
    tracebacks
        Text of exceptions raised in a model, by flat index of the element.
    store
        The store that maps are read from, or None.
    kept
        What a store has in the shape of the data, as dask arrays: ``"model"``, ``"residual"``.

    Examples
    --------
    >>> import numpy as np, manyfit
    >>> from astropy.modeling.models import Linear1D
    >>> data = 2.0 * np.arange(5)[:, None] + np.array([0.0, 1.0, 2.0])
    >>> result = manyfit.fit(Linear1D(), data, fitting_axes=0)
    >>> result["intercept"].round(6).tolist(), result["slope"].round(6).tolist()
    ([0.0, 1.0, 2.0], [2.0, 2.0, 2.0])
    """

    parameters: Parameters
    template: Model | UnknownModel
    system: UnitSystem
    options: Options
    wcs: Any = None
    seconds: float | None = None
    problem: Problem | None = None
    tracebacks: Mapping[int, str] = field(default_factory=dict)
    store: BlockStore | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)

    # -- maps --------------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, in the order of the model."""
        return self.parameters.columns.names

    @property
    def shape(self) -> tuple[int, ...]:
        """The iterating shape: that of every map."""
        return self.parameters.shape

    @property
    def units(self) -> dict[str, Any]:
        """Unit of each parameter, None for plain numbers."""
        return self.system.parameters if self.system.attached else dict.fromkeys(self.names)

    def __getitem__(self, name: str) -> Any:
        """The map of one parameter; NaN where there is no fit."""
        if name not in self.names:
            raise unknown_name("Parameter", name, self.names)
        return with_unit(self.parameters.value(name), self.units[name])

    def __iter__(self) -> Iterator[str]:
        """Names of the parameters."""
        return iter(self.names)

    def __len__(self) -> int:
        """Number of parameters."""
        return len(self.names)

    @property
    def error(self) -> Maps:
        """Standard deviations, ``result.error["mean"]``: 0 if fixed, NaN if on a bound or undetermined.

        They are absolute where uncertainties were given or counts were fitted. If not, the variance of the data is
        taken from the residuals, ``statistic / dof``.
        """
        return Maps(self.names, lambda name: with_unit(self.parameters.error(name), self.units[name]))

    @property
    def covariance(self) -> Any:
        """Covariance matrices of the free parameters, (..., free, free), in products of their units."""
        return self.parameters.covariance

    @property
    def statistic(self) -> Any:
        """Value of the statistic at the minimum."""
        return self.parameters.solution.statistic

    @property
    def dof(self) -> Any:
        """Degrees of freedom: valid points minus free parameters."""
        return self.parameters.dof

    @property
    def n_points(self) -> Any:
        """Number of valid points."""
        return self.parameters.solution.n_points

    @property
    def n_iter(self) -> Any:
        """Number of evaluations of the model."""
        return self.parameters.solution.n_iter

    @property
    def status(self) -> Any:
        """Codes of `manyfit.Status`: what became of each element."""
        return self.parameters.solution.status

    @property
    def good(self) -> Any:
        """Where the fit converged."""
        return self.status <= LAST_GOOD

    @property
    def model(self) -> Model:
        """The model with array parameters, as astropy's ``parallel_fit_dask`` returns it."""
        values = {name: np.asarray(self.parameters.value(name)) for name in self.names}
        return dressed(known(self.template), values, self.system)

    # -- lazy results ------------------------------------------------------------------------------------------------

    @property
    def is_lazy(self) -> bool:
        """Whether maps are dask arrays: of a fit that has not been computed yet, or of a store."""
        return not isinstance(self.status, np.ndarray)

    def compute(self) -> FitResult:
        """The same result in memory; itself if it is."""
        if not self.is_lazy:
            return self
        from dask.base import compute

        names, parameters = [f.name for f in fields(Solution)], self.parameters
        lazy = [getattr(parameters.solution, name) for name in names], dict(parameters.stored)
        arrays, stored = compute(*lazy)
        solution = Solution(**dict(zip(names, arrays, strict=True)))
        return replace(self, parameters=replace(parameters, solution=solution, stored=stored))

    # -- the data ----------------------------------------------------------------------------------------------------

    def evaluate(self, *coordinates: Any) -> Any:
        """Values of the fitted models at the points of the data, in the shape of the data.

        Of a lazy result this is a dask array. A store that keeps the model is read, without the data.

        Parameters
        ----------
        *coordinates
            Coordinates of other points, one array for each input of the model, with units if the fit had any: the
            result then has the iterating axes first.

        Raises
        ------
        InputError
            For a result read from a file, if no coordinates are given.
        """
        from ._evaluate import at_coordinates, at_data

        values = at_coordinates(self, coordinates) if coordinates else at_data(self)
        return with_unit(values, self.system.data if self.system.attached else None)

    def residual(self) -> Any:
        """Data minus fitted model, in the shape of the data; NaN where data are masked or there is no fit.

        Of a lazy result this is a dask array. A store that keeps it is read, without the data.
        """
        from ._evaluate import residual

        return with_unit(residual(self), self.system.data if self.system.attached else None)

    # -- looking and writing -----------------------------------------------------------------------------------------

    def summary(self) -> Summary:
        """How many elements converged, what failed and why, typical errors; as text, and as HTML in a notebook."""
        from ._summary import summary

        return summary(self)

    def __repr__(self) -> str:
        """A line with the model and the shape of the maps."""
        place = "not computed" if self.store is None else f"in {self.store.objects.place!r}"
        state = place if self.is_lazy else f"{np.count_nonzero(self.good)} of {self.status.size} good"
        return f"<FitResult of {shown(self.template)}, maps {self.shape}, {state}>"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def plot(self, name: str, *, ax: MatplotlibAxes | None = None) -> MatplotlibAxes:
        """Draw the map of a parameter, ``"error:NAME"``, ``"statistic"``, ``"reduced"`` (/ dof) or ``"status"``."""
        from ._pictures import plot

        return plot(self, name, ax=ax)

    def plot_spectrum(self, index: int | tuple[int, ...]) -> Any:
        """Draw data, fit and residual of one element; a figure."""
        from ._pictures import plot_spectrum

        return plot_spectrum(self, index)

    def to_fits(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a FITS file with one image for each parameter and its error, and status, statistic and counts.

        Raises
        ------
        OutputExists
            If the file exists and `overwrite` is not set.
        """
        from ._fits_write import write

        write(self, Path(path), overwrite=overwrite)

    @classmethod
    def read(cls, path: str | Path, *, model: Model | None = None) -> FitResult:
        """Read a file written by `to_fits`; every number of every map is as it was.

        Parameters
        ----------
        path
            The file.
        model
            The model that was fitted. It is needed to evaluate one that is not in `astropy.modeling.models`, and to
            have the ties of one with ties: a file holds no code.

        Raises
        ------
        InputError
            The file was not written by `to_fits`, is damaged, or of another model.
        """
        from ._fits_read import read

        return read(Path(path), model)

    @classmethod
    def open(cls, store: str | Path, *, model: Model | None = None) -> FitResult:
        """Open a store written by ``manyfit.fit(..., store=...)``; its maps are read when they are asked for.

        Elements that are not fitted yet are NaN and have the status ``NOT_FITTED``.

        Parameters
        ----------
        store
            Path, or URL that fsspec knows.
        model
            The model that was fitted. It is needed to evaluate one that is not in `astropy.modeling.models`.

        Raises
        ------
        FileNotFoundError
            There is no such store.
        InputError
            It is something else, is damaged, or of another model.
        """
        from ._store_read import open_result

        return open_result(store, model)

    def to_table(self) -> QTable:
        """A table with one row for each element: its index, parameters, errors, statistic and status."""
        from ._exports import to_table

        return to_table(self)

    def to_xarray(self) -> Dataset:
        """An xarray Dataset with a variable for each map."""
        from ._exports import to_xarray

        return to_xarray(self)

    def needs_data(self, action: str) -> Problem:
        """The problem, or an error that says that a result from a file cannot do this."""
        if self.problem is None:
            raise InputError(
                f"{action} needs the data, and this result was read from a file. Fit again, or give coordinates to "
                "evaluate()."
            )
        return self.problem


def with_unit(values: Any, unit: Any) -> Any:
    """A Quantity, or the values as they are without unit and for dask arrays, which cannot be a Quantity."""
    return values if unit is None or not isinstance(values, np.ndarray | float) else values * unit
