"""Which kind of FITS file a TS map is written to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from manyfit.errors import InputError, unknown_name

if TYPE_CHECKING:
    from ._ts_map import TSMap

KINDS = ("healpix", "multiorder")


def write_fits(tsmap: TSMap, path: Path, kind: str | None, *, overwrite: bool) -> None:
    """Write the kind asked for, or that of the name; see `TSMap.to_fits`."""
    from ._healpix_fits import write_healpix
    from ._multiorder_fits import write_multiorder

    kind = kind_of(path) if kind is None else kind
    writers: dict[str, Callable[..., None]] = {"healpix": write_healpix, "multiorder": write_multiorder}
    if kind not in writers:
        raise unknown_name("kind", kind, KINDS)
    writers[kind](tsmap, path, overwrite=overwrite)


def kind_of(path: Path) -> str:
    """The kind that the name of a file says.

    Examples
    --------
    >>> kind_of(Path("burst.multiorder.fits")), kind_of(Path("burst.fits"))
    ('multiorder', 'healpix')
    """
    name = path.name.lower()
    if name.endswith((".gz", ".fz")):
        raise InputError(f"{path.name!r} says that the file is packed; it is not. Give a name that ends in .fits.")
    return "multiorder" if name.endswith(".multiorder.fits") else "healpix"
