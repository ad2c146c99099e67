"""Labels of 100,000 stars from a file: rate beside that in memory, and peak memory.

Run with ``python -m benchmarks.cannon_stream``. The file takes 6.9 GB in the folder for temporary files; a number
after the command is another count of stars. Each part runs in a process of its own, as peaks are of processes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.cannon import PIXELS, stars
from benchmarks.timing import Row, best_of, show
from manyfit import cannon

COUNT = 100_000


def write_stars(folder: Path, count: int) -> None:
    """The training stars over and over, as two arrays of rows, and a model of them."""
    training_set = stars()
    cannon.train(training_set).save(folder / "model.npz")
    for name in ("flux", "ivar"):
        rows = np.asarray(getattr(training_set, name), dtype="f4")
        with (folder / f"{name}.npy").open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (count, PIXELS)}
            np.lib.format.write_array_header_1_0(file, header)
            for first in range(0, count, len(rows)):
                file.write(rows[: count - first].tobytes())


def in_memory(folder: Path) -> None:
    """Print the rate for stars that are in memory."""
    model = cannon.CannonModel.load(folder / "model.npz")
    flux, ivar = (np.array(np.load(folder / f"{name}.npy", mmap_mode="r")[:6000]) for name in ("flux", "ivar"))
    model.infer(flux[:10], ivar[:10])  # loads kernels
    print(len(flux) / best_of(lambda: model.infer(flux, ivar)))


def streamed(folder: Path) -> None:
    """Print the rate for stars that are on the disk, and the peak of memory in MB."""
    model = cannon.CannonModel.load(folder / "model.npz")
    model.infer(np.ones((1, PIXELS)), np.ones((1, PIXELS)))  # loads kernels
    started = time.perf_counter()
    summary = cannon.infer_file(model, folder / "spectra", folder / "labels.parquet", overwrite=True)
    print(summary.n_stars / (time.perf_counter() - started))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measured(part: str, folder: Path) -> list[float]:
    """What a part prints, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.cannon_stream", part, str(folder)]
    return [
        float(line) for line in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    ]


def main() -> None:
    if len(sys.argv) > 2:
        {"in_memory": in_memory, "streamed": streamed}[sys.argv[1]](Path(sys.argv[2]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_stars(folder, count)
        (folder / "spectra").mkdir()
        for array in ("flux", "ivar"):
            (folder / "spectra" / f"{array}.npy").symlink_to(folder / f"{array}.npy")
        memory = max(measured("in_memory", folder)[0] for _ in range(2))
        runs = [measured("streamed", folder) for _ in range(2)]
        rate, peak = max(run[0] for run in runs), max(run[1] for run in runs)
    part = rate / memory
    show(
        [
            Row("in memory, two cores", f"{memory:,.0f} stars/s", "", reached=True),
            Row(f"{count:,} stars from disk", f"{rate:,.0f} stars/s", "", reached=True),
            Row("of the rate in memory", f"{100 * part:.0f} %", ">= 60 %", part >= 0.6),
            Row("peak memory", f"{peak:,.0f} MB", "<= 1500 MB", peak <= 1500),
        ]
    )


if __name__ == "__main__":
    main()
