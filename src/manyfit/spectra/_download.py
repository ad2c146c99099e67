"""A file from a server: whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from manyfit.errors import InputError
from manyfit.fitting._atomic import replacing

if TYPE_CHECKING:
    from http.client import HTTPResponse

CHUNK = 1 << 18
ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class _Wanted:
    url: str
    size: int | None
    checksum: str | None
    timeout: float


class _FailedError(Exception):
    """The file cannot be had; the text says why."""


class _NotThereError(_FailedError):
    """The server does not have the file."""


class _InterruptedError(_FailedError):
    """The connection ended early. What has arrived is kept if `mark` names its version, and the rest is asked for."""

    def __init__(self, text: str, mark: str | None = None) -> None:
        super().__init__(text)
        self.mark = mark


def fetch(
    url: str,
    path: str | PathLike[str],
    *,
    size: int | None = None,
    checksum: str | None = None,
    timeout: float = 60.0,
    retries: int = 3,
) -> Path:
    """Download a file, unless it is there.

    The file appears under its name when it is whole and verified, so a run that is killed leaves nothing that looks
    like the file. If the connection ends early, the rest is asked for (or all, from a server that does not send parts).

    Parameters
    ----------
    url
        Address, ``https://…`` (or ``http://…``).
    path
        Where the file is to be; folders are made. A file that is there is verified and kept.
    size
        Its size in bytes.
    checksum
        Its checksum with the name of the algorithm: ``"sha256:9f86d0…"``; also md5, sha1, sha512.
    timeout
        Seconds without an answer after which the connection is given up.
    retries
        How often it is tried again after an interruption.

    Returns
    -------
    path
        The file.

    Raises
    ------
    FileNotFoundError
        The server does not have the file.
    OSError
        The server cannot be reached, or the file has another size or checksum; nothing is left behind.
    InputError
        An address or a checksum that cannot be used.

    Examples
    --------
    >>> fetch("https://data.sdss.org/sas/dr17/…/apStar-dr17-….fits", "apStar.fits")  # doctest: +SKIP
    """
    _check(url, checksum)
    target, wanted = Path(path), _Wanted(url, size, checksum, timeout)
    try:
        if target.is_file():
            _verify(target, str(target), wanted)
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, overwrite=True) as file:
            _download(wanted, file, retries)
            file.flush()
            _verify(Path(file.name), url, wanted)
    except _NotThereError as error:
        raise FileNotFoundError(str(error)) from error
    except _FailedError as error:
        raise OSError(str(error)) from error
    return target


def _check(url: str, checksum: str | None) -> None:
    if urlsplit(url).scheme not in {"https", "http"}:
        raise InputError(f"The address {url!r} is not accepted. Give one that starts with https://.")
    if checksum is not None and checksum.partition(":")[0] not in ALGORITHMS:
        raise InputError(
            f"The checksum {checksum!r} is not accepted. Give one of {', '.join(ALGORITHMS)} as 'sha256:…'."
        )


def _verify(path: Path, name: str, wanted: _Wanted) -> None:
    found_size = path.stat().st_size
    if wanted.size is not None and found_size != wanted.size:
        raise _FailedError(f"{name} has {found_size} bytes and should have {wanted.size}. Remove it and get it again.")
    if wanted.checksum is None:
        return
    algorithm, _, expected = wanted.checksum.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != expected.lower():
        raise _FailedError(f"{name} has the {algorithm} sum {found} and should have {expected}. Get it again.")


def _download(wanted: _Wanted, file: BinaryIO, retries: int) -> None:
    mark: str | None = None
    for attempt in range(retries + 1):
        try:
            _receive(wanted, file, mark)
        except _InterruptedError as error:
            mark = error.mark
            if attempt == retries:
                raise _FailedError(f"{wanted.url} could not be downloaded: {error}.") from error
            time.sleep(min(0.1 * 2**attempt, 5.0))
        else:
            return


def _receive(wanted: _Wanted, file: BinaryIO, mark: str | None) -> None:
    """Receive what is missing; `mark` names the version that the first part is of (its ETag)."""
    start = file.tell() if mark else 0
    headers = {"Range": f"bytes={start}-", "If-Range": mark} if start and mark else {}
    try:
        with _open(wanted, headers) as response:
            # a server may send all, or say that there is nothing to resume
            file.seek(start if response.status == http.client.PARTIAL_CONTENT else 0)
            file.truncate()
            mark = response.headers.get("ETag")
            _copy(response, file)
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _InterruptedError(f"{type(error).__name__}: {error}", mark) from error


def _open(wanted: _Wanted, headers: dict[str, str]) -> HTTPResponse:
    request = urllib.request.Request(wanted.url, headers={"User-Agent": "manyfit", **headers})
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=wanted.timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.NOT_FOUND:
            raise _NotThereError(f"The server has no file {wanted.url} (404). Check the release and fields.") from error
        if error.code in TRY_AGAIN:
            raise _InterruptedError(f"the server answered {error.code} {error.reason}") from error
        raise _FailedError(f"The server answered {error.code} {error.reason} for {wanted.url}.") from error
    except urllib.error.URLError as error:
        raise _InterruptedError(f"the server cannot be reached ({error.reason})") from error
    if wanted.url.startswith("https:") and not str(response.url).startswith("https:"):
        response.close()
        raise _FailedError(f"{wanted.url} leads to {response.url}, which is not encrypted.")
    return response


def _copy(response: HTTPResponse, file: BinaryIO) -> None:
    expected = response.headers.get("Content-Length")
    received = 0
    while chunk := response.read(CHUNK):
        file.write(chunk)
        received += len(chunk)
    if expected is not None and received != int(expected):
        raise http.client.IncompleteRead(b"", int(expected) - received)
