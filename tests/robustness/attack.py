"""Open thousands of spoiled files, and report what is no clear error: `python -m tests.robustness.attack fits 1000`.

Example i of a kind is always the same file, so that a fault can be looked at again:
`python -m tests.robustness.attack fits 1 --first 4711`. Output is one line of JSON for each kind.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import manyfit
from manyfit.errors import ManyfitError, ManyfitWarning

#: What opening a file may raise: our own errors, and those of the system.
DOCUMENTED = (ManyfitError, OSError)
#: Seconds for one example; and bytes of memory on top of what the process has when it begins.
PATIENCE, ROOM = 20, 2 * 2**30
SOURCE = str(Path(manyfit.__file__).parent)
WRITES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
NEVER = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "socket.connect", "urllib.Request")


@dataclass
class Watch:
    """What the interpreter says it does, while an example is open."""

    allowed: tuple[str, ...]
    on: bool = False
    seen: list[str] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in NEVER:
            self.seen.append(f"{event} {arguments!r}"[:300])
        elif event == "open" and isinstance(arguments[0], str | bytes):
            flags = arguments[2] or 0
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
                self._note("open to write", arguments[0])
        elif event in WRITES:
            self._note(event, arguments[0])

    def _note(self, what: str, path: Any) -> None:
        place = os.path.realpath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else str(path)
        compiled = place.startswith(SOURCE) and "__pycache__" in place  # Numba's, of functions of the package
        if not (compiled or place.startswith(self.allowed)):
            self.seen.append(f"{what} {place}")


@dataclass
class Report:
    """What came of the examples of one kind: faults by number of the example and door."""

    kind: str
    faults: list[str] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", help="fits, hdf5, zarr, archive, or several with commas")
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["MANYFIT_SCRATCH"] = str(Path(name) / "scratch")
        numbers = range(given.first, given.first + given.count)
        for report in attack(given.kinds.split(","), numbers, Path(name).resolve()):
            print(json.dumps(vars(report)))


def attack(kinds: list[str], numbers: range, folder: Path) -> Iterator[Report]:
    """Open the examples of these numbers of each kind."""
    from manyfit.kernels._cache import root

    from .seeds import WRITERS

    here = folder / "here"
    here.mkdir()
    seeds: dict[str, list[Path]] = {}
    for kind in kinds:
        good = folder / kind
        good.mkdir()
        WRITERS[kind](good)
        seeds[kind] = sorted(good.iterdir())
        check_good(seeds[kind], kind)
    secret(folder)
    os.chdir(here)
    watch = Watch((str(folder / "scratch"), str(root().resolve()), "/dev/null"))
    sys.addaudithook(watch)
    faulthandler.enable()
    limit_memory()
    for kind in kinds:
        report, started = Report(kind), time.perf_counter()
        for number in numbers:
            one_example(report, number, spoiled(seeds[kind], kind, number, here), watch)
        report.seconds = round(time.perf_counter() - started, 1)
        yield report


def spoiled(seeds: list[Path], kind: str, number: int, here: Path) -> Path:
    """Example of this number."""
    from .mutations import SPOILERS

    random = Random(f"{kind} {number}")
    seed = random.choice(seeds)
    path = here / f"{seed.stem}{seed.suffix}"
    copy(seed, path)
    # where it cannot be spoiled in this way: as it is now it is an example too
    with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError, TypeError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        SPOILERS[kind](path, random)
    return path


def one_example(report: Report, number: int, path: Path, watch: Watch) -> None:
    """Open a file by all doors of its kind, and remove it."""
    from .doors import DOORS

    before = listing(path.parent.parent)
    for door, enter in DOORS[report.kind].items():
        name = f"{report.kind} {number} {path.name} {door}"
        print(name, file=sys.stderr, flush=True)
        begun = time.perf_counter()
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        outcome, faults = one_door(partial(enter, path), watch)
        faulthandler.cancel_dump_traceback_later()
        report.slowest = max(report.slowest, round(time.perf_counter() - begun, 2))
        report.told[outcome] += 1
        report.faults += [f"{name}: {fault}"[:400] for fault in faults]
    if new := listing(path.parent.parent) - before:
        report.faults.append(f"{report.kind} {number} {path.name}: new files {sorted(new)[:3]}")
    remove(path)


def one_door(enter: Callable[[], object], watch: Watch) -> tuple[str, list[str]]:
    """What it ended with, and what is a fault of that."""
    from .doors import quiet

    faults: list[str] = []
    outcome = "opened"
    watch.on = True
    with warnings.catch_warnings(record=True) as caught, quiet():
        warnings.simplefilter("always")
        try:
            enter()
        except DOCUMENTED as error:
            outcome = type(error).__name__
        except BaseException as error:  # noqa: BLE001  whatever it is, it is a fault
            outcome = "fault"
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in frames if frame.filename.startswith(SOURCE)] or frames
            faults.append(f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}: {error}")
    watch.on = False
    faults += watch.seen
    watch.seen.clear()
    # astropy leaves files open that it refuses: they are closed when its objects are collected
    foreign = [w for w in caught if not issubclass(w.category, ManyfitWarning | ResourceWarning)]
    return outcome, faults + [f"warning {w.category.__name__} {w.message}" for w in foreign]


def check_good(seeds: list[Path], kind: str) -> None:
    """Each good file can be opened by one of the doors at least: else its spoiled copies would show nothing."""
    from .doors import DOORS

    for seed in seeds:
        opened = 0
        for enter in DOORS[kind].values():
            with contextlib.suppress(Exception):
                enter(seed)
                opened += 1
        assert opened, f"{seed.name} cannot be opened"


def secret(folder: Path) -> None:
    """A file beside the examples, to which links point."""
    import h5py

    with h5py.File(folder / "secret.h5", "w") as file:
        file["secret"] = [42.0] * 72


def limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM,) * 2)


def copy(seed: Path, path: Path) -> None:
    if seed.is_dir():
        shutil.copytree(seed, path, symlinks=True)
    else:
        shutil.copyfile(seed, path)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def listing(folder: Path) -> set[str]:
    return {str(p) for p in folder.rglob("*") if "scratch" not in p.parts}


if __name__ == "__main__":
    main()
