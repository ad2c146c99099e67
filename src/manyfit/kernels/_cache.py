"""Generated modules on disk: written once, imported by name in every process, compiled code kept beside them.

The folder's name holds a digest of everything that a compiled kernel depends on: the versions of Python, Numba and
NumPy and the text of the engine itself. A new version of any of them starts a new folder, so nothing stale is ever
loaded. Numba adds the kind of processor.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from manyfit.errors import ManyfitWarning

#: Environment variable that names the folder of compiled kernels.
VARIABLE = "MANYFIT_CACHE"


def root() -> Path:
    """The folder of all caches: $MANYFIT_CACHE, else the user's cache folder."""
    if given := os.environ.get(VARIABLE):
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "manyfit"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "manyfit"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "manyfit"


@cache
def folder() -> Path:
    """The folder for this version of the engine; a temporary one where the user's cannot be written.

    The folder is chosen once in a process: modules already imported from it must stay importable.
    """
    return usable(f"kernels-{engine_digest()}")


def usable(name: str) -> Path:
    """The folder of this name among the caches, or a temporary one where that is not ours or cannot be written."""
    wanted = root() / name
    try:
        wanted.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        wanted.mkdir(mode=0o755, exist_ok=True)
        if _is_of_others(wanted.parent, sticky=True) or _is_of_others(wanted):
            warnings.warn(
                f"The cache of compiled code {str(wanted)!r}, or the folder above, belongs to another user, or others "
                "can write to it, and what is in it would be executed: a temporary folder is used. Take their right "
                f"to write (chmod go-w) from both, or give a folder of your own as {VARIABLE}.",
                ManyfitWarning,
                stacklevel=3,
            )
            return _temporary()
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except OSError:
        return _temporary()


def _temporary() -> Path:
    return Path(tempfile.mkdtemp(prefix="manyfit-kernels-"))


def _is_of_others(place: Path, *, sticky: bool = False) -> bool:
    """Whether somebody else could put code there; on Windows this is not looked at.

    In a `sticky` folder, such as /tmp, others can make files, but not replace those of their owner.
    """
    if sys.platform == "win32":
        return False
    found = place.stat()
    writable = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return found.st_uid not in (0, os.getuid()) or bool(writable and not (sticky and found.st_mode & stat.S_ISVTX))


@cache
def engine_digest() -> str:
    """A digest of the engine's source and of the compilers' versions."""
    from importlib.metadata import version

    digest = hashlib.sha256("|".join([sys.version, version("numba"), version("numpy")]).encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def load(text: str, stem: str) -> ModuleType:
    """Import a module with this text, writing it first if no process has done so yet."""
    name = f"{stem}_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    path = folder() / f"{name}.py"
    if not path.exists():
        _write_once(path, text)
        importlib.invalidate_caches()
    elif path.read_text(encoding="utf-8", errors="replace") != text:  # damaged
        path.unlink(missing_ok=True)
        _write_once(path, text)
    return importlib.import_module(f"manyfit.kernels.generated.{name}")


def forget_machine_code(function: Callable[..., Any]) -> None:
    """Remove the compiled code of a generated module's function from the disk."""
    for path in (folder() / "__pycache__").glob(f"{Path(function.__code__.co_filename).stem}.*.nb?"):
        path.unlink(missing_ok=True)


def _write_once(path: Path, text: str) -> None:
    # The compiled code is tied to the time of its source, so a file that another process has just made must stay.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
        file.write(text)
    try:
        os.link(file.name, path)
    except FileExistsError:
        pass
    except OSError:
        Path(file.name).replace(path)
        return
    Path(file.name).unlink()
