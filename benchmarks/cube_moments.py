"""Noise, mask and moments of a cube of 300 x 512 x 512 in a file, against spectral-cube with dask on the same cores.

Run with ``python -m benchmarks.cube_moments [--theirs-as-written]``; it needs 0.4 GB of disk in the folder for
temporary files. Each side runs in a process of its own: the shorter of two times from the file to the maps, and peak
memory of the process (which for spectral-cube counts the pages of the file that it maps, 0.3 GB). Both sides have been
warmed up on a corner of the cube, so that imports and compiled code are not in the time.

The pruning of a tutorial, ``dask_image.ndmeasure.sum_labels`` over all regions, takes many minutes here, because it
makes a task for each of 100 000 regions; ``numpy.bincount`` stands in for it unless ``--theirs-as-written`` is given.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from astropy.io import fits

from benchmarks.memory_map import peak_memory
from benchmarks.timing import Row, show

SHAPE = (300, 512, 512)
REPEATS = 2


def write_cube(path: Path) -> None:
    """Write a cube of white noise and 25 clouds."""
    rng = np.random.default_rng(0)
    data = rng.standard_normal(SHAPE, dtype=np.float32)
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    channel = np.arange(SHAPE[0])[:, None]
    for _ in range(25):
        y, x, v = rng.uniform(0, SHAPE[1]), rng.uniform(0, SHAPE[2]), rng.uniform(50, 250)
        peak = 30 * np.exp(-0.5 * ((rows - y) ** 2 + (columns - x) ** 2) / 18**2)
        inside = peak > 0.3
        data[:, inside] += (np.exp(-0.5 * ((channel - v) / 6) ** 2) * peak[inside]).astype(np.float32)
    header = fits.Header({"BUNIT": "K"})
    axes = (("RA---TAN", "deg", 20, -1e-3), ("DEC--TAN", "deg", 30, 1e-3), ("VRAD", "m/s", -1e5, 700.0))
    for i, (ctype, unit, value, step) in enumerate(axes, 1):
        header[f"CTYPE{i}"], header[f"CUNIT{i}"], header[f"CRVAL{i}"] = ctype, unit, value
        header[f"CDELT{i}"], header[f"CRPIX{i}"] = step, 1.0
    fits.writeto(path, data, header)


def ours(path: Path, corner: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """With manyfit."""
    from manyfit import cube

    co = cube.read(path, spectral_unit="km/s")
    co = co[:, :16, :16] if corner else co
    signal = cube.signal_mask(co)
    maps = cube.moments(co, signal)
    return signal.labels, np.stack([maps[name].value for name in ("moment0", "moment1", "linewidth", "peak")])


def theirs(path: Path, corner: bool = False, as_written: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """With spectral-cube, dask and dask-image."""
    import astropy.units as u
    from dask_image import ndmeasure
    from spectral_cube import SpectralCube

    co = SpectralCube.read(str(path), use_dask=True).with_spectral_unit(u.km / u.s)
    co = co[:, :16, :16] if corner else co
    co.use_dask_scheduler("threads")
    noise = co.mad_std(axis=0)
    low, high = co > 3 * noise, co > 6 * noise
    labels, n = ndmeasure.label(low.include(), structure=np.ones((3, 3, 3), bool))
    if as_written:
        index = range(1, int(n.compute()) + 1)
        bright = ndmeasure.sum_labels(high.include(), label_image=labels, index=index).compute()
        size = ndmeasure.sum_labels(low.include(), label_image=labels, index=index).compute()
        labels = labels.compute()
        kept = np.concatenate([[False], (bright > 5) & (size > 40)])
    else:
        labels = labels.compute()
        size = np.bincount(labels.ravel())
        bright = np.bincount(labels[high.include().compute()], minlength=len(size))
        kept = (bright > 5) & (size > 40)
        kept[0] = False
    mask = kept[labels]
    del labels
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    masked = co.with_mask(grown)
    maps = masked.moment0(), masked.moment1(), masked.linewidth_sigma(), masked.max(axis=0)
    return grown, np.stack([m.value for m in maps])


def measure(side: str, path: Path, out: Path) -> None:
    """Run one side in this process and print its shortest time and peak memory."""
    warnings.simplefilter("ignore")
    run = ours if side == "ours" else theirs
    more = {"as_written": True} if side == "as-written" else {}
    run(path, corner=True, **more)
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        mask, maps = run(path, **more)
        times.append(time.perf_counter() - started)
    print(min(times), peak_memory(), flush=True)
    np.savez(out, mask=np.packbits(mask != 0), maps=maps)


def measured(side: str, path: Path) -> tuple[float, float, dict[str, np.ndarray]]:
    """Seconds, peak memory in MB and results of one side in a process of its own."""
    out = path.with_name(f"{side}.npz")
    command = [sys.executable, "-m", "benchmarks.cube_moments", "--measure", side, str(path), str(out)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    with np.load(out) as found:
        return float(said[0]), float(said[1]), dict(found)


def main(other: str) -> None:
    """Measure both and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cube.fits"
        write_cube(path)
        seconds, memory, mine = measured("ours", path)
        their_seconds, their_memory, reference = measured(other, path)
    differ = int(np.unpackbits(mine["mask"] ^ reference["mask"]).sum())
    # its noise is in single precision, so a voxel within rounding of a threshold may fall on the other side
    same = np.isclose(mine["maps"], reference["maps"], rtol=1e-6, atol=1e-6, equal_nan=True).mean()
    faster, less = their_seconds / seconds, their_memory / memory
    show(
        [
            Row(
                "time", f"{seconds:.2f} s against {their_seconds:.1f} s: {faster:.1f} times", ">= 5 times", faster >= 5
            ),
            Row("peak memory", f"{memory:.0f} MB against {their_memory:.0f} MB: {less:.1f} times", ">= 2", less >= 2),
            Row("voxels of the mask that differ", f"{differ}", "<= 10", differ <= 10),
            Row("values of maps that agree to 1e-6", f"{100 * same:.3f} %", ">= 99.9 %", same >= 0.999),
        ]
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main("as-written" if "--theirs-as-written" in sys.argv else "theirs")
