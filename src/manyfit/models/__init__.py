"""From astropy models to formulas: tracing, and which models compile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.models._trace import formula as formula

__getattr__, __dir__, __all__ = lazy(__name__, {"formula": "_trace"})
