"""Spectra from a file or an object of any known kind, told by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astropy.io.fits import HDUList

from manyfit._foreign import foreign, quiet
from manyfit.errors import InputError, InputTypeError, unknown_name
from manyfit.spectra import _apstar, _apvisit, _aspcapstar, _ecsv, _lamost, _mwm, _npz, _plain_fits, _specutils
from manyfit.spectra._fits import opened
from manyfit.spectra._request import Request
from manyfit.spectra._spectra import Frame, Medium, Spectra

if TYPE_CHECKING:
    from types import ModuleType

# in this order: the first that matches reads the file
FITS_KINDS: dict[str, ModuleType] = {
    "lamost": _lamost,
    "mwm": _mwm,
    "apvisit": _apvisit,
    "apstar": _apstar,
    "aspcapstar": _aspcapstar,
    "fits": _plain_fits,
}
FILE_KINDS: dict[str, Callable[[Path, Request], Spectra]] = {"ecsv": _ecsv.read, "npz": _npz.read}
KINDS = (*FITS_KINDS, *FILE_KINDS, "specutils")

# the first bytes of a file; FITS may be packed by gzip or bzip2
MAGIC = {b"SIMPLE  =": "fits", b"\x1f\x8b": "fits", b"BZh": "fits", b"PK\x03\x04": "npz", b"# %ECSV": "ecsv"}


def read(
    source: str | PathLike[str] | HDUList | Any,
    *,
    kind: str | None = None,
    bits: Iterable[int | str] | None = None,
    hdu: int | str | None = None,
    medium: Medium | None = None,
    frame: Frame | None = None,
) -> Spectra:
    """Read the spectra of a file of a survey, a plain file, or an object.

    The kind is told by the content, not by the name. Inverse variances are 0 where a pixel is unusable: where the
    survey gives no error, an error of 0 or of 1e8 and more (APOGEE writes 1e10), or where a bad bit of the mask is set.

    Parameters
    ----------
    source
        A path: apStar/asStar, apVisit/asVisit, aspcapStar, mwmStar/mwmVisit, LAMOST low-resolution spectra, plain FITS
        (a table of pixels, images named FLUX, IVAR, …, or an image with its wavelengths in the header), ECSV, npz; an
        open HDUList; or a spectrum, collection or list of specutils.
    kind
        One of ``"apstar"``, ``"apvisit"``, ``"aspcapstar"``, ``"mwm"``, ``"lamost"``, ``"fits"``, ``"ecsv"``,
        ``"npz"``, ``"specutils"``; told by the content if not given.
    bits
        Bits of the mask that make a pixel unusable, by name or number; those that the survey calls bad if not given
        (APOGEE: 0–7 and 14). ``()`` for none.
    hdu
        Which HDU of an mwmStar or mwmVisit file, by number or name; needed if several have spectra.
    medium, frame
        What plain files do not say: see `Spectra`.

    Returns
    -------
    spectra
        The spectra. Visits and coadds of one file are told apart by ``spectra.rows["kind"]``.

    Raises
    ------
    InputError
        The content is of no known kind, or is damaged, or something needed is missing.
    InputTypeError
        The source is neither a path nor a known object.
    FileNotFoundError
        There is no such file.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "star.data"
    ...     with path.open("wb") as file:
    ...         np.savez(file, wavelength=np.linspace(5000, 5100, 201), flux=np.ones((2, 201)), ivar=np.ones((2, 201)))
    ...     read(path, medium="air", frame="rest")
    Spectra: 2 rows (2 visit) × 201 pixels, 5000–5100 Angstrom, air, rest frame, 100 % usable
    """
    if kind is not None and kind not in KINDS:
        raise unknown_name("kind", kind, KINDS)
    request = Request(_name(source), None if bits is None else _listed(bits), hdu)
    with quiet, foreign(request.name):
        spectra = _read(source, kind, request)
    return replace(spectra, medium=medium or spectra.medium, frame=frame or spectra.frame)


def _listed(bits: Iterable[int | str]) -> tuple[int | str, ...]:
    return (bits,) if isinstance(bits, str) else tuple(bits)


def _name(source: object) -> str:
    return Path(source).name if isinstance(source, str | PathLike) else type(source).__name__


def _read(source: object, kind: str | None, request: Request) -> Spectra:
    if isinstance(source, str | PathLike):
        return _read_file(Path(source), kind, request)
    if isinstance(source, HDUList):
        return _read_hdus(source, kind, request)
    if _specutils.matches(source):
        return _specutils.read(source, request.name)
    raise InputTypeError(
        f"{type(source).__name__} is not accepted. Give a path, an HDUList or a spectrum of specutils; "
        "arrays become spectra with Spectra(wavelength, flux, ivar)."
    )


def _read_file(path: Path, kind: str | None, request: Request) -> Spectra:
    file_kind = _file_kind(path)
    if file_kind in FILE_KINDS:
        if kind not in {None, file_kind}:
            raise InputError(f"{str(path)!r} is an {file_kind} file, and kind is {kind!r}.")
        return FILE_KINDS[file_kind](path, request)
    with opened(path) as hdus:
        return _read_hdus(hdus, kind, request)


def _file_kind(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(16)
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            return kind
    if not start:
        raise InputError(f"{str(path)!r} is empty: it was truncated. Get it again.")
    raise InputError(f"{str(path)!r} starts with {start!r}: this is not FITS, ECSV or npz, which can be read.")


def _read_hdus(hdus: HDUList, kind: str | None, request: Request) -> Spectra:
    candidates = FITS_KINDS if kind is None else {kind: FITS_KINDS.get(kind)}
    for reader in candidates.values():
        if reader is not None and reader.matches(hdus):
            spectra: Spectra = reader.read(hdus, request)
            return spectra
    wanted = f"a file of kind {kind!r}" if kind else f"one of the kinds {', '.join(FITS_KINDS)}"
    raise InputError(f"{request.name!r} is not {wanted}. Its HDUs: {_described(hdus)}.")


def _described(hdus: HDUList) -> str:
    return "; ".join(f"{i} {hdu.name or type(hdu).__name__} {getattr(hdu, 'shape', '')}" for i, hdu in enumerate(hdus))
