"""Stores on the command line: written, continued and looked at while they are written."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.modeling.models import Linear1D
from click.testing import CliRunner
from numpy.testing import assert_array_equal

from manyfit import FitResult, datasets
from manyfit import fit as fit_model
from manyfit.blocks import BlockStore, Field, Layout
from manyfit.cli import main
from manyfit.fitting import _work
from manyfit.models import parse

MODEL = "Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)"
CALL = ("fit", "cube.fits", "-m", MODEL, "--store", "out.zarr", "--memory", "10 kB")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    datasets.simulate_cube((40, 12, 10), noise=0.1).write(tmp_path / "cube.fits")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="manyfit")


def ok(*arguments):
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return done


def test_fit_into_a_store(folder):
    done = ok(*CALL)
    assert "Gaussian1D fitted to 12 x 10 = 120 elements" in done.stdout
    assert "Wrote out.zarr." in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["cube.fits", "out.zarr"]
    expected = fit_model(parse(MODEL), "cube.fits")
    assert_array_equal(FitResult.open("out.zarr").compute()["mean"], expected["mean"])
    shown = ok("info", "out.zarr").stdout
    assert shown.startswith("Complete: 120 of 120 elements in ")
    assert "Gaussian1D fitted to 12 x 10 = 120 elements" in shown


def test_store_and_file(folder):
    ok(*CALL, "-o", "out.fits", "-q")
    assert sorted(path.name for path in folder.iterdir()) == ["cube.fits", "out.fits", "out.zarr"]
    assert_array_equal(FitResult.read("out.fits")["mean"], FitResult.open("out.zarr").compute()["mean"])


def test_store_of_another_fit_is_an_error_without_traceback():
    ok(*CALL, "-q")
    done = run(*CALL, "--bounds", "mean=4:5 km/s")
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit)
    assert "lower bounds.mean: -inf in the store, 4.0 now" in done.stderr


def test_info_of_what_is_no_store(folder):
    (folder / "other").mkdir()
    for name in ("other", "none.zarr"):
        done = run("info", name)
        assert done.exit_code != 0
        assert isinstance(done.exception, SystemExit)


def test_info_of_another_kind_of_store(folder):
    layout = Layout((5, 4), (2, 4), {"x": Field("float64")}, ("a", "b"))
    store = BlockStore.make(folder / "x.zarr", layout, {"kind": "strange", "colour": "red", "long": "y" * 500})
    store.put(store.plan.blocks[1], {"x": np.ones((2, 4))})
    shown = ok("info", "x.zarr").stdout
    assert shown.startswith("Unfinished, 40.0 %: 8 of 20 elements in 1 of 3 blocks.")
    assert "Store of kind 'strange', shape (5, 4) (a, b)\narrays: x\ncolour: red\nlong: yyy" in shown
    assert max(map(len, shown.splitlines())) < 120


def test_kept_model_and_selection_are_told(folder):
    ok(*CALL, "-q", "--keep", "model, residual")
    shown = ok("info", "out.zarr").stdout
    assert "It keeps model and residual in the shape of the data." in shown
    opened = FitResult.open("out.zarr")
    assert_array_equal((opened.evaluate() + opened.residual()).compute().shape, (40, 12, 10))
    fit_model(parse(MODEL), "cube.fits", store="some.zarr", select=np.arange(10) < 4)
    assert "48 elements are selected; the others are not fitted." in ok("info", "some.zarr").stdout
    done = run("fit", "cube.fits", "-m", MODEL, "--keep", "model")
    assert done.exit_code != 0
    assert "keep needs a store" in done.stderr


INFO = """
import resource, sys
from manyfit.cli import main
main(["info", sys.argv[1] + "/small.zarr"], standalone_mode=False)
used = int(open("/proc/self/statm").read().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (used + 90_000_000,) * 2)
main(["info", sys.argv[1] + "/large.zarr"], standalone_mode=False)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_info_of_a_large_store_needs_little_memory(folder):
    """Of a store of 186 MB, by a process that may take 90 MB beyond what it has."""
    for name, n in (("small", 100), ("large", 2_400_000)):
        data = np.lib.stride_tricks.as_strided(np.arange(4.0), (4, n), (8, 0))
        fit_model(Linear1D(), data, store=folder / f"{name}.zarr", memory=4_000_000, scheduler="serial")
    done = subprocess.run([sys.executable, "-c", INFO, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Complete: 2,400,000 of 2,400,000 elements" in done.stdout
    assert "medians are of one element in 10; counts are of all" in done.stdout
    stored = sum(path.stat().st_size for path in (folder / "large.zarr").rglob("*") if path.is_file())
    assert stored > 170e6


@pytest.mark.parametrize("n", [0, 3])
def test_info_of_an_unfinished_store(monkeypatch, n):
    real, count = _work.KernelWork.__call__, []

    def mortal(self, block):
        if len(count) == n:
            raise OSError("no space left on device")
        count.append(block)
        return real(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(_work.KernelWork, "__call__", mortal)
        done = run(*CALL, "--scheduler", "serial")
    assert done.exit_code != 0
    assert "no space left" in done.stderr
    stage = BlockStore.open("out.zarr").progress()
    shown = ok("info", "out.zarr").stdout
    assert shown.startswith(
        f"Unfinished, {100 * stage.elements / 120:.1f} %: {stage.elements} of 120 elements in {n} of"
    )
    assert "not_fitted" in shown
    done = ok(*CALL)
    assert "120 of 120 spectra" in done.stderr
    assert ok("info", "out.zarr").stdout.startswith("Complete")


SLOW = """
import sys, time
from manyfit.cli import main
from manyfit.fitting import _work
real = _work.KernelWork.__call__
_work.KernelWork.__call__ = lambda self, block: (time.sleep(0.1), real(self, block))[1]
main(sys.argv[1:])
"""


def test_info_from_another_process():
    """A store that another process is writing at this moment."""
    with subprocess.Popen([sys.executable, "-c", SLOW, *CALL, "-q"]) as writer:
        seen, deadline = set(), time.monotonic() + 60
        while writer.poll() is None and time.monotonic() < deadline:
            shown = run("info", "out.zarr")
            if shown.exit_code == 0:
                seen.add(shown.stdout.partition(":")[0])
            time.sleep(0.05)
        assert writer.returncode == 0
    assert any(text.startswith("Unfinished") for text in seen), seen
    assert ok("info", "out.zarr").stdout.startswith("Complete")
