"""The simulation of many workers loses nothing, keeps to bounds, and agrees with the model where both hold."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.scale_model import Costs, Site, batches, blocks_of, times
from benchmarks.scale_simulation import simulate

EVEN = Costs(1e-5, 1e-9, 800, 113, 1000, 1e-3, 0.0, 1.0, 0.0, 0.0, 0.0, (1.0,))
REAL = Costs(2e-6, 5e-10, 800, 113, 27000, 3e-3, 1e-3, 1.2, 1e-5, 2e-6, 1e-3, (0.8, 0.9, 1.0, 1.0, 1.0, 1.1, 1.2))

sites = st.builds(
    Site,
    workers=st.integers(1, 50),
    bandwidth=st.sampled_from([1e8, 1e10, math.inf]),
    failures=st.sampled_from([0.5, 5.0, 1000.0, math.inf]),
    restart=st.sampled_from([0.1, 3.0]),
    distributed=st.booleans(),
    requests=st.sampled_from([1000.0, math.inf]),
)


@settings(deadline=None, max_examples=60)
@given(sites, st.integers(1, 3_000_000), st.integers(0, 5), st.sampled_from([0.0, 0.05]))
def test_every_block_is_done_exactly_once(site, elements, seed, stragglers):
    found = simulate(REAL, site, elements, seed=seed, stragglers=stragglers)
    n = blocks_of(REAL, elements)
    assert found.done == dict.fromkeys(range(n), 1)
    assert found.seconds >= times(REAL, site, elements).begin
    assert found.seconds >= n * REAL.block * REAL.element_in / site.bandwidth


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(1, 500_000))
def test_undisturbed_run_takes_as_long_as_its_rounds(workers, elements):
    site = Site(workers, distributed=False)
    rounds = math.ceil(blocks_of(EVEN, elements) / workers)
    assert simulate(EVEN, site, elements).seconds == pytest.approx(EVEN.start + rounds * EVEN.block_seconds)


@pytest.mark.parametrize("bandwidth", [2e8, math.inf])
def test_more_workers_are_never_slower(bandwidth):
    seconds = [simulate(EVEN, Site(n, bandwidth=bandwidth), 200_000).seconds for n in (1, 2, 3, 5, 8, 13, 100, 1000)]
    assert all(b <= a * (1 + 1e-9) for a, b in pairwise(seconds))


def test_disk_and_scheduler_are_bounds():
    read = 10_000_000 * REAL.element_in / 1e8
    assert simulate(REAL, Site(1000, bandwidth=1e8), 10_000_000).seconds == pytest.approx(read, rel=0.05)
    slow = Costs(**(vars(REAL) | {"task": 1.0}))
    tasks = sum(1 for _ in batches(slow, Site(1000), blocks_of(slow, 10_000_000)))
    assert simulate(slow, Site(1000), 10_000_000).seconds == pytest.approx(tasks, rel=0.05)


@pytest.mark.parametrize("workers", [1, 4, 30])
@pytest.mark.parametrize("bandwidth", [3e8, math.inf])
def test_model_and_simulation_agree(workers, bandwidth):
    site, elements = Site(workers, bandwidth=bandwidth), 30_000_000
    assert simulate(REAL, site, elements).seconds == pytest.approx(times(REAL, site, elements).total, rel=0.1)


def test_failures_cost_what_was_begun_and_the_same_seed_gives_the_same_run():
    calm, rough = Site(10), Site(10, failures=3.0, restart=1.0)
    first, again = (simulate(REAL, rough, 10_000_000, seed=3) for _ in range(2))
    assert first == again
    assert first.failures > 0
    assert first.seconds > simulate(REAL, calm, 10_000_000, seed=3).seconds
    assert first.lost_seconds <= first.failures * 1.2 * REAL.block_seconds  # no failure repeats more than one block
