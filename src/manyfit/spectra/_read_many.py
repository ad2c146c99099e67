"""Many files, a block at a time: a file that cannot be used has a status, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from os import PathLike
from pathlib import Path

from astropy.table import Table

from manyfit.errors import InputError, InputTypeError
from manyfit.spectra._read import read
from manyfit.spectra._spectra import Spectra
from manyfit.spectra._together import difference, together


@dataclass(frozen=True, eq=False)
class Block:
    """Spectra of some files, and what became of each file.

    Parameters
    ----------
    spectra
        The rows of all files that could be used; None if there are none.
    files
        One row for each file: `path`, `status` (``"ok"``, ``"missing"``, ``"unreadable"``, ``"different"``,
        ``"empty"``), `message`, `first` and `n_rows`: where its rows are in `spectra`.
    """

    spectra: Spectra | None
    files: Table

    def __repr__(self) -> str:
        n_ok = int((self.files["status"] == "ok").sum())
        return f"Block: {n_ok} of {len(self.files)} files; {self.spectra!r}"


@dataclass(frozen=True, eq=False)
class _Outcome:
    path: str
    status: str
    message: str = ""
    spectra: Spectra | None = None


def read_many(
    paths: Iterable[str | PathLike[str]],
    *,
    block: int = 256,
    prepare: Callable[[Spectra], Spectra] | None = None,
    reader: Callable[[str | PathLike[str]], Spectra] = read,
) -> Iterator[Block]:
    """Read files a block at a time; memory is that of one block, however many files there are.

    All spectra have the grid of the first file that can be used (after `prepare`).

    Parameters
    ----------
    paths
        Paths, from a list or a generator.
    block
        Number of files in a block.
    prepare
        What is done with the spectra of each file, such as ``lambda s: s.coadd`` (one row for each star), or a shift
        to rest and to a common grid. `InputError` from it gives the file the status ``"unreadable"``.
    reader
        What reads a file: `read`, or a function that calls it with other options.

    Yields
    ------
    block
        Spectra and a table of the files.

    Raises
    ------
    InputError
        The size of a block is not positive.

    Examples
    --------
    >>> for part in read_many(["missing.fits"]):
    ...     print(part.files["path", "status"].as_array().tolist(), part.spectra)
    [('missing.fits', 'missing')] None
    """
    if block < 1:
        raise InputError(f"block is {block}. Give the number of files in a block, 1 or more.")
    return _blocks(iter(paths), block, prepare, reader)


def _blocks(
    paths: Iterator[str | PathLike[str]],
    size: int,
    prepare: Callable[[Spectra], Spectra] | None,
    reader: Callable[[str | PathLike[str]], Spectra],
) -> Iterator[Block]:
    first: Spectra | None = None
    while chunk := list(islice(paths, size)):
        outcomes = []
        for path in chunk:
            outcome = _compared(_one(path, prepare, reader), first)
            if first is None and outcome.spectra is not None:
                first = outcome.spectra[:1]
            outcomes.append(outcome)
        yield _block(outcomes)


def _one(
    path: str | PathLike[str],
    prepare: Callable[[Spectra], Spectra] | None,
    reader: Callable[[str | PathLike[str]], Spectra],
) -> _Outcome:
    name = str(Path(path))
    try:
        spectra = reader(path)
        spectra = spectra if prepare is None else prepare(spectra)
    except FileNotFoundError as error:
        return _Outcome(name, "missing", str(error))
    except (InputError, InputTypeError, OSError) as error:
        return _Outcome(name, "unreadable", str(error))
    if not (spectra.ivar > 0).any():
        return _Outcome(name, "empty", "No pixel is usable: all inverse variances are 0.")
    return _Outcome(name, "ok", "", spectra)


def _compared(outcome: _Outcome, first: Spectra | None) -> _Outcome:
    if first is None or outcome.spectra is None:
        return outcome
    what = difference(first, outcome.spectra)
    return _Outcome(outcome.path, "different", f"It has {what}.") if what else outcome


def _block(outcomes: list[_Outcome]) -> Block:
    used = [outcome.spectra for outcome in outcomes if outcome.spectra is not None]
    counts = [0 if outcome.spectra is None else len(outcome.spectra) for outcome in outcomes]
    files = Table(
        {
            "path": [outcome.path for outcome in outcomes],
            "status": [outcome.status for outcome in outcomes],
            "message": [outcome.message for outcome in outcomes],
            "first": list(accumulate(counts[:-1], initial=0)),
            "n_rows": counts,
        }
    )
    return Block(together(used) if used else None, files)
