"""The Cannon: stellar labels with errors from survey spectra."""

from __future__ import annotations

from manyfit._lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {})
