"""Compiled kernels on disk: found again, shared between processes, repaired where damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from manyfit.errors import ManyfitWarning
from manyfit.kernels import _cache

#: Fits one Gaussian in a new process and prints the answer and what came from the cache.
PROGRAM = """
import numpy as np
from astropy.modeling.models import Gaussian1D
from manyfit.kernels import Elements, KernelSpec, Options, fit, folder
from manyfit.kernels.targets import cpu
from manyfit.models import formula

f = formula(Gaussian1D())
x = np.linspace(0, 9, 40)
y = 3 * np.exp(-0.5 * ((x - 4) / 1.1) ** 2)
free = np.full((1, 3), np.inf)
found = fit(f, Elements(x[None], y[None], None, np.array([[2.0, 4.5, 1.0]]), -free, free), Options())
stats = cpu.solver("float64").stats
counts = [cpu.kernel(KernelSpec(f)).code[0].cache_hits]
counts += [sum(stats.cache_hits.values()), sum(stats.cache_misses.values())]
print(found.values.round(9).tolist(), counts, folder())
"""
ANSWER = "[[3.0, 4.0, 1.1]]"


def start(cache: Path, **more: str) -> subprocess.Popen[str]:
    env = {**os.environ, "MANYFIT_CACHE": str(cache), **more}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    text, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return text


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A cache that two processes have filled at the same time, and what they printed."""
    cache = tmp_path_factory.mktemp("cache")
    both = [start(cache), start(cache)]
    return cache, [output(process) for process in both]


def generated(cache: Path) -> list[Path]:
    return sorted(cache.glob("kernels-*/*.py"))


def test_two_processes_compile_at_once(filled):
    cache, printed = filled
    assert all(text.startswith(ANSWER) for text in printed)
    assert len(generated(cache)) == 2  # a kernel and the solver, each written once
    assert not list(cache.rglob("*.tmp"))


def test_the_next_process_does_not_compile(filled):
    cache, _ = filled
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}
    assert f"{ANSWER} [1, 1, 0]" in output(start(cache))
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")} == before


DAMAGE = {
    "index of noise": ("*.nbi", lambda p: p.write_bytes(bytes(range(256)))),
    "code cut": ("*.nbc", lambda p: p.write_bytes(p.read_bytes()[:100])),
    "code lost": ("*.nbc", lambda p: p.unlink()),
    "source cut": ("kernel_*.py", lambda p: p.write_text(p.read_text()[: len(p.read_text()) // 2])),
    "source lost": ("kernel_*.py", lambda p: p.unlink()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_repaired(filled, tmp_path, damage):
    import shutil

    cache = tmp_path / "cache"
    shutil.copytree(filled[0], cache)  # keeps the times of the files, which compiled code is tied to
    pattern, spoil = DAMAGE[damage]
    found = [path for path in cache.rglob(pattern) if "solver" not in path.name]
    assert found
    for path in found:
        spoil(path)
    assert output(start(cache)).startswith(ANSWER)
    if damage == "index of noise":
        assert "[1, 1, 0]" in output(start(cache))  # and stays repaired


def test_folder_that_cannot_be_made(tmp_path):
    """A file stands where the folder should be: a temporary one is used."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    printed = output(start(blocked, TMPDIR=str(tmp_path)))
    assert printed.startswith(ANSWER)
    assert str(tmp_path / "manyfit-kernels-") in printed


def test_folder_that_cannot_be_written(tmp_path, monkeypatch):
    """Root may write anywhere, so the refusal is played."""
    monkeypatch.setenv("MANYFIT_CACHE", str(tmp_path))

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_cache.tempfile, "TemporaryFile", refuse)
    chosen = _cache.folder.__wrapped__()
    assert chosen.name.startswith("manyfit-kernels-")
    assert tmp_path not in chosen.parents


@pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_folder_that_others_can_write_to_is_not_used(tmp_path, monkeypatch, mode):
    monkeypatch.setenv("MANYFIT_CACHE", str(tmp_path / "cache"))
    own = _cache.usable("kernels")
    assert own == tmp_path / "cache" / "kernels"
    own.chmod(mode)
    with pytest.warns(ManyfitWarning, match="others can write"):
        assert tmp_path not in _cache.usable("kernels").parents
    own.chmod(0o755)
    own.parent.chmod(mode)
    if mode == 0o1777:  # as /tmp, where nobody can replace a folder of another
        assert _cache.usable("kernels") == own
        return
    with pytest.warns(ManyfitWarning, match="others can write"):
        assert tmp_path not in _cache.usable("kernels").parents


@pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")
def test_folder_of_another_user_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYFIT_CACHE", str(tmp_path / "cache"))
    own = _cache.usable("kernels")
    monkeypatch.setattr(_cache.os, "getuid", lambda: own.stat().st_uid + 1)
    if own.stat().st_uid == 0:  # the superuser can write anywhere in any case
        os.chown(own, 4711, 4711)
    with pytest.warns(ManyfitWarning, match="another user"):
        assert tmp_path not in _cache.usable("kernels").parents


@pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")
def test_folder_is_made_so_that_only_its_owner_can_write(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYFIT_CACHE", str(tmp_path / "cache"))
    before = os.umask(0o002)
    try:
        made = _cache.usable("kernels")
    finally:
        os.umask(before)
    assert not (made.stat().st_mode | made.parent.stat().st_mode) & 0o022


def test_digest_follows_the_engine(tmp_path, monkeypatch):
    """A change of any file of the engine starts a new folder."""
    engine = tmp_path / "kernels"
    (engine / "targets").mkdir(parents=True)
    (engine / "_cache.py").write_text("a")
    (engine / "targets" / "cpu.py").write_text("b")
    monkeypatch.setattr(_cache, "__file__", str(engine / "_cache.py"))
    digest = _cache.engine_digest.__wrapped__
    first = digest()
    assert digest() == first
    (engine / "targets" / "cpu.py").write_text("c")
    second = digest()
    (engine / "targets" / "cpu.py").write_text("b")
    assert digest() == first
    (engine / "targets" / "new.py").write_text("b")
    assert len({first, second, digest()}) == 3


def test_digest_follows_the_versions(monkeypatch):
    import importlib.metadata

    digest = _cache.engine_digest.__wrapped__
    first = digest()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0")
    assert digest() != first


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"MANYFIT_CACHE": "/a/b"}, "/a/b"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/manyfit"),
        ("linux", {"HOME": "/h"}, "/h/.cache/manyfit"),
        ("linux", {"HOME": "/h", "XDG_CACHE_HOME": ""}, "/h/.cache/manyfit"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/manyfit"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/manyfit"),
    ],
)
def test_where_the_cache_is(platform, variables, expected, monkeypatch):
    for name in ("MANYFIT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_cache.sys, "platform", platform)
    assert _cache.root() == Path(expected)


def test_written_once(tmp_path):
    """A module that is there keeps its time, which compiled code is tied to."""
    path = tmp_path / "module.py"
    _cache._write_once(path, "first")
    time = path.stat().st_mtime_ns
    _cache._write_once(path, "second")
    assert path.read_text() == "first"
    assert path.stat().st_mtime_ns == time
    assert list(tmp_path.iterdir()) == [path]


def test_disks_without_links(tmp_path, monkeypatch):
    def refuse(*args: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(_cache.os, "link", refuse)
    path = tmp_path / "module.py"
    _cache._write_once(path, "text")
    assert path.read_text() == "text"
    assert list(tmp_path.iterdir()) == [path]
