"""What an HDF5 file says is in other files: read only beside it, so that nobody's file reads those of its reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError


def check_within(file: Any) -> None:
    """Refuse an open file with values that are outside of the folder that it is in.

    Links and virtual datasets may name files in its folder and below; raw values in files of another kind, which may
    be any, are refused.

    Raises
    ------
    InputError
        It names another file; the text says which.
    """
    import h5py

    if not Path(str(file.filename)).is_file():  # remote: there is no folder
        return
    folder = Path(str(file.filename)).resolve().parent

    outward: list[tuple[str, str]] = []

    def note_link(name: str, link: Any) -> None:  # an error raised from here would not come through h5py whole
        if isinstance(link, h5py.ExternalLink):
            outward.append((name, link.filename))

    def check_dataset(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        if item.external:
            raise _elsewhere(file.filename, name, item.external[0][0])
        if item.is_virtual:
            for source in item.virtual_sources():
                if source.file_name != ".":
                    _check(folder, file.filename, name, source.file_name)

    file.visititems_links(note_link)
    for name, other in outward:
        _check(folder, file.filename, name, other)
    file.visititems(check_dataset)


def _check(folder: Path, file: str, name: str, other: str) -> None:
    """The HDF5 library would look for a file that is not in the folder in others, such as the current one."""
    place = (folder / other).resolve()
    if not (place.is_relative_to(folder) and place.is_file()):
        raise _elsewhere(file, name, other)


def _elsewhere(file: str, name: str, other: str) -> InputError:
    return InputError(
        f"{file!r}: {name!r} is in another file, {other!r}, which is not in the same folder. If you trust it, copy "
        "its values into one file."
    )
