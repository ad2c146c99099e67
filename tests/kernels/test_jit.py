"""Machine code of functions that are written as such: kept, and never that of another version."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import manyfit
from manyfit.kernels import _jit
from manyfit.kernels._jit import compiled

PACKAGE = Path(manyfit.__file__).parent


def test_all_compiled_functions_are_in_files_that_the_digest_reads():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if "manyfit.kernels._jit import" in text and path.parent.name != "kernels":
            assert path.name.endswith("_kernel.py"), path
        # Numba's own cache looks at one file only.
        allowed = {"targets", "fitting"}
        assert not re.search(r"njit\(.*cache=True", text) or path.parent.name in allowed, path


OUTER = """
from manyfit.kernels._jit import compiled
from inner_kernel import inner

@compiled
def outer(x):
    return 2.0 * inner(x)
"""
INNER = """
from manyfit.kernels._jit import compiled

@compiled
def inner(x):
    return {}
"""
RUN = """
import sys
sys.path.insert(0, ".")
from pathlib import Path
from manyfit.kernels import _jit
_jit.kernels_digest = lambda: Path("inner_kernel.py").read_text().encode().hex()[-16:]
from outer_kernel import outer
print(outer(3.0), sum(outer.stats.cache_hits.values()), _jit.folder())
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYFIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "outer_kernel.py").write_text(OUTER)

    def run(body):
        (tmp_path / "inner_kernel.py").write_text(INNER.format(body))
        done = subprocess.run([sys.executable, "-c", RUN], cwd=tmp_path, capture_output=True, text=True, check=True)
        value, hits, folder = done.stdout.split()
        assert Path(folder).parent == tmp_path / "cache"
        return float(value), hits == "1"

    return run


def test_a_change_in_another_file_is_seen(run):
    assert run("x + 1") == (8.0, False)
    assert run("x + 1") == (8.0, True)
    assert run("x + 2") == (10.0, False)
    assert run("x + 1") == (8.0, True)


def test_digest_is_of_all_kernels(tmp_path, monkeypatch):
    before = _jit.kernels_digest.__wrapped__()
    (tmp_path / "kernels").mkdir()
    (tmp_path / "some_kernel.py").write_text("a = 1\n")
    monkeypatch.setattr(_jit, "__file__", str(tmp_path / "kernels" / "_jit.py"))
    one = _jit.kernels_digest.__wrapped__()
    (tmp_path / "some_kernel.py").write_text("a = 2\n")
    two = _jit.kernels_digest.__wrapped__()
    assert len({before, one, two}) == 3


def test_division_by_zero_and_order_of_sums():
    @compiled
    def ratio(a, b):
        return a / b

    @compiled(reassociate=True)
    def total(x):
        s = 0.0
        for i in range(x.size):
            s += x[i]
        return s

    assert ratio(1.0, 0.0) == np.inf
    assert np.isnan(ratio(0.0, 0.0))
    assert total(np.arange(100.0)) == 4950.0
    assert np.isnan(total(np.array([1.0, np.nan])))
