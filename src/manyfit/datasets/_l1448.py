"""The public ¹³CO cube of L1448: found on this machine, or downloaded once."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

NAME = "l1448_13co.fits"
SHA256 = "de4d44cd2841d34cfe98915ab322f83e302f13b9599ef8629079249e53ad6d49"
URLS = (f"http://data.astropy.org/l1448/{NAME}", f"http://www.astropy.org/astropy-data/l1448/{NAME}")


def l1448() -> Path:
    """Path of the ¹³CO (1–0) cube of the cloud L1448, the example of astropy's page on parallel fitting.

    It has 53 channels of 105 × 105 float32 pixels in K (the header has no unit) and an axis of optical
    velocity in m/s. The file is looked for in the folder that the environment variable ``MANYFIT_TEST_DATA``
    names, or in its ``cubes`` folder; otherwise it is downloaded (2.3 MB) into astropy's cache folder, once.

    Returns
    -------
    path
        The file. Its content is verified by its SHA-256 sum.

    Raises
    ------
    FileNotFoundError
        If the file is not on this machine and cannot be downloaded; the text says where to get it.
    OSError
        If the content of the file is not the expected one.

    Examples
    --------
    >>> from astropy.io import fits
    >>> fits.getdata(manyfit.datasets.l1448()).shape  # doctest: +SKIP
    (53, 105, 105)
    """
    path = _in_test_data() or _in_cache()
    if path is None:
        return _download()
    _verify(path)
    return path


def _in_test_data() -> Path | None:
    folder = os.environ.get("MANYFIT_TEST_DATA")
    if not folder:
        return None
    candidates = (Path(folder) / NAME, Path(folder) / "cubes" / NAME)
    return next((path for path in candidates if path.is_file()), None)


def _cache() -> Path:
    from astropy.config import get_cache_dir_path

    return Path(get_cache_dir_path("manyfit")) / NAME


def _in_cache() -> Path | None:
    path = _cache()
    return path if path.is_file() else None


def _download() -> Path:
    # astropy keeps what it downloads under names without a suffix; the verified file is kept by its own name.
    from astropy.utils.data import download_file

    try:
        downloaded = Path(download_file(URLS[0], sources=list(URLS), cache=False, pkgname="manyfit"))
    except OSError as error:
        raise FileNotFoundError(
            f"{NAME} is not on this machine and could not be downloaded ({error}). Get it from {URLS[0]}, "
            "put it into a folder and set the environment variable MANYFIT_TEST_DATA to that folder."
        ) from error
    _verify(downloaded, origin=URLS[0])
    partial = _cache().with_suffix(f".{os.getpid()}.part")
    shutil.copyfile(downloaded, partial)
    return partial.replace(_cache())


def _verify(path: Path, origin: str | None = None) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise OSError(
            f"{origin or path} is not the expected file: its SHA-256 sum is {found}, it should be {SHA256}. "
            f"Remove it and get it again from {URLS[0]}."
        )
