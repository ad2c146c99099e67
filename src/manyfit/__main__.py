"""``python -m manyfit``: the command line."""

from __future__ import annotations

from manyfit.cli import main

if __name__ == "__main__":
    main()
