"""Spectral cubes: from a file to line maps with errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.cube._cube_fit import CubeFit as CubeFit
    from manyfit.cube._fit_lines import fit_lines as fit_lines
    from manyfit.cube._guess import guess as guess

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "CubeFit": "_cube_fit",
        "fit_lines": "_fit_lines",
        "guess": "_guess",
    },
)
