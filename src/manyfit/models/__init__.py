"""From astropy models to formulas: tracing, and which models compile."""

from manyfit._lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {"formula": "_trace"})
