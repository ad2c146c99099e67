"""SIGKILL at random moments of a run that writes a store: the next run completes it to the same bytes."""

from __future__ import annotations

import sys

import pytest

from manyfit.datasets import simulate_cube
from tests.killing import kill

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and forks")

SETUP = """
from manyfit import fit
from manyfit.fitting import _work
from manyfit.models import parse

model = parse("Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)")
logged(_work.KernelWork)

def run(store):
    fit(model, folder / "cube.fits", store=store, memory=100_000, workers=2, scheduler={scheduler!r})
"""


def check(folder, seed, wanted, scheduler, threads):
    simulate_cube((60, 48, 40), noise=0.1, rng=seed).write(folder / "cube.fits")
    kill(SETUP.format(scheduler=scheduler), folder, seed=seed, wanted=wanted, threads=threads)


def test_kills(tmp_path):
    check(tmp_path, 1, 8, "threads", 2)


@pytest.mark.slow
@pytest.mark.parametrize(("scheduler", "threads"), [("threads", 2), ("serial", 1)])
def test_hundred_kills(tmp_path, scheduler, threads):
    check(tmp_path, 2, 100, scheduler, threads)
