"""The mathematics of one element: from an expression to derivatives, source and machine code; solvers; status codes.

Nothing here knows of astropy, units, files or threads. The way through the room: a `Formula` is an expression of
coordinates and parameters (`_expression`, `_formula`); `_derive` differentiates it; `_emit` writes one function that
takes statistic, gradient and normal matrix in one pass over the points; a target compiles it (`targets`), with modules
kept on disk (`_cache`); `_solver` minimises, element by element; `fit` does a whole tile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.kernels._cache import folder as folder
    from manyfit.kernels._emit import KernelSpec as KernelSpec
    from manyfit.kernels._expression import symbol as symbol
    from manyfit.kernels._fit import Elements as Elements
    from manyfit.kernels._fit import Options as Options
    from manyfit.kernels._fit import Solution as Solution
    from manyfit.kernels._fit import fit as fit
    from manyfit.kernels._fit import prepare as prepare
    from manyfit.kernels._formula import Formula as Formula
    from manyfit.kernels._formula import coordinate as coordinate
    from manyfit.kernels._source import source as source
    from manyfit.kernels._status import Status as Status

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Elements": "_fit",
        "Formula": "_formula",
        "KernelSpec": "_emit",
        "Options": "_fit",
        "Solution": "_fit",
        "Status": "_status",
        "coordinate": "_formula",
        "fit": "_fit",
        "folder": "_cache",
        "prepare": "_fit",
        "source": "_source",
        "symbol": "_expression",
    },
)
