"""SIGKILL at random moments of a run that writes a store: the next run completes it to the same bytes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from manyfit.datasets import simulate_cube

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and forks")

# One process imports and compiles; each run is a fork of it, so that a hundred kills take seconds.
SCRIPT = """
import json, os, random, shutil, signal, sys, time
from pathlib import Path
from manyfit import fit
from manyfit.blocks import BlockStore
from manyfit.fitting import _work
from manyfit.models import parse

folder, seed, wanted, scheduler = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
random.seed(seed)
model = parse("Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)")
log, real = folder / "log", _work.KernelWork.__call__

def call(self, block):
    with open(log, "ab", buffering=0) as file:
        file.write(f"{block.index}\\n".encode())
    return real(self, block)

_work.KernelWork.__call__ = call

def run(store):
    fit(model, folder / "cube.fits", store=store, memory=100_000, workers=2, scheduler=scheduler)

def content(store):
    files = sorted(path for path in store.rglob("*") if path.name[:2] in ("c", "c."))
    return [(str(path.relative_to(store)), path.read_bytes()) for path in files]

fit(model, folder / "cube.fits", scheduler="serial")  # the kernel
started = time.perf_counter()
run(folder / "undisturbed")
seconds = time.perf_counter() - started
expected, store = content(folder / "undisturbed"), folder / "killed"
n_blocks = len(BlockStore.open(folder / "undisturbed").plan.blocks)
kills = complete = in_the_middle = most_repeated = 0
while kills < wanted or store.exists():
    before = BlockStore.open(store).done() if (store / "zarr.json").exists() else set()
    log.write_text("")
    child = os.fork()
    if not child:
        try:
            run(store)
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    # a third of the time of a run: several kills for each store; when there were enough, it may end
    time.sleep(random.uniform(0, seconds / 3) if kills < wanted else 0)
    if kills < wanted:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    kills += os.WIFSIGNALED(status)
    after = BlockStore.open(store).done() if (store / "zarr.json").exists() else set()
    begun = [int(line) for line in log.read_text().split()]
    assert before <= after, "a block that was done is lost"
    assert not before & set(begun), "a block that was done is fitted again"
    assert len(begun) == len(set(begun))
    in_the_middle += 0 < len(after) < n_blocks
    most_repeated = max(most_repeated, len(set(begun) - after))
    if len(after) == n_blocks and not os.WIFSIGNALED(status):
        assert content(store) == expected
        assert not (store / "parts").exists()
        shutil.rmtree(store)
        complete += 1
print(json.dumps({
    "kills": kills, "complete": complete, "in_the_middle": in_the_middle, "most_repeated": most_repeated,
    "n_blocks": n_blocks,
}))
"""


def kill(folder, seed, wanted, scheduler="threads"):
    simulate_cube((60, 48, 40), noise=0.1, rng=seed).write(folder / "cube.fits")
    call = [sys.executable, "-c", SCRIPT, str(folder), str(seed), str(wanted), scheduler]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(counts, wanted, threads):
    assert counts["kills"] == wanted
    assert counts["complete"] > 0
    assert counts["in_the_middle"] > wanted / 10  # they did not all die before or after the work
    assert counts["most_repeated"] <= threads


def test_kills(tmp_path):
    check(kill(tmp_path, 1, 8), 8, threads=2)


@pytest.mark.slow
@pytest.mark.parametrize(("scheduler", "threads"), [("threads", 2), ("serial", 1)])
def test_hundred_kills(tmp_path, scheduler, threads):
    check(kill(tmp_path, 2, 100, scheduler), 100, threads)
