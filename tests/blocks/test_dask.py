from __future__ import annotations

import threading
import time
from uuid import uuid4

import numpy as np
import pytest

from manyfit.blocks import DaskClient, plan, run
from manyfit.errors import InputError

pytest.importorskip("distributed")

MANY = plan((40,), bytes_per_element=8, max_elements=1)


def numbers(client, offset):
    results = {}

    def collect(block, result):
        results[block.index] = result

    run(MANY, lambda block: block.index + offset, collect=collect, executor=DaskClient(client))
    return results


def drained(client):
    """Whether the client holds no future, at once or very soon."""
    deadline = time.monotonic() + 5
    while client.futures and time.monotonic() < deadline:
        time.sleep(0.01)
    return not client.futures


def test_two_runs_at_the_same_time_on_one_client(client):
    results = {}
    threads = [
        threading.Thread(target=lambda o=offset: results.update({o: numbers(client, o)})) for offset in (0, 1000)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {o: {i: i + o for i in range(40)} for o in (0, 1000)}


def test_same_work_is_done_again(client, tmp_path):
    """Blocks and work are equal in both runs: a task that was named after its content would not be done."""

    def work(block):
        (tmp_path / f"{block.index} {uuid4()}").touch()

    for _ in range(2):
        run(MANY, work, collect=lambda *_: None, executor=DaskClient(client))
    assert len(list(tmp_path.iterdir())) == 80


@pytest.mark.parametrize("size", [10, 2**20])
def test_small_work_and_work_with_data(client, size):
    data, results = np.arange(float(size)), {}
    run(
        MANY,
        lambda block: data[block.index % size],
        collect=lambda block, result: results.update({block.index: result}),
        executor=DaskClient(client),
    )
    assert results == {i: data[i % size] for i in range(40)}


def test_nothing_stays_on_the_cluster(client):
    numbers(client, 0)
    assert drained(client)

    def fail(block):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(MANY, fail, collect=lambda *_: None, executor=DaskClient(client))
    assert drained(client)


def test_workers_are_the_threads_of_the_cluster(client):
    assert DaskClient(client).n_workers == 2


def test_asynchronous_client_is_refused():
    class Asynchronous:
        asynchronous = True

    with pytest.raises(InputError, match="asynchronous=False"):
        DaskClient(Asynchronous())


def test_fast_blocks_share_a_task(client, monkeypatch):
    made = plan((1000,), bytes_per_element=8, max_elements=1)
    tasks, order = [], []
    submit = client.submit

    def counting(function, *arguments, **options):
        if len(arguments) > 1:  # the other call sends the work
            tasks.append([block.index for block in arguments[1]])
        return submit(function, *arguments, **options)

    monkeypatch.setattr(client, "submit", counting)
    run(
        made,
        lambda block: block.index,
        collect=lambda b, r: order.append((b.index, r)),
        executor=DaskClient(client),
    )
    assert [index for task in tasks for index in task] == list(range(1000))
    assert sorted(order) == [(i, i) for i in range(1000)]
    assert 1000 / 16 <= len(tasks) < 200
    assert max(map(len, tasks)) == 16
