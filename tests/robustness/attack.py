"""Open thousands of spoiled files, and report what is no clear error: `python -m tests.robustness.attack fits 1000`.

Example i of a kind is always the same file, so that a fault can be looked at again:
`python -m tests.robustness.attack fits 1 --first 4711`. The last line of the output is JSON.
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
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from manyfit.errors import ManyfitError, ManyfitWarning

#: What opening a file may raise: our own errors, and those of the system.
DOCUMENTED = (ManyfitError, OSError)
#: Seconds for one example; and bytes of memory on top of what the process has when it begins.
PATIENCE, ROOM = 20, 2 * 2**30
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
        if not place.startswith(self.allowed):
            self.seen.append(f"{what} {place}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("fits", "hdf5", "zarr", "archive"))
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ["MANYFIT_SCRATCH"] = str(Path(name) / "scratch")
        print(json.dumps(attack(given.kind, given.first, given.count, Path(name).resolve())))


def attack(kind: str, first: int, count: int, folder: Path) -> dict[str, Any]:
    """Open examples of one kind; the faults found, by number of the example and door."""
    from manyfit.kernels._cache import root

    from .doors import DOORS, quiet
    from .mutations import SPOILERS
    from .seeds import WRITERS

    good, here = folder / "good", folder / "here"
    good.mkdir()
    here.mkdir()
    WRITERS[kind](good)
    seeds = sorted(good.iterdir())
    check_good(seeds, DOORS[kind])
    secret(folder)
    os.chdir(here)
    watch = Watch((str(folder / "scratch"), str(root().resolve()), "/dev/null"))
    sys.addaudithook(watch)
    faulthandler.enable()
    limit_memory()
    faults: list[str] = []
    told: Counter[str] = Counter()
    started, slowest = time.perf_counter(), 0.0
    for number in range(first, first + count):
        random = Random(f"{kind} {number}")
        seed = random.choice(seeds)
        path = here / f"example{seed.suffix}"
        copy(seed, path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                SPOILERS[kind](path, random)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, UnicodeError):
            pass  # it cannot be spoiled in this way: as it is now it is an example too
        before = listing(folder)
        for door, enter in DOORS[kind].items():
            begun = time.perf_counter()
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            print(f"{kind} {number} {seed.name} {door}", file=sys.stderr, flush=True)
            watch.on = True
            try:
                with warnings.catch_warnings(record=True) as caught, quiet():
                    warnings.simplefilter("always")
                    enter(path)
                told["opened"] += 1
            except DOCUMENTED as error:
                told[type(error).__name__] += 1
            except BaseException as error:  # noqa: BLE001  whatever it is, it is a fault
                last = traceback.extract_tb(error.__traceback__)
                own = [f for f in last if "/manyfit/" in f.filename] or last
                place = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
                faults.append(f"{number} {seed.name} {door}: {type(error).__name__} at {place}: {error}"[:400])
            watch.on = False
            # astropy leaves files open that it refuses: they are closed when its objects are collected
            foreign = [w for w in caught if not issubclass(w.category, ManyfitWarning | ResourceWarning)]
            faults += [f"{number} {seed.name} {door}: warning {w.category.__name__} {w.message}"[:300] for w in foreign]
            faults += [f"{number} {seed.name} {door}: {what}" for what in watch.seen]
            watch.seen.clear()
            slowest = max(slowest, time.perf_counter() - begun)
        faulthandler.cancel_dump_traceback_later()
        if new := listing(folder) - before:
            faults.append(f"{number} {seed.name}: new files {sorted(new)[:3]}")
        remove(path)
    seconds = time.perf_counter() - started
    return {"faults": faults, "told": told, "seconds": round(seconds, 1), "slowest": round(slowest, 2)}


def check_good(seeds: list[Path], doors: dict[str, Any]) -> None:
    """Each good file can be opened by one of the doors at least: else its spoiled copies would show nothing."""
    for seed in seeds:
        opened = 0
        for enter in doors.values():
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
