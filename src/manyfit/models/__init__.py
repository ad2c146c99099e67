"""From astropy models to formulas: tracing, and which models compile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.models._describe import describe as describe
    from manyfit.models._explain import Explanation as Explanation
    from manyfit.models._explain import Row as Row
    from manyfit.models._explain import explain as explain
    from manyfit.models._explain import table as table
    from manyfit.models._parse import parse as parse
    from manyfit.models._trace import formula as formula

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Explanation": "_explain",
        "Row": "_explain",
        "describe": "_describe",
        "explain": "_explain",
        "formula": "_trace",
        "parse": "_parse",
        "table": "_explain",
    },
)
