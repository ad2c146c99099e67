"""A cube of 8 GB on disk: peak memory, and the rate against that of the same spectra in memory and of the disk.

Run with ``python -m benchmarks.memory_map [GB]``; it needs that much free disk in the folder for temporary files.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.modeling.models import Gaussian1D

import manyfit
from benchmarks.timing import Row, best_of, show

CHANNELS, WIDTH = 512, 2048
SIGMA = 0.1


def slab(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Some rows of a cube of lines with S/N 10, channels first."""
    x = np.arange(CHANNELS, dtype=np.float32)[:, None, None]
    mean = rng.uniform(200, 312, (rows, WIDTH)).astype(np.float32)
    data = np.exp(-0.5 * ((x - mean) / 20) ** 2)
    return (data + rng.normal(0, SIGMA, data.shape).astype(np.float32)).astype(">f4")


def write_cube(path: Path, gigabytes: float) -> int:
    """Write a FITS cube of about this size without holding it; returns the number of its spectra."""
    height = max(8, int(gigabytes * 1e9 / (4 * CHANNELS * WIDTH)) // 8 * 8)
    header = fits.Header({"SIMPLE": True, "BITPIX": -32, "NAXIS": 3})
    header["NAXIS1"], header["NAXIS2"], header["NAXIS3"] = WIDTH, height, CHANNELS
    rng = np.random.default_rng(0)
    block = slab(8, rng)
    with path.open("wb") as file:
        file.write(header.tostring().encode())
        start = file.tell()
        size = 4 * CHANNELS * height * WIDTH
        file.truncate(start + -(-size // 2880) * 2880)
    cube = np.memmap(path, ">f4", "r+", offset=start, shape=(CHANNELS, height, WIDTH))
    for row in range(0, height, 8):
        cube[:, row : row + 8] = block
    cube.flush()
    return height * WIDTH


def fit_file(path: Path) -> None:
    """Fit the cube in this process and print peak memory in MB and spectra a second."""
    model = Gaussian1D(0.8, 256, 18)
    manyfit.fit(model, slab(8, np.random.default_rng(0))[:, :1])  # imports and compiled code, not to be timed
    started = best_of(lambda: manyfit.fit(model, path, world="pixel"), 1)
    print(peak_memory(), started)


def peak_memory() -> float:
    """Largest resident memory of this process so far, in MB."""
    # Linux keeps ru_maxrss over exec, so that a child would report its parent's; VmHWM is its own.
    if (status := Path("/proc/self/status")).exists():
        return next(float(s.split()[1]) / 1024 for s in status.read_text().splitlines() if s.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def disk_rate(path: Path) -> float:
    """Bytes a second at which the file is read from first to last byte."""
    buffer = bytearray(2**24)

    def read() -> None:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    return path.stat().st_size / best_of(read, 1)


def main(gigabytes: float) -> None:
    """Write, fit in a process of its own, compare."""
    rows = 64
    data = slab(rows, np.random.default_rng(1))
    model = Gaussian1D(0.8, 256, 18)
    in_memory = rows * WIDTH / best_of(lambda: manyfit.fit(model, data), 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cube.fits"
        spectra = write_cube(path, gigabytes)
        disk = disk_rate(path) / (4 * CHANNELS)
        run = [sys.executable, "-m", "benchmarks.memory_map", "--fit", str(path)]
        answer = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()
    peak, rate = float(answer[0]), spectra / float(answer[1])
    slower = min(in_memory, disk)
    figure = f"{rate / slower:.0%} ({rate / 1e3:.0f} k/s; memory {in_memory / 1e3:.0f}, disk {disk / 1e3:.0f} k/s)"
    show(
        [
            Row(f"{gigabytes:g} GB cube, memory-mapped: peak memory", f"{peak:.0f} MB", "<= 1000 MB", peak <= 1000),
            Row("its rate over the slower of in-memory rate and disk", figure, ">= 80 %", rate >= 0.8 * slower),
        ]
    )


if __name__ == "__main__":
    if "--fit" in sys.argv:
        fit_file(Path(sys.argv[-1]))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 8.0)
