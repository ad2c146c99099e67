from __future__ import annotations

import threading
import time
import traceback
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from manyfit.blocks import DaskClient, Executor, Threads, plan, run

pytestmark = pytest.mark.usefixtures("no_leftovers")

MANY = plan((100,), bytes_per_element=8, max_elements=1)


def squares(block):
    """An array that is different for each element of the shape (7, 500)."""
    rows, columns = (np.arange(s.start, s.stop) for s in block.slices)
    return (500 * rows[:, None] + columns) ** 2


def mark(folder, block):
    (folder / str(block.index)).touch()
    return block.index


def mark_and_fail(folder, block):
    mark(folder, block)
    time.sleep(0.005)
    if block.index == 3:
        raise KeyError("the third block")


def started(folder):
    return len(list(folder.iterdir()))


def into(target):
    def collect(block, result):
        target[block.slices] = result

    return collect


def test_executors_follow_the_protocol(executor):
    assert isinstance(executor, Executor)
    assert executor.n_workers >= 1


@pytest.mark.parametrize("max_elements", [1, 37, 1000, None])
def test_result_depends_on_neither_plan_nor_executor(executor, max_elements):
    if max_elements == 1 and executor.n_workers > 1:
        max_elements = 20  # thousands of messages show nothing more
    target = np.full((7, 500), -1)
    run(
        plan((7, 500), bytes_per_element=8, max_elements=max_elements),
        squares,
        collect=into(target),
        executor=executor,
    )
    np.testing.assert_array_equal(target.ravel(), np.arange(3500) ** 2)


def test_one_element(executor):
    got = []
    run(
        plan((), bytes_per_element=8),
        lambda block: block.n_elements,
        collect=lambda block, n: got.append((block.slices, n)),
        executor=executor,
    )
    assert got == [((), 1)]


def test_no_blocks(executor):
    calls = []
    run(
        plan((0, 3), bytes_per_element=8),
        squares,
        collect=lambda *pair: calls.append(pair),
        executor=executor,
        progress=lambda *counts: calls.append(counts),
    )
    assert calls == [(0, 0)]


def test_progress_counts_elements(executor):
    counts = []
    made = plan((7, 500), bytes_per_element=8)
    run(made, squares, collect=lambda *_: None, executor=executor, progress=lambda *c: counts.append(c))
    done = [c[0] for c in counts]
    assert {c[1] for c in counts} == {3500}
    assert len(counts) == 1 + len(made.blocks)
    assert done[0] == 0
    assert done[-1] == 3500
    assert np.all(np.diff(done) > 0)


def test_rest_of_a_plan(executor):
    made = plan((7, 500), bytes_per_element=8)
    rest = replace(made, blocks=made.blocks[2:])
    target, counts = np.full((7, 500), -1), []
    run(rest, squares, collect=into(target), executor=executor, progress=lambda *c: counts.append(c))
    missing = sum(block.n_elements for block in made.blocks[:2])
    assert np.sum(target == -1) == missing > 0
    assert counts[-1] == (3500 - missing, 3500 - missing)


def test_collect_is_called_in_the_calling_thread(executor):
    names = set()
    run(MANY, len_of, collect=lambda *_: names.add(threading.current_thread()), executor=executor)
    assert names == {threading.current_thread()}


def len_of(block):
    return block.n_elements


def most_begun(executor):
    """Of a hundred blocks; tasks of dask, four of which may be under way, have up to twelve."""
    return 70 if isinstance(executor, DaskClient) else 50


def test_failing_work_cancels_the_rest_and_shows_its_own_traceback(executor, tmp_path):
    with pytest.raises(KeyError, match="the third block") as caught:
        run(MANY, partial(mark_and_fail, tmp_path), collect=lambda *_: None, executor=executor)
    assert 3 <= started(tmp_path) < most_begun(executor)
    assert 'raise KeyError("the third block")' in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_failing_collect_cancels_the_rest(executor, tmp_path, error):
    def collect(block, result):
        raise error

    with pytest.raises(error):
        run(MANY, partial(mark, tmp_path), collect=collect, executor=executor)
    time.sleep(0.02)  # nothing starts later
    assert 1 <= started(tmp_path) < most_begun(executor)


def test_slow_collect_holds_the_workers_back(executor, tmp_path):
    ahead = []

    def collect(block, result):
        time.sleep(0.002)
        ahead.append(started(tmp_path) - len(ahead))

    run(MANY, partial(mark, tmp_path), collect=collect, executor=executor)
    assert len(ahead) == 100
    blocks_per_task = 12 if isinstance(executor, DaskClient) else 1
    assert max(ahead) <= (2 * executor.n_workers + 1) * blocks_per_task


def test_threads_work_at_the_same_time():
    together = threading.Barrier(3, timeout=90)
    run(
        plan((3,), bytes_per_element=8, max_elements=1),
        lambda block: together.wait(),
        collect=lambda *_: None,
        executor=Threads(3),
    )


def test_slow_block_does_not_hold_up_the_others():
    gate, order = threading.Event(), []

    def work(block):
        if block.index == 0:
            assert gate.wait(10)

    def collect(block, result):
        order.append(block.index)
        if len(order) == 3:
            gate.set()

    run(plan((4,), bytes_per_element=8, max_elements=1), work, collect=collect, executor=Threads(2))
    assert set(order[:3]) == {1, 2, 3}
    assert order[3] == 0
