"""Spectra of stars in a file, some rows at a time, which are read into memory and forgotten.

Files are read, not mapped, so that memory is that of a few blocks whatever the system does with mapped pages.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from manyfit._fits_headers import check_headers
from manyfit._foreign import foreign, quiet
from manyfit.errors import InputError
from manyfit.fitting._hdf5_links import check_within

from ._mapped_npz import npy_place
from ._read_training_set import NAMES, known, text

Array = NDArray[Any]
Read = Callable[[slice], Array]  # rows from a start to a stop


@dataclass(frozen=True, eq=False)
class StarFile:
    """Spectra in a file that is open. What is compressed is read fast in its order only.

    Attributes
    ----------
    n_stars
        Number of stars.
    wavelength
        Wavelengths, (P,), or None if the file has none.
    ids
        Names of the stars, (N,), or None.
    flux, ivar
        What reads rows, as native floats, (n, P). Not safe in threads.
    n_pixels
        Number of pixels of each.
    """

    n_stars: int
    wavelength: Array | None
    ids: Array | None
    flux: Read
    ivar: Read
    n_pixels: int = 0


@dataclass(frozen=True, eq=False)
class _Rows:
    """An array in a file: its shape and type, and what reads rows of it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Read


@contextmanager
def open_stars(path: str | Path) -> Iterator[StarFile]:
    """Open spectra in npz (compressed or not), FITS images, HDF5, or a folder with flux.npy and ivar.npy.

    Arrays go by the names that `TrainingSet.read` knows: `flux` (N, P), `ivar` or `flux_err`, and if there are any
    `wavelength` and `ids`.

    Raises
    ------
    InputError
        The file is of another kind, damaged, or lacks an array.
    """
    path = Path(path)
    with ExitStack() as stack:
        try:
            with quiet, foreign(path):
                arrays = known(_opener(path)(path, stack))
                stars = _star_file(arrays, str(path))
        except FileNotFoundError:
            raise
        except OSError as error:  # of h5py and astropy, for damage
            raise InputError(f"{str(path)!r} cannot be read: it is damaged or truncated ({error}).") from error
        yield stars


def _opener(path: Path) -> Callable[[Path, ExitStack], dict[str, Any]]:
    if path.is_dir():
        return _npy_folder
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PK"):
        return _npz
    if start.startswith(b"SIMPLE"):
        return _fits
    if start == b"\x89HDF\r\n\x1a\n":
        return _hdf5
    raise InputError(
        f"{str(path)!r} is of no known kind. Spectra are npz, FITS images, HDF5, or a folder of npy files."
    )


def _star_file(arrays: dict[str, Any], source: str) -> StarFile:
    flux = _spectra(arrays, "flux", source)
    is_sigma = "ivar" not in arrays
    second = _spectra(arrays, "sigma" if is_sigma else "ivar", source)
    if second.shape != flux.shape:
        raise InputError(f"{source!r} has flux of shape {flux.shape} and ivar of {second.shape}; they must agree.")
    wavelength, ids = arrays.get("wavelength"), arrays.get("ids")
    names = None if ids is None else np.array([text(i) for i in np.ravel(_all(ids))])
    if names is not None and len(names) != flux.shape[0]:
        raise InputError(f"{source!r} has {len(names)} ids for {flux.shape[0]} stars.")
    return StarFile(
        n_stars=flux.shape[0],
        wavelength=None if wavelength is None else np.ravel(np.asarray(_all(wavelength), dtype=float)),
        ids=names,
        flux=flux.read,
        ivar=(lambda rows: _inverse_variance(second.read(rows))) if is_sigma else second.read,
        n_pixels=flux.shape[1],
    )


def _spectra(arrays: dict[str, Any], name: str, source: str) -> _Rows:
    if name not in arrays:
        wanted = "'ivar' and no 'flux_err'" if name == "sigma" else repr(name)
        raise InputError(f"{source!r} has no {wanted}; it has {', '.join(map(repr, arrays)) or 'nothing'}.")
    rows = arrays[name]
    rows = rows if isinstance(rows, _Rows) else _in_memory(np.asarray(rows))
    if len(rows.shape) != 2 or rows.dtype.kind not in "fiu":
        raise InputError(f"{source!r} has {name} of shape {rows.shape}; numbers (stars, pixels) are meant.")
    return rows


def _all(rows: Any) -> Array:
    return rows.read(slice(0, rows.shape[0])) if isinstance(rows, _Rows) else np.asarray(rows)


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of numbers that kernels take."""
    return np.dtype("f4") if dtype.kind == "f" and dtype.itemsize <= 4 else np.dtype("f8")


def _inverse_variance(sigma: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where((sigma > 0) & np.isfinite(sigma), 1.0 / np.square(sigma), 0.0).astype(sigma.dtype)


def _in_memory(array: Array) -> _Rows:
    return _Rows(array.shape, array.dtype, lambda rows: np.ascontiguousarray(array[rows], dtype=_native(array.dtype)))


def _npy(file: IO[bytes], name: str) -> _Rows | Array:
    """Rows of an npy array from a file that is where it begins; arrays of one axis come whole."""
    at = npy_place(file, name)
    if len(at.shape) != 2 or at.dtype.kind not in "fiu":
        file.seek(0)
        return np.asarray(npy.read_array(file, allow_pickle=False))
    if at.is_fortran:
        raise InputError(f"The array {name!r} has its columns one after the other; write it by rows (C order).")

    def read(rows: slice) -> Array:
        array = np.empty((rows.stop - rows.start, at.shape[1]), at.dtype)
        file.seek(at.offset + rows.start * at.shape[1] * at.dtype.itemsize)
        _fill(file, array, name)
        return array.astype(_native(at.dtype), copy=False)

    return _Rows(at.shape, at.dtype, read)


def _fill(file: IO[bytes], array: Array, name: str) -> None:
    """Read the bytes of an array, straight to where they are to be if the file can do so."""
    view, done = array.reshape(-1).view(np.uint8).data, 0
    while done < len(view):
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise InputError(f"The array {name!r} is truncated: {len(view) - done:,} bytes are missing.")
        done += count


def _npz(path: Path, stack: ExitStack) -> dict[str, Any]:
    """Each array of an archive through a file of its own, so that flux and ivar can be read in turns."""
    archive = stack.enter_context(zipfile.ZipFile(path))
    wanted = {name for synonyms in NAMES.values() for name in synonyms}
    names = [n for n in archive.namelist() if n.removesuffix(".npy").lower() in wanted]
    return {n.removesuffix(".npy"): _member(path, archive, n, stack) for n in names}


def _member(path: Path, archive: zipfile.ZipFile, name: str, stack: ExitStack) -> _Rows | Array:
    """A member that is not compressed is read from the file itself: zipfile would copy it in small pieces."""
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED:
        return _npy(stack.enter_context(archive.open(name)), name)
    from ._mapped_npz import place

    file = stack.enter_context(path.open("rb"))
    at = place(file, member)
    if len(at.shape) != 2 or at.dtype.kind not in "fiu":
        with archive.open(name) as small:
            return np.asarray(npy.read_array(small, allow_pickle=False))
    file.seek(member.header_offset + 26)
    lengths = [int.from_bytes(file.read(2), "little") for _ in range(2)]
    file.seek(member.header_offset + 30 + sum(lengths))
    return _npy(file, name)


def _npy_folder(path: Path, stack: ExitStack) -> dict[str, Any]:
    return {file.stem: _npy(stack.enter_context(file.open("rb")), file.name) for file in path.glob("*.npy")}


def _fits(path: Path, stack: ExitStack) -> dict[str, Any]:
    from astropy.io import fits

    check_headers(path, path)
    warnings.filterwarnings("error", message=".*truncated.*")  # until the door is through
    hdus = stack.enter_context(fits.open(path, memmap=False))
    arrays: dict[str, Any] = {}
    for number, hdu in enumerate(hdus):
        if hdu.is_image and hdu.shape:
            name = hdu.name if number or hdu.name != "PRIMARY" else "flux"
            arrays[name] = _sections(hdu) if len(hdu.shape) == 2 else hdu.data
        elif not hdu.is_image:
            arrays |= {n: hdu.data[n] for n in hdu.columns.names if n.lower() in {*NAMES["ids"], *NAMES["wavelength"]}}
    return arrays


def _sections(hdu: Any) -> _Rows:
    """Rows of an image, which may be packed."""
    dtype = np.dtype(f"f{4 if hdu.header['BITPIX'] in {-32, 8, 16} else 8}")
    return _Rows(tuple(hdu.shape), dtype, lambda rows: np.ascontiguousarray(hdu.section[rows], dtype=_native(dtype)))


def _hdf5(path: Path, stack: ExitStack) -> dict[str, Any]:
    try:
        import h5py
    except ImportError as error:
        raise InputError('HDF5 needs the package h5py: pip install "manyfit[cannon]".') from error
    file = stack.enter_context(h5py.File(path, "r"))
    check_within(file)
    return {name: _dataset(item) for name, item in file.items() if isinstance(item, h5py.Dataset)}


def _dataset(dataset: Any) -> _Rows | Array:
    if dataset.ndim != 2:
        return np.asarray(dataset[()])
    dtype = dataset.dtype
    return _Rows(tuple(dataset.shape), dtype, lambda rows: np.ascontiguousarray(dataset[rows], dtype=_native(dtype)))


def rows_of(stars: StarFile, size: int) -> Iterator[tuple[slice, Array, Array]]:
    """All stars in blocks: which rows, flux and ivar."""
    for first in range(0, stars.n_stars, size):
        rows = slice(first, min(first + size, stars.n_stars))
        yield rows, stars.flux(rows), stars.ivar(rows)
