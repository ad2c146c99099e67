"""SIGKILL at random moments of a run that writes a store; each next run must go on, and the bytes at the end agree."""

from __future__ import annotations

import json
import subprocess
import sys

# One process imports and compiles; each run is a fork of it, so that a hundred kills take seconds.
SCRIPT = """
import json, os, random, shutil, signal, sys, time
from pathlib import Path
from manyfit.blocks import BlockStore

folder, seed, wanted = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
log = folder / "log"

def logged(cls):
    "Note each block that a class of work begins."
    real = cls.__call__
    def call(self, block):
        with open(log, "ab", buffering=0) as file:
            file.write(f"{block.index}\\n".encode())
        return real(self, block)
    cls.__call__ = call

{setup}

def content(store):
    files = sorted(path for path in store.rglob("*") if path.name[:2] in ("c", "c."))
    return [(str(path.relative_to(store)), path.read_bytes()) for path in files]

run(folder / "first")  # compiles
started = time.perf_counter()
run(folder / "undisturbed")
seconds = time.perf_counter() - started
expected, store = content(folder / "undisturbed"), folder / "killed"
assert expected == content(folder / "first")
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
    # two thirds of the time of a run: a few kills for each store; when there were enough, it may end
    time.sleep(random.uniform(0, seconds * 2 / 3) if kills < wanted else 0)
    if kills < wanted:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    kills += os.WIFSIGNALED(status)
    after = BlockStore.open(store).done() if (store / "zarr.json").exists() else set()
    begun = [int(line) for line in log.read_text().split()]
    assert before <= after, "a block that was done is lost"
    assert not before & set(begun), "a block that was done is done again"
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


def kill(setup, folder, *, seed, wanted, threads):
    """Kill runs, and check what they left.

    Parameters
    ----------
    setup
        Python that defines ``run(store)`` and calls ``logged`` on the class of its work.
    folder
        An empty one, which setup may have files in.
    seed, wanted
        Of the moments; how many kills.
    threads
        How many blocks a kill may throw away.
    """
    call = [sys.executable, "-c", SCRIPT.replace("{setup}", setup), str(folder), str(seed), str(wanted)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["kills"] == wanted
    assert counts["complete"] > 0
    assert counts["in_the_middle"] > wanted / 10  # they did not all die before or after the work
    assert counts["most_repeated"] <= threads
