"""TS maps: the likelihood of a source at every position of the sky."""

from __future__ import annotations

from manyfit._lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {})
