"""What may happen to a run that writes a store, and what is left then."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from threading import Event

import numpy as np
import pytest
from astropy.modeling.models import Linear1D

from manyfit import FitResult, Status, fit
from manyfit.blocks import BlockStore
from manyfit.blocks._objects import Folder
from manyfit.errors import InputError
from manyfit.fitting import _work

X = np.arange(20.0)[:, None]
DATA = np.random.default_rng(0).normal(size=(20, 1200)) + X
MEMORY = 60_000  # for blocks of some hundred elements


def run(store, data=DATA, **options):
    return fit(Linear1D(), data, store=store, memory=MEMORY, scheduler="serial", **options)


def complete(store, data=DATA):
    """Complete a store; its numbers must be those of a fit in memory."""
    result, plain = run(store, data).compute(), fit(Linear1D(), data)
    for name in plain:
        np.testing.assert_array_equal(result[name], plain[name])
        np.testing.assert_array_equal(result.error[name], plain.error[name])
    np.testing.assert_array_equal(result.status, plain.status)


def intact(store):
    """Blocks that are done, each of them whole."""
    opened = BlockStore.open(store)
    done = opened.done()
    assert all(opened.is_whole(block) for block in opened.plan.blocks if block.index in done)
    return done


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("n", [9, 12, 17])
def test_disk_that_fails_in_the_middle(tmp_path, monkeypatch, code, n):
    """The n-th file cannot be written, or only half of it."""
    real, count = Folder._place, []

    def failing(self, name, content, move):
        count.append(name)
        if len(count) >= n:
            real(self, f"{name}", content[: len(content) // 2], lambda part, path: None)
            raise OSError(code, os.strerror(code))
        real(self, name, content, move)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "_place", failing)
        with pytest.raises(OSError, match=os.strerror(code)):
            run(tmp_path / "a")
    done = intact(tmp_path / "a")
    assert len(done) == (n - 9) // 8
    complete(tmp_path / "a")


def test_disk_that_is_really_full(tmp_path):
    """The operating system refuses to make files longer than some bytes, in a process of its own."""
    data = np.tile(DATA, 4)
    np.save(tmp_path / "data.npy", data)
    code = (
        "import resource, signal, sys, numpy as np, manyfit\n"
        "from astropy.modeling.models import Linear1D\n"
        "data = np.load(sys.argv[1])\n"
        "manyfit.fit(Linear1D(), data, scheduler='serial')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "manyfit.fit(Linear1D(), data, store=sys.argv[2], memory=10_000_000, scheduler='serial')\n"
    )
    call = [sys.executable, "-c", code, tmp_path / "data.npy", tmp_path / "a"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "File too large" in done.stderr.splitlines()[-1]
    assert intact(tmp_path / "a") == set()
    assert not list((tmp_path / "a" / "parts").iterdir())
    complete(tmp_path / "a", data)


def test_read_only_store(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        run(tmp_path / "file" / "a")

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    run(tmp_path / "a")
    monkeypatch.setattr(Folder, "_place", refuse)
    complete(tmp_path / "a")  # a complete one is only read
    with pytest.raises(PermissionError):
        run(tmp_path / "b")


def test_bucket_that_goes_away(tmp_path, monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    url, count, real = f"memory://{tmp_path.name}/a.zarr", [], MemoryFileSystem.pipe_file

    def failing(self, path, value, mode="overwrite", **options):
        count.append(path)
        if len(count) > 21:
            raise ConnectionError("the bucket does not answer")
        real(self, path, value, mode=mode, **options)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "pipe_file", failing)
        with pytest.raises(ConnectionError, match=r"a.zarr': the bucket does not answer"):
            run(url)
    assert len(intact(url)) == (21 - 8) // 8
    complete(url)


def test_source_that_becomes_shorter_and_comes_back(tmp_path, monkeypatch):
    """The results of the blocks that were read stay, and a file that was copied again is the same."""
    path = tmp_path / "data.fits"
    from astropy.io import fits

    fits.writeto(path, DATA)
    whole, real, count = path.read_bytes(), _work.KernelWork.__call__, []

    def cut(self, block):
        count.append(block.index)
        if len(count) == 2:
            path.write_bytes(whole[: len(whole) // 2])
        return real(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(_work.KernelWork, "__call__", cut)
        with pytest.raises(InputError, match="truncated"):
            run(tmp_path / "a", path)
    assert intact(tmp_path / "a") == {0}
    with pytest.raises(InputError, match="truncated"):
        run(tmp_path / "a", path)
    path.write_bytes(whole)
    os.utime(path, (0, 0))
    complete(tmp_path / "a", path)


def test_clock_that_jumps(tmp_path, monkeypatch):
    """No decision depends on a time."""
    run(tmp_path / "a")
    for file in (tmp_path / "a").rglob("*"):
        os.utime(file, (4e9, 4e9))
    before = sorted((tmp_path / "a" / "done").iterdir())
    monkeypatch.setattr("time.time", lambda: 0.0)
    complete(tmp_path / "a")
    assert sorted((tmp_path / "a" / "done").iterdir()) == before


def test_one_slow_worker(tmp_path, monkeypatch):
    """A thread that takes long for a block holds up no other, and nothing depends on the order of blocks."""
    run(tmp_path / "known")
    n_blocks = len(BlockStore.open(tmp_path / "known").plan.blocks)
    assert n_blocks > 4
    real, ended, others = _work.KernelWork.__call__, [], Event()

    def slow(self, block):
        if block.index == 0:
            assert others.wait(60)
        found = real(self, block)
        ended.append(block.index)
        if len(ended) == n_blocks - 1:
            others.set()
        return found

    monkeypatch.setattr(_work.KernelWork, "__call__", slow)
    fit(Linear1D(), DATA, store=tmp_path / "a", memory=2 * MEMORY, workers=2)
    assert len(ended) == len(BlockStore.open(tmp_path / "a").plan.blocks) == n_blocks
    assert ended[-1] == 0
    monkeypatch.undo()
    complete(tmp_path / "a")


def test_block_of_nan(tmp_path):
    data = DATA.copy()
    data[:, :600] = np.nan
    data[3, 700] = np.inf
    complete(tmp_path / "a", data)
    result = FitResult.open(tmp_path / "a").compute()
    assert (result.status[:600] == Status.NO_VALID_POINTS).all()
    assert np.isnan(result["slope"][:600]).all()
    assert result.good[600:].all()
    assert result.n_points[700] == 19


def test_memory_of_a_stored_fit_does_not_hold_the_results(tmp_path):
    """Results of 73 MB go through a process that has less room than that for them."""
    code = (
        "import resource, sys, numpy as np, manyfit\n"
        "from astropy.modeling.models import Linear1D\n"
        "small = np.zeros((4, 10))\n"
        "manyfit.fit(Linear1D(), small, store=sys.argv[1] + '0', workers=2)\n"
        "data = np.lib.stride_tricks.as_strided(np.arange(4.0), (4, 1_000_000), (8, 0))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "result = manyfit.fit(Linear1D(), data, store=sys.argv[1], memory=4_000_000, workers=2)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a"], capture_output=True, text=True, check=True)
    stored = sum(path.stat().st_size for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert stored > 70e6
    assert int(done.stdout) * 1024 < 50e6


@pytest.mark.slow
def test_memory_of_exports_and_models_of_a_stored_fit(tmp_path):
    """Maps of 110 MB, and a residual of 64 MB, are written and read by a process that has room for 60 MB more."""
    data = np.lib.stride_tricks.as_strided(np.arange(4.0), (4, 2000, 1000), (8, 0, 0))
    small = {"store": tmp_path / "small", "keep": "residual", "scheduler": "serial"}
    fit(Linear1D(), np.zeros((4, 3, 3)), **small)
    fit(Linear1D(), data, **small | {"store": tmp_path / "large"}, memory=4_000_000)
    code = (
        "import resource, sys, manyfit\n"
        "def use(name):\n"
        "    result = manyfit.FitResult.open(f'{sys.argv[1]}/{name}')\n"
        "    result.to_fits(f'{sys.argv[1]}/{name}.fits')\n"
        "    result.to_xarray()[['slope', 'status']].to_zarr(f'{sys.argv[1]}/{name}.zarr', zarr_format=2)\n"
        "    print(float(abs(result.residual()).max().compute(scheduler='synchronous')) < 1e-9)\n"
        "use('small')\n"
        "used = int(open('/proc/self/statm').read().split()[5]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (used + 60_000_000,) * 2)\n"
        "use('large')\n"
    )
    call = [sys.executable, "-c", code, tmp_path]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True"]
    assert (tmp_path / "large.fits").stat().st_size > 150e6
    read = FitResult.read(tmp_path / "large.fits")
    np.testing.assert_array_equal(read["slope"], FitResult.open(tmp_path / "large").compute()["slope"])
