"""Folders with what went wrong in single elements, as astropy's ``parallel_fit_dask`` writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ._element import Element

KINDS = (None, "error", "error+warn", "all")


@dataclass(frozen=True)
class Diagnostics:
    """What to write about which elements.

    Attributes
    ----------
    kind
        ``"error"``, ``"error+warn"`` or ``"all"``.
    path
        Folder of the folders.
    shape
        The iterating shape.
    picture
        The user's callable, or None.
    fitter_kwargs
        Handed to the callable.
    """

    kind: str
    path: Path
    shape: tuple[int, ...]
    picture: Callable[..., Any] | None
    fitter_kwargs: Mapping[str, Any]

    def write(self, index: tuple[int, ...], element: Element, model: Any, error: str, warned: Sequence[object]) -> None:
        """Write ``error.log`` and ``warn.log`` of one element and call the callable, if the kind asks for it.

        Parameters
        ----------
        index
            Where the element is in the iterating shape.
        element
            Its data.
        model
            The fitted model, None after an error.
        error
            Text of the error, or nothing.
        warned
            Warnings.
        """
        wanted = self.kind == "all" or bool(error) or (self.kind == "error+warn" and bool(warned))
        if not wanted:
            return
        folder = self.path / self.folder(index)
        folder.mkdir(parents=True, exist_ok=True)
        if error:
            (folder / "error.log").write_text(error, encoding="utf-8")
        if warned:
            (folder / "warn.log").write_text("".join(f"{w}\n" for w in warned), encoding="utf-8")
        if self.picture is not None:
            self.picture(folder, element.x, element.y, element.weights, model, dict(self.fitter_kwargs))

    def folder(self, index: tuple[int, ...]) -> str:
        """Name of the folder of an element: its indices with zeros in front; ``"0"`` if it is the only one.

        >>> Diagnostics("all", Path(), (5, 200), None, {}).folder((3, 17))
        '003_017'
        """
        width = len(str(max(self.shape, default=1) - 1))
        return "_".join(f"{i:0{width}d}" for i in index) or "0"


def diagnostics_of(
    kind: str | None,
    path: Any,
    picture: Callable[..., Any] | None,
    shape: tuple[int, ...],
    fitter_kwargs: Mapping[str, Any],
) -> Diagnostics | None:
    """Diagnostics from the arguments of ``parallel_fit_dask``; None if none are asked for.

    Raises
    ------
    InputError
        An unknown kind, or no path.
    """
    if kind not in KINDS:
        raise InputError(f"diagnostics should be None, 'error', 'error+warn', or 'all'; got {kind!r}.")
    if kind is None:
        return None
    if path is None:
        raise InputError(f"diagnostics_path should be set: diagnostics={kind!r} writes one folder per element there.")
    Path(path).mkdir(parents=True, exist_ok=True)
    return Diagnostics(kind, Path(path), shape, picture, fitter_kwargs)
