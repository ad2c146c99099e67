"""A model as a function of its free parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ._work import Columns

if TYPE_CHECKING:
    from astropy.modeling import Model

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Values of a model at given coordinates as a function of its free parameters.

    Attributes
    ----------
    model
        Overwritten by each call; it has the fixed parameters.
    x
        One array for each input of the model.
    columns
        Kinds of the parameters.
    """

    model: Model
    x: tuple[Array, ...]
    columns: Columns

    def tied(self, free: Array) -> Array:
        """The tied parameters. Each sees those before it, as in astropy's fitters."""
        for name, value in zip(self.columns.free, free, strict=True):
            setattr(self.model, name, value)
        for name in self.columns.tied:
            setattr(self.model, name, self.model.tied[name](self.model))
        return values_of(self.model, self.columns.tied)

    def __call__(self, free: Array) -> Array:
        """Values of the shape of the coordinates."""
        if self.columns.tied:
            self.tied(free)
        known = dict(zip(self.columns.free, free, strict=True))
        parameters = [known[name] if name in known else getattr(self.model, name).value for name in self.columns.names]
        # as astropy's fitters do: calling the model takes ten times as long
        return np.broadcast_to(self.model.evaluate(*self.x, *parameters), self.x[0].shape)


def values_of(model: Model, names: tuple[str, ...]) -> Array:
    """Some parameters of a model that has one number per parameter.

    >>> from astropy.modeling.models import Linear1D
    >>> values_of(Linear1D(2.0, 1.0), ("intercept",))
    array([1.])
    """
    return np.array([getattr(model, name).value for name in names], np.float64)
