"""The labels of many stars with their errors, and what became of each star."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import unknown_name

from ._label_status import LAST_GOOD

if TYPE_CHECKING:
    from astropy.table import Table


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Labels of N stars; NaN where there are none.

    ``table["TEFF"]`` is a column of labels, ``table.error("TEFF")`` its standard deviations.

    Attributes
    ----------
    label_names
        Names of the labels.
    labels
        Labels, (N, L).
    covariance
        Covariance of the labels in their units, (N, L, L); calibrated if the model has a calibration.
    formal_covariance
        Covariance by the noise and the model's scatter alone, (N, L, L).
    chi2
        Chi-squared at the minimum, (N,), of the pixels alone: hidden labels with their prior are at their likeliest.
    dof
        Degrees of freedom: pixels minus fitted numbers, (N,).
    n_pixels
        Number of pixels used, (N,).
    status
        Codes of `LabelStatus`, (N,).
    flags
        Bits of `LabelFlag`, (N,).
    best_start
        Which start led to the minimum, an index of ``model.training.starts``; -1 without a fit, (N,).
    n_iter
        Number of Newton steps of the best run, (N,).
    mahalanobis
        Distance from the mean of the training labels, in their covariance, (N,).
    leverage
        Leverage of the star in the training design, (N,).
    chip_chi2, chip_pixels
        Chi-squared and number of pixels in each chip, (N, C).
    nuisance, nuisance_error
        Hidden labels of the model, ``"hidden_1"`` and so on, and continuum coefficients, ``"rv"`` (km/s) and
        ``"broadening"`` (km/s), if they were fitted, each (N,).
    ids
        Names of the stars, (N,), if they are known.
    """

    label_names: tuple[str, ...]
    labels: NDArray[np.float64]
    covariance: NDArray[np.float64]
    formal_covariance: NDArray[np.float64]
    chi2: NDArray[np.float64]
    dof: NDArray[np.int64]
    n_pixels: NDArray[np.int64]
    status: NDArray[np.int64]
    flags: NDArray[np.int64]
    best_start: NDArray[np.int64]
    n_iter: NDArray[np.int64]
    mahalanobis: NDArray[np.float64]
    leverage: NDArray[np.float64]
    chip_chi2: NDArray[np.float64]
    chip_pixels: NDArray[np.int64]
    nuisance: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    nuisance_error: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    ids: NDArray[Any] | None = None

    @classmethod
    def open(cls, store: str | Path) -> LabelTable:
        """Open a store written by ``infer(..., store=...)``; its arrays are read when they are asked for.

        Stars that are not labelled yet have the status ``not_fitted`` and NaN. Nothing in a store is executed.

        Parameters
        ----------
        store
            Folder or URL.

        Returns
        -------
        LabelTable
            Of dask arrays. `compute` reads all of them, `export_labels` writes them to a file.

        Raises
        ------
        FileNotFoundError
            There is no such store.
        InputError
            It is no store of labels, of a later version, or damaged.
        """
        from ._label_store import open_labels

        return open_labels(store)

    @property
    def is_lazy(self) -> bool:
        """Whether arrays are dask arrays, of a store."""
        return not isinstance(self.labels, np.ndarray)

    def compute(self) -> LabelTable:
        """The table in memory."""
        if not self.is_lazy:
            return self
        from dask.base import compute

        names = [*array_names(), *_NUISANCES, "ids"]
        return replace(self, **dict(zip(names, compute(*(getattr(self, name) for name in names)), strict=True)))

    def __len__(self) -> int:
        """Number of stars."""
        return len(self.labels)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """One label of all stars."""
        return self.labels[:, self._column(name)]

    def error(self, name: str) -> NDArray[np.float64]:
        """Standard deviation of one label of all stars."""
        column = self._column(name)
        errors: NDArray[np.float64] = np.sqrt(self.covariance[:, column, column])
        return errors

    @property
    def reduced_chi2(self) -> NDArray[np.float64]:
        """Chi-squared for each degree of freedom; NaN without one."""
        reduced: NDArray[np.float64] = np.where(self.dof > 0, self.chi2 / np.maximum(self.dof, 1), np.nan)
        return reduced

    @property
    def good(self) -> NDArray[np.bool_]:
        """Where the fit converged."""
        return self.status <= LAST_GOOD

    def select(self, stars: Any) -> LabelTable:
        """Some of the stars, by a slice, indices or a boolean array."""
        return _mapped(self, lambda array: array[stars])

    @classmethod
    def concatenate(cls, tables: Sequence[LabelTable]) -> LabelTable:
        """One table of the stars of several, in their order."""
        first = tables[0]
        arrays: dict[str, Any] = {name: np.concatenate([getattr(t, name) for t in tables]) for name in array_names()}
        nuisance: dict[str, Any] = {
            name: {key: np.concatenate([getattr(t, name)[key] for t in tables]) for key in getattr(first, name)}
            for name in _NUISANCES
        }
        ids = None if first.ids is None else np.concatenate([t.ids for t in tables if t.ids is not None])
        return replace(first, **arrays, **nuisance, ids=ids)

    def to_table(self) -> Table:
        """An astropy table: names of the stars, a column and an error for each label, then everything else."""
        from astropy.table import Table

        if self.is_lazy:
            return self.compute().to_table()
        columns: dict[str, Any] = {} if self.ids is None else {"id": self.ids}
        for name in self.label_names:
            columns |= {name: self[name], f"{name}_ERR": self.error(name)}
        columns |= self.nuisance
        columns |= {f"{name}_err": values for name, values in self.nuisance_error.items()}
        rest = [name for name in array_names() if name != "labels"]
        return Table(columns | {name: getattr(self, name) for name in rest})

    def _column(self, name: str) -> int:
        if name not in self.label_names:
            raise unknown_name("label", name, self.label_names)
        return self.label_names.index(name)


_NUISANCES = ("nuisance", "nuisance_error")


def array_names() -> list[str]:
    """The fields that are arrays with a row for each star."""
    return [f.name for f in fields(LabelTable) if f.name not in {"label_names", "ids", *_NUISANCES}]


def _mapped(table: LabelTable, change: Any) -> LabelTable:
    arrays: dict[str, Any] = {name: change(getattr(table, name)) for name in array_names()}
    nuisance: dict[str, Any] = {
        name: {key: change(value) for key, value in getattr(table, name).items()} for name in _NUISANCES
    }
    return replace(table, **arrays, **nuisance, ids=None if table.ids is None else change(table.ids))
