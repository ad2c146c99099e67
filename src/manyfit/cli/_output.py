"""What commands write: files that are refused before work starts, and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manyfit.fitting._result import FitResult


RESOLUTION = 80  # dots per inch: a page is as wide as a window


def check(*paths: Path | None, overwrite: bool) -> None:
    """Refuse what cannot be written, before an hour of work."""
    from manyfit.fitting._atomic import check_output

    for path in paths:
        if path is not None:
            check_output(path, overwrite=overwrite)


def write_figure(result: FitResult, path: Path, *, overwrite: bool) -> None:
    """Draw all maps into a file; its suffix chooses the format."""
    from manyfit.fitting._atomic import replacing
    from manyfit.fitting._pictures import plot_all

    figure = plot_all(result)
    with replacing(path, overwrite=overwrite) as file:
        picture = path.suffix.removeprefix(".") or "png"
        figure.savefig(file, format=picture, dpi=RESOLUTION, bbox_inches="tight")
