from __future__ import annotations

import subprocess
import sys

import pytest

from manyfit.blocks import DaskClient, Processes, Serial, Threads, executor_for
from manyfit.blocks._threads import cpu_count
from manyfit.errors import InputError, InputTypeError


@pytest.mark.parametrize(
    ("scheduler", "executor"),
    [
        (None, Threads(3)),
        ("serial", Serial()),
        ("sync", Serial()),
        ("synchronous", Serial()),
        ("single-threaded", Serial()),
        ("threads", Threads(3)),
        ("threading", Threads(3)),
        ("Threads", Threads(3)),
        ("processes", Processes(3)),
        ("multiprocessing", Processes(3)),
        ("default", Threads(3)),
        (Threads(5), Threads(5)),
    ],
)
def test_names(scheduler, executor):
    assert executor_for(scheduler, workers=3) == executor


def test_workers_default_to_the_cpus():
    assert executor_for() == Threads(cpu_count()) == Threads()
    assert executor_for("processes") == Processes(cpu_count()) == Processes()


@pytest.mark.skipif(sys.platform != "linux", reason="CPU affinity")
def test_cpus_are_those_that_the_process_may_use():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from manyfit.blocks import Threads; print(Threads().n_workers)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_clients(client):
    assert executor_for(client, workers=7) == DaskClient(client)
    assert executor_for("default") == Threads()  # the client is not the current one
    with client.as_current():
        assert executor_for("default") == DaskClient(client)
        assert executor_for("distributed") == DaskClient(client)
        assert executor_for() == Threads()


@pytest.mark.parametrize(
    ("config", "executor"),
    [
        ({"scheduler": "synchronous"}, Serial()),
        ({"scheduler": "processes"}, Processes(2)),
        ({"scheduler": "default"}, Threads(2)),
    ],
)
def test_default_follows_the_configuration_of_dask(config, executor):
    dask = pytest.importorskip("dask")
    with dask.config.set(config):
        assert executor_for("default", workers=2) == executor
    with dask.config.set(num_workers=5):
        assert executor_for("default") == Threads(5)


def test_wrong_values():
    with pytest.raises(InputError, match=r"scheduler 'thread' is not known.*Did you mean 'threads'\?"):
        executor_for("thread")
    with pytest.raises(InputError, match="workers is 0; give 1 or more"):
        executor_for("threads", workers=0)
    with pytest.raises(InputTypeError, match=r"scheduler is a float; give a distributed\.Client or one of"):
        executor_for(1.5)
    with pytest.raises(InputError, match="there is no client"):
        executor_for("distributed")


def test_plain_run_imports_nothing_heavy():
    code = """
import sys
from manyfit.blocks import executor_for, plan, progress_for, rich_progress, run
run(plan((3,), bytes_per_element=8), str, collect=lambda *_: None, executor=executor_for())
print({"cloudpickle", "dask", "distributed", "numpy", "rich"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
