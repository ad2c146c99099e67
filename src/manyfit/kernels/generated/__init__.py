"""Modules written at run time; they live in the cache folder, so that every process can import them by name."""

from __future__ import annotations

from manyfit.kernels._cache import folder

__path__ = [str(folder())]
