"""A limit on the memory of a command that the operating system enforces, caches of files included where it can."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Limit:
    """How commands are limited.

    Attributes
    ----------
    kind
        What enforces it, for people.
    prefix
        What stands before a command.
    peak
        File with the largest use of memory so far, caches of files included; None if that is not counted.
    """

    kind: str
    prefix: tuple[str, ...]
    peak: Path | None

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command within the limit; its output is kept, its errors are shown."""
        return subprocess.run([*self.prefix, *command], check=False, stdout=subprocess.PIPE, text=True)

    def peak_bytes(self) -> int | None:
        """Largest use of memory so far."""
        return None if self.peak is None else int(self.peak.read_text())


@contextmanager
def limited(n_bytes: int) -> Iterator[Limit]:
    """A limit of so many bytes: a memory cgroup of version 1 or 2, else `RLIMIT_DATA`, which counts no files."""
    name = f"manyfit-{os.getpid()}"
    for group, limit, peak, kind in (
        (CGROUPS / "memory" / name, "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory cgroup, version 1"),
        (CGROUPS / name, "memory.max", "memory.peak", "memory cgroup, version 2"),
    ):
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if not (group / limit).exists():
                continue
            (group / limit).write_text(str(n_bytes))
            enter = f'echo $$ > {group / "cgroup.procs"} && exec "$@"'
            yield Limit(kind, ("sh", "-c", enter, "sh"), group / peak)
            return
        finally:
            _remove(group)
    yield Limit("RLIMIT_DATA", ("sh", "-c", f'ulimit -d {n_bytes // 1024} && exec "$@"', "sh"), None)


def _remove(group: Path) -> None:
    """Remove a group, as soon as the last process has left it."""
    for _ in range(50):
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.1)
