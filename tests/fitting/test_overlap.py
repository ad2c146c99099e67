"""Reading, fitting and writing at the same time: as long as the longest of them, the same numbers, bounded memory."""

from __future__ import annotations

import threading
import time

import dask.array as da
import numpy as np
import pytest
from astropy.modeling.models import Linear1D
from numpy.testing import assert_array_equal

from manyfit import fit
from manyfit.blocks import _objects
from manyfit.fitting import _overlap, _work
from manyfit.fitting._work import fit as kernel_fit

BLOCKS, EACH = 24, 0.04  # seconds for each block to be read, fitted and written
DATA = np.random.default_rng(0).normal(size=(20, BLOCKS * 300)) + np.arange(20.0)[:, None]


class Slow:
    """Takes a while, one caller at a time, as a disk or a network does."""

    def __init__(self, seconds):
        self.lock, self.seconds, self.busy = threading.Lock(), seconds, 0.0

    def __call__(self):
        with self.lock:
            started = time.perf_counter()
            time.sleep(self.seconds)
            self.busy += time.perf_counter() - started


class Fits:
    """Fits that take a while; knows how long all took, and how many ran at the same time."""

    def __init__(self, real, seconds):
        self.real, self.seconds, self.busy, self.most = real, seconds, 0.0, 0
        self.running, self.lock = 0, threading.Lock()

    def __call__(self, *given):
        started = time.perf_counter()
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(self.seconds)
        result = self.real(*given)
        with self.lock:
            self.running -= 1
            self.busy += time.perf_counter() - started
        return result


class Late:
    """A file system that takes its time to write."""

    def __init__(self, system, slow):
        self.system, self.slow = system, slow

    def __getattr__(self, name):
        return getattr(self.system, name)

    def pipe_file(self, *given, **options):
        self.system.pipe_file(*given, **options)

    def pipe(self, contents):
        self.slow()
        self.system.pipe(contents)


def slow_array(slow):
    def note(part):
        if threading.current_thread().name.startswith("manyfit"):  # not for what is known of the data before
            slow()
        return part

    like = np.empty((0, 0))
    return da.from_array(DATA, chunks=(20, 300)).map_blocks(note, dtype=float, meta=like)


def run(place, monkeypatch, seconds):
    """Fit with everything so slow; returns the result, its time, and how long each part took."""
    reading, writing, fits = Slow(seconds), Slow(seconds), Fits(kernel_fit, 2 * seconds)
    with monkeypatch.context() as patch:
        patch.setattr(_work, "fit", fits)
        patch.setattr(_objects.Bucket, "_system", property(lambda self: Late(self._found[0], writing)))
        started = time.perf_counter()
        options = {"workers": 2, "memory": 4 * 300 * 600}
        result = fit(Linear1D(), slow_array(reading), store=f"memory://{place}/{seconds}.zarr", **options)
        taken = time.perf_counter() - started
    assert fits.most <= 2
    return result, taken, (reading.busy, fits.busy / 2, writing.busy)


def test_time_is_that_of_the_longest_not_the_sum(tmp_path, monkeypatch):
    plain = fit(Linear1D(), DATA)
    _, overhead, _ = run(tmp_path.name, monkeypatch, 0)
    result, taken, parts = run(tmp_path.name, monkeypatch, EACH)
    assert min(parts) >= BLOCKS * EACH
    assert taken - overhead < max(parts) + 0.4 * (sum(parts) - max(parts))
    assert_array_equal(result.compute()["slope"], plain["slope"])


def test_no_more_than_the_cores_compute(monkeypatch):
    fits = Fits(kernel_fit, EACH)
    monkeypatch.setattr(_work, "fit", fits)
    fit(Linear1D(), slow_array(Slow(0)), workers=3)
    assert fits.most == 3


def test_data_in_memory_needs_no_more_threads(monkeypatch):
    monkeypatch.setattr(_overlap.Cores, "__init__", lambda self, n: pytest.fail("nothing waits"))
    fit(Linear1D(), DATA[:, :300], workers=2)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_memory_is_for_all_blocks_in_flight(workers, monkeypatch):
    """Those that are read or written while others are fitted count too."""
    from manyfit.fitting._problem import bytes_per_element, problem
    from manyfit.fitting._run import Where

    where = Where(None, workers, 2_000_000, waits=True)
    assert where.executor.n_workers == _overlap.in_flight(workers) > workers
    the_problem = problem(Linear1D(), da.from_array(DATA, chunks=(20, 1)))
    plan = where.plan(the_problem, where.executor.n_workers)
    largest = max(block.n_elements for block in plan.blocks) * bytes_per_element(the_problem)
    assert largest * where.executor.n_workers <= 2_000_000
