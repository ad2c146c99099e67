"""The work on one block: read its tile, fit its elements."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from manyfit.kernels import Elements, Formula, Options, Solution, fit

from ._overlap import Cores
from ._tile import Tile, Tiles

if TYPE_CHECKING:
    from astropy.modeling import Model

    from ..blocks import Block


@dataclass(frozen=True)
class Columns:
    """Where the parameters of a model are among its free, fixed and tied ones.

    Attributes
    ----------
    names
        All parameters, in the order of the model.
    free, fixed, tied
        Names of each kind, in that order.
    """

    names: tuple[str, ...]
    free: tuple[str, ...]
    fixed: tuple[str, ...]
    tied: tuple[str, ...]

    @classmethod
    def of(cls, model: Model) -> Columns:
        """Sort the parameters of a model. A parameter both fixed and tied is tied, as in astropy's fitters."""
        names = tuple(model.param_names)
        tied = tuple(n for n in names if model.tied[n])
        fixed = tuple(n for n in names if model.fixed[n] and n not in tied)
        return cls(names, tuple(n for n in names if n not in (*tied, *fixed)), fixed, tied)

    def places(self, names: tuple[str, ...]) -> list[int]:
        """Positions of some parameters in the order of the model."""
        return [self.names.index(name) for name in names]


@dataclass(frozen=True)
class KernelWork:
    """Fits blocks with the compiled kernel of a model. Holds no model, so it travels to other processes.

    Attributes
    ----------
    tiles
        Reads the data.
    formula
        The model.
    columns
        Order of its parameters.
    options
        How to fit.
    cores
        Limits how many threads compute, where others wait for data; None for no limit.
    """

    tiles: Tiles
    formula: Formula
    columns: Columns
    options: Options
    cores: Cores | None = None

    def __call__(self, block: Block) -> Solution:
        """Fit the elements of a block."""
        return self.fit(self.tiles.read(block.slices))

    def fit(self, tile: Tile) -> Solution:
        """Fit the elements of a tile."""
        free = self.columns.places(self.formula.free)
        order = free + self.columns.places(self.formula.fixed)
        elements = Elements(tile.x, tile.y, tile.weight, tile.start[:, order], tile.lower[:, free], tile.upper[:, free])
        with self.cores or nullcontext():
            return fit(self.formula, elements, self.options)


def is_weighted(tiles: Tiles) -> bool:
    """Whether points of one element have weights of their own, known without reading the data."""
    if tiles.weighting is None:
        return False
    one = tuple(slice(0, min(1, n)) for n in tiles.axes.iterating_shape)
    return bool(np.shape(tiles.weighting.read(one))[-1] > 1)
