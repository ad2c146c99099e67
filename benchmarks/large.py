"""A cube that is larger than memory, fitted into a store within a limit on memory that the operating system enforces.

Run with ``python -m benchmarks.large [--gigabytes 20] [--limit 1.5] [--folder FOLDER] [--keep]``. It writes a cube of
200 channels in float32, with a line of S/N 3 to 30 in each spectrum whose velocity varies over the field, and needs its
size and a sixth of that on disk. Each step is a process of its own within the limit: reading the file from
end to end, with nothing of it in the cache; the kernel alone, from memory; the fit from the file into the store, with
nothing of the file in the cache either; the kernel again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.modeling.models import Gaussian1D

from benchmarks.limit import Limit, limited
from benchmarks.timing import Row, best_of, show

CHANNELS, THREADS = 200, 2
MODEL = Gaussian1D(1, 100, 8)
NOISE = 0.1
BUFFER = 2**24


@dataclass(frozen=True)
class Lines:
    """A square field of spectra of one line each."""

    side: int

    @cached_property
    def field(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Amplitude, centre and -1 / (2 stddev²) at each position."""
        x = np.linspace(-1, 1, self.side, dtype=np.float32)
        y = x[:, None]
        return (
            0.3 + 2.7 * np.exp(-2 * (x**2 + y**2)),
            100 + 12 * np.sin(3 * x) * np.cos(2 * y),
            -0.5 / (7 + 2 * x * y) ** 2,
        )

    def plane(self, channel: int) -> np.ndarray:
        """One channel, with noise."""
        amplitude, centre, scale = self.field
        noise = np.random.default_rng(channel).standard_normal((self.side, self.side), np.float32)
        return amplitude * np.exp(scale * (np.float32(channel) - centre) ** 2) + np.float32(NOISE) * noise


def write_cube(path: Path, gigabytes: float) -> None:
    """Write a FITS cube of about this size, channel by channel, a few of which are held at a time."""
    lines = Lines(int((gigabytes * 1e9 / 4 / CHANNELS) ** 0.5))
    header = fits.Header([("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 3)])
    header.extend([("NAXIS1", lines.side), ("NAXIS2", lines.side), ("NAXIS3", CHANNELS)])
    head = header.tostring().encode()
    with path.open("wb") as file, ThreadPoolExecutor(THREADS) as pool:
        file.write(head)
        file.truncate(len(head) + -(-4 * CHANNELS * lines.side**2 // 2880) * 2880)

        def write(channel: int) -> None:
            plane = lines.plane(channel).astype(">f4")
            os.pwrite(file.fileno(), plane.data, len(head) + channel * plane.nbytes)

        list(pool.map(write, range(CHANNELS)))


def forget(path: Path) -> None:
    """Write what is in the cache of a file to the disk, and drop it from the cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# -- steps, each in a process of its own -------------------------------------------------------------------------------


def read(path: Path) -> dict[str, float]:
    """Read the file from its first to its last byte."""
    buffer = bytearray(BUFFER)

    def whole() -> None:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    return {"bytes_per_second": path.stat().st_size / best_of(whole, 1)}


def kernel(_: Path) -> dict[str, float]:
    """Fit such spectra in memory, as the kernel takes them: no file, no turning, no store."""
    from manyfit import fit

    lines = Lines(450)
    spectra = np.stack([lines.plane(channel).reshape(-1) for channel in range(CHANNELS)], 1).astype(np.float64)
    fit(MODEL, spectra[:10], fitting_axes=1)
    started = time.process_time()
    seconds = best_of(lambda: fit(MODEL, spectra, fitting_axes=1, workers=THREADS))
    cpu = (time.process_time() - started) / 5
    return {"spectra_per_second": len(spectra) / seconds, "spectra_per_cpu_second": len(spectra) / cpu}


def whole_fit(path: Path, store: Path) -> dict[str, float]:
    """Fit the cube into a store."""
    from manyfit import fit

    fit(MODEL, np.ones((10, CHANNELS)), fitting_axes=1)  # imports and compiled code, which are not timed
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = fit(MODEL, path, store=store, workers=THREADS, world="pixel")
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    status = np.asarray(result.status)
    return {
        "spectra": status.size,
        "seconds": seconds,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "system": after.ru_stime - before.ru_stime,
        "converged": float(np.mean(status == 0)),
        "resident_mb": after.ru_maxrss / 1024,
        "from_disk_gb": (after.ru_inblock - before.ru_inblock) * 512 / 1e9,
    }


STEPS: dict[str, Callable[..., dict[str, float]]] = {"read": read, "kernel": kernel, "fit": whole_fit}


def step(limit: Limit, name: str, *paths: Path) -> dict[str, Any]:
    """What a step found; an empty record if it was killed or failed."""
    for path in paths[:1]:
        forget(path)
    done = limit.run(sys.executable, "-m", "benchmarks.large", "--step", name, *map(str, paths))
    if done.returncode:
        print(f"{name} ended with {done.returncode}" + " (killed: out of memory)" * (done.returncode == -9))
        return {}
    found = dict(json.loads(done.stdout))
    print(name, found, flush=True)
    return found


# -- all of it ---------------------------------------------------------------------------------------------------------


@contextmanager
def work_folder(folder: str | None, keep: bool) -> Iterator[Path]:
    """A new folder, which is removed unless it is to be kept."""
    made = Path(tempfile.mkdtemp(prefix="manyfit-large-", dir=folder))
    try:
        yield made
    finally:
        if keep:
            print(f"kept: {made}")
        else:
            shutil.rmtree(made)


def main(gigabytes: float = 20.0, limit_gb: float = 1.5, folder: str | None = None, keep: bool = False) -> None:
    """Write, read, fit, compare."""
    with work_folder(folder, keep) as work, limited(int(limit_gb * 1e9)) as limit:
        path = work / "cube.fits"
        print(f"limit: {limit.kind}; writing {gigabytes:g} GB to {work}", flush=True)
        print(f"written in {best_of(lambda: write_cube(path, gigabytes), 1):.0f} s", flush=True)
        disk = step(limit, "read", path)
        kernels = [step(limit, "kernel", path)]
        fitted = step(limit, "fit", path, work / "fit.zarr")
        kernels.append(step(limit, "kernel", path))
        peak = limit.peak_bytes()
        if fitted and all(kernels):
            busy = fitted["spectra"] / fitted["cpu"] / max(k["spectra_per_cpu_second"] for k in kernels)
            print(f"on a busy machine: {busy:.0%} of the kernel by processor time, waiting for the disk not counted")
        show(_rows(gigabytes, limit_gb, disk, max(k.get("spectra_per_second", 0.0) for k in kernels), fitted, peak))


def _rows(gb: float, limit: float, disk: dict[str, Any], fits: float, fitted: dict[str, Any], peak: int | None):
    what = f"{gb:g} GB cube into a store, {THREADS} threads, {limit:g} GB of memory at most"
    if not fitted:
        return [Row(what, "killed or failed", "finishes", False)]
    rate, reads = fitted["spectra"] / fitted["seconds"], disk["bytes_per_second"] / 4 / CHANNELS
    slower = min(reads, fits)
    used = f"{fitted['resident_mb']:.0f} MB resident" + (f", {peak / 1e6:.0f} MB with caches" if peak else "")
    ratio = f"{rate / slower:.0%} ({rate / 1e3:.0f} k/s; disk {reads / 1e3:.0f}, kernel alone {fits / 1e3:.0f} k/s)"
    return [
        Row(what, f"{fitted['seconds']:.0f} s, {used}", "finishes", True),
        Row("its rate over the slower of disk and kernel", ratio, ">= 70 %", rate >= 0.7 * slower),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--limit", type=float, default=1.5, help="GB of memory, caches of files included")
    parser.add_argument("--folder", help="where to write; default: the folder for temporary files")
    parser.add_argument("--keep", action="store_true", help="keep the cube and the store")
    parser.add_argument("--step", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step[0]](*map(Path, given.step[1:]))))
    else:
        main(given.gigabytes, given.limit, given.folder, given.keep)
