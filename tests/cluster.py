"""A dask cluster of processes that are killed at random: scheduler, workers, the writer of a store, a reader of it."""

from __future__ import annotations

import json
import subprocess
import sys

# One process imports and compiles; scheduler, workers, writer and reader are forks of it. It has no threads itself.
SCRIPT = """
import asyncio, json, os, random, shutil, signal, socket, sys, time
from pathlib import Path
import dask
from distributed import Client, Scheduler, Worker
from manyfit import FitResult, fit
from manyfit.blocks import BlockStore, DaskClient
from manyfit.errors import ClusterLost
from manyfit.fitting import _work
from manyfit.models import parse

folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
random.seed(options["seed"])
MODEL = parse("Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)")
MEMORY, WORKERS = options["memory"], 2
log, real = folder / "log", _work.KernelWork.__call__
dask.config.set({"distributed.comm.timeouts.connect": "20s", "distributed.scheduler.allowed-failures": 3})

def call(self, block):
    with open(log, "ab", buffering=0) as file:
        file.write(f"{block.index}\\n".encode())
    time.sleep(options["pause"])
    return real(self, block)

def content(store):
    files = sorted(path for path in store.rglob("*") if path.name[:2] in ("c", "c."))
    return [(str(path.relative_to(store)), path.read_bytes()) for path in files]

fit(MODEL, folder / "cube.fits", scheduler="serial", store=folder / "undisturbed", memory=MEMORY)
_work.KernelWork.__call__ = call
expected, store = content(folder / "undisturbed"), folder / "killed"
n_blocks = len(BlockStore.open(folder / "undisturbed").plan.blocks)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
address = f"tcp://127.0.0.1:{port}"

async def serve():
    async with Scheduler(host="127.0.0.1", port=port, dashboard=False) as scheduler:
        await scheduler.finished()

async def work():
    async with Worker(address, nthreads=1, dashboard=False, local_directory=str(folder / "dask")) as worker:
        await worker.finished()

def write():
    with Client(address, set_as_default=False) as client:
        fit(MODEL, folder / "cube.fits", store=store, memory=MEMORY, scheduler=client)

def read():
    while True:
        if (store / "zarr.json").exists():
            FitResult.open(store).compute()
        time.sleep(0.05)

def child(role):
    pid = os.fork()
    if pid:
        return pid
    quiet = os.open(str(folder / "words"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(quiet, 1), os.dup2(quiet, 2)
    try:
        {"scheduler": lambda: asyncio.run(serve()), "reader": read, "writer": write}.get(
            role.split()[0], lambda: asyncio.run(work()))()
        os._exit(0)
    except (ClusterLost, OSError) as error:
        print(role, repr(error), flush=True)
        os._exit(3)
    except BaseException as error:
        import traceback
        traceback.print_exc()
        os._exit(1)

roles = ["scheduler", *(f"worker {i}" for i in range(WORKERS)), "writer"]
roles += ["reader"] if "reader" in options["victims"] else []
alive, counts = {}, {"kills": {}, "complete": 0, "lost": 0, "begun": 0, "in_the_middle": 0}

def settle():
    "Note who has ended, start who is missing; whether the writer has completed a store."
    ended = False
    for role in roles:
        if role in alive:
            pid, status = os.waitpid(alive[role], os.WNOHANG)
            if not pid:
                continue
            del alive[role]
            if role == "writer" and os.WIFEXITED(status):
                code = os.WEXITSTATUS(status)
                assert code in (0, 3), (folder / "words").read_text()[-3000:]
                counts["lost"] += code == 3
                if code == 0:
                    assert content(store) == expected
                    counts["complete"] += 1
                    ended = True
            if role == "reader" and os.WIFEXITED(status):
                raise AssertionError((folder / "words").read_text()[-3000:])
        if role == "writer" and ended:
            continue
        alive[role] = child(role)
    return ended

def drop(role):
    os.kill(alive[role], signal.SIGKILL)
    os.waitpid(alive.pop(role), 0)
    counts["kills"][role.split()[0]] = counts["kills"].get(role.split()[0], 0) + 1

def fresh():
    "Count what was begun for a store, and remove it."
    if "reader" in alive:
        os.kill(alive["reader"], signal.SIGKILL)
        os.waitpid(alive.pop("reader"), 0)
    shutil.rmtree(store)
    begin()

def begin():
    "The cut of a store depends on the number of workers, which may be one at this moment: give it."
    store.mkdir()
    shutil.copy(folder / "undisturbed" / "zarr.json", store)

begin()
log.write_text("")
killed, started, deadline = 0, time.monotonic(), time.monotonic() + options["limit"]
next_kill = time.monotonic() + random.uniform(*options["wait"])
while True:
    assert time.monotonic() < deadline, (folder / "words").read_text()[-3000:]
    finished = settle()
    enough = killed >= options["kills"] and time.monotonic() - started > options["seconds"]
    if finished:
        if enough:
            break
        fresh()
    if not enough and time.monotonic() > next_kill and len(alive) == len(roles):
        victim = random.choice(options["victims"])
        done = len(BlockStore.open(store).done()) if (store / "zarr.json").exists() else 0
        counts["in_the_middle"] += 0 < done < n_blocks
        drop(random.choice([role for role in alive if role.startswith(victim)]))
        killed += 1
        next_kill = time.monotonic() + random.uniform(*options["wait"])
    time.sleep(0.02)
for pid in alive.values():
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
counts["repeated"] = len(log.read_text().split()) - counts["complete"] * n_blocks
counts["seconds"] = time.monotonic() - started
print(json.dumps(counts | {"n_blocks": n_blocks, "workers": WORKERS}))
"""


def disturb(folder, *, victims, kills=0, seconds=0.0, wait=(0.2, 2.0), pause=0.02, memory=60_000, seed=1, limit=900):
    """Kill processes of a cluster again and again, and count what came of it.

    Parameters
    ----------
    folder
        Has ``cube.fits``.
    victims
        Some of ``scheduler``, ``worker``, ``writer``, ``reader``.
    kills, seconds
        How many at least, and for how long at least.
    wait
        Least and most seconds between two kills.
    pause
        Seconds that a block takes besides its fit.
    """
    options = {
        "victims": victims, "kills": kills, "seconds": seconds, "wait": wait, "pause": pause, "memory": memory,
        "seed": seed, "limit": limit,
    }  # fmt: skip
    call = [sys.executable, "-c", SCRIPT, str(folder), json.dumps(options)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=limit + 60)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])
