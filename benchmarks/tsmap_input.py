"""The index of a full-size response and the binning of ten million events.

Run with ``python -m benchmarks.tsmap_input``, or with the path of a response of version 2 after it. Without one, a
response of full size (768 x 10 x 10 x 36 x 768) is written to a temporary folder first, which takes a minute.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import Row, best_of, show
from manyfit.tsmap import Axes, Axis, DetectorResponse, HealpixAxis, ResponseIndex, bin_events, write_detector_response
from manyfit.tsmap._simulate import directions

ENERGIES = np.geomspace(100.0, 10000.0, 11)
ANGLES = np.linspace(0.0, 180.0, 37)
EVENTS = 10_000_000


def axes() -> Axes:
    """Those of a full-size response."""
    pixels = [HealpixAxis(label, 8, frame="spacecraft") for label in ("NuLambda", "PsiChi")]
    energies = [Axis(label, ENERGIES, "log") for label in ("Ei", "Em")]
    return Axes([pixels[0], *energies, Axis("Phi", ANGLES), pixels[1]])


def pixels() -> Generator[NDArray[np.uint16]]:
    """Rings of scattered photons of 4 to 12 deg width, about as sparse as those of a simulated instrument."""
    rng = np.random.default_rng(0)
    angle, sky = 0.5 * (ANGLES[1:] + ANGLES[:-1])[:, None], directions(8)
    share = np.tril(np.full((10, 10), 0.03)) + np.diag(np.full(10, 0.7))
    for source in sky:
        distance = np.degrees(np.arccos(np.clip(sky @ source, -1, 1)))
        rings = [np.exp(-0.5 * ((distance - angle) / width) ** 2) + 0.01 for width in np.linspace(12, 4, 10)]
        mean = 2e5 * share[:, :, None, None] * np.array([ring / ring.sum() for ring in rings])[:, None]
        yield (mean + rng.random(mean.shape, dtype=np.float32)).astype(np.uint16)


def build(path: str) -> None:
    """Build an index and print seconds, bytes and the most memory of the process, MB."""
    index = ResponseIndex.open_or_build(DetectorResponse.open(path))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(index.tables.seconds, index.size, peak)


def index_rows(path: str, folder: str) -> list[Row]:
    """Building in a process of its own, then reading."""
    command = [sys.executable, "-m", "benchmarks.tsmap_input", "--build", path]
    environment = {**os.environ, "MANYFIT_INDEX": folder}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    seconds, size, peak = map(float, said.split())
    response = DetectorResponse.open(path)
    raw = np.prod(response.axes.shape) * response.layout.dtype.itemsize
    index = ResponseIndex.open(response, folder=folder)
    rng = np.random.default_rng(1)
    n_cds = index.axes.shape[3] * index.axes.shape[4]
    joint, one = (np.sort(rng.choice(n, k, replace=False)) for n, k in ((10 * n_cds, 4209), (n_cds, 713)))
    weights, everything = rng.random(index.axes.shape[1]), np.arange(n_cds)
    times = {
        "4,209 rows of all channels": (best_of(lambda: index.reduced(joint, weights)), 0.15),
        "713 rows of one channel": (best_of(lambda: index.reduced(one, weights, (2, 3))), 0.03),
        "all 27,648 rows, channels summed": (best_of(lambda: index.reduced(everything, weights, (0, 10))), None),
        "4,209 rows without the index": (best_of(lambda: response.reduced(joint, weights), 2), None),
    }
    return [
        Row("index: build", f"{seconds:.1f} s", "<= 60 s", seconds <= 60),
        Row("index: size over raw counts", f"{size / raw:.3f} ({size / 1e6:.0f} MB)", "<= 0.25", size <= 0.25 * raw),
        Row("index: peak memory of the build", f"{peak:.0f} MB", "<= 400 MB", peak <= 400),
        *(
            Row(f"reading {what}", f"{time * 1e3:.1f} ms", f"<= {limit} s" if limit else "", not limit or time <= limit)
            for what, (time, limit) in times.items()
        ),
    ]


def binning_rows(folder: Path) -> list[Row]:
    """Events in arrays, in HDF5 and in FITS."""
    import h5py
    from astropy.table import Table

    rng = np.random.default_rng(2)
    top = {"TimeTags": 100.0, "Energies": 1e4, "Phi": np.pi, "Chi local": 2 * np.pi, "Psi local": np.pi}
    events = {name: rng.uniform(0, limit, EVENTS) for name, limit in top.items()}
    over = axes().chosen(["Em", "Phi", "PsiChi"])
    with h5py.File(folder / "plain.h5", "w") as plain, h5py.File(folder / "zipped.h5", "w") as zipped:
        for name, column in events.items():
            plain[name] = column
            zipped.create_dataset(name, data=column, compression="gzip")
    Table(events).write(folder / "events.fits")
    inputs = {"arrays": events} | {name: folder / name for name in ("plain.h5", "zipped.h5", "events.fits")}
    times = {name: best_of(lambda given=given: bin_events(given, axes=over), 3) for name, given in inputs.items()}
    return [Row(f"binning 1e7 events, {name}", f"{time:.2f} s", "<= 3 s", time <= 3) for name, time in times.items()]


def main(response: str | None = None) -> None:
    """Measure all."""
    with tempfile.TemporaryDirectory() as name:
        if response is None:
            response = f"{name}/response.h5"
            write_detector_response(response, axes(), pixels(), np.full(10, 1e-4))
        rows = index_rows(response, name)
        show(rows + binning_rows(Path(name)))


if __name__ == "__main__":
    if "--build" in sys.argv:
        build(sys.argv[-1])
    else:
        main(*sys.argv[1:2])
