"""The command line: ``manyfit demo | fit | info | models``.

Nothing heavy is imported before a command runs, so that ``manyfit --help`` answers at once.
"""

from __future__ import annotations

from manyfit.cli._main import main as main

__all__ = ["main"]
