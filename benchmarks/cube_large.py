"""A cube larger than memory, from the file to the products, under a limit that the operating system enforces.

Run with ``python -m benchmarks.cube_large [GB]``. A cube of 1000 channels and 3.6 GB (or as many as are given) is
written to a temporary folder; the chain of functions, and the command ``manyfit cube --store``, are then run in
processes that may have 1.5 GB, caches of files included where a memory cgroup can be made. Memory of a step is the
most that the process itself had (``RssAnon``), seen every 20 ms, without pages of files.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.limit import limited
from benchmarks.timing import Row, show

#: Channels, bytes of the cube, and of memory.
CHANNELS, GB, LIMIT = 1000, 3.6, 1_500_000_000
PROGRAM = """
import json, sys, threading, time
from manyfit import cube
file, folder = sys.argv[1:]
steps, most = {}, [0]
def own_memory():  # without pages of files, which the system takes back when it needs them
    with open("/proc/self/status") as file:
        return 1024 * int(file.read().partition("RssAnon:")[2].split()[0])
def watch():
    while True:
        most[0] = max(most[0], own_memory())
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
def step(name, work):
    most[0] = own_memory()
    started = time.perf_counter(), time.process_time()
    made = work()
    steps[name] = [time.perf_counter() - started[0], time.process_time() - started[1], max(most[0], own_memory())]
    return made
co = step("read", lambda: cube.read(file))
sigma = step("noise", lambda: cube.noise(co, method="auto"))
signal = step("signal_mask", lambda: cube.signal_mask(co, noise=sigma))
maps = step("moments", lambda: cube.moments(co, signal))
start = step("guess", lambda: cube.guess(co, maps))
del start
fit = step("fit_lines", lambda: cube.fit_lines(co, signal, start=maps, noise=sigma, store=folder + "/fit.zarr"))
done = step("maps", lambda: cube.CubeFit.open(folder + "/fit.zarr", co, noise=sigma))
step("fit.fits", lambda: done.to_fits(folder + "/fit.fits"))
step("moments.fits", lambda: maps.to_fits(folder + "/moments.fits"))
from manyfit.cube._products import write_signal
step("mask.fits", lambda: write_signal(signal, co, folder + "/mask.fits"))
print(json.dumps({"steps": steps, "spectra": int(signal.spatial.sum()), "good": int((done.status <= 2).sum()),
                  "voxels": int(co.n_channels * signal.spatial.size)}))
"""


def write_cube(path: Path, channels: int, side: int) -> None:
    """A cube of noise and lines in half of its spectra, in discs, written channel by channel."""
    from astropy.io import fits

    header = fits.Header([("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 3)])
    header.extend([("NAXIS1", side), ("NAXIS2", side), ("NAXIS3", channels), ("BUNIT", "K")])
    header.extend([("CTYPE3", "VRAD"), ("CUNIT3", "km/s"), ("CRPIX3", 1.0), ("CRVAL3", 0.0), ("CDELT3", 0.1)])
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    height = np.clip(3 * np.sin(7 * x) * np.sin(9 * y), 0, None).astype(np.float32)
    centre = 0.05 * channels + 10 * np.sin(5 * x + 3 * y)
    with path.open("wb") as file:
        file.write(header.tostring().encode("ascii"))
        for channel in range(channels):
            plane = rng.standard_normal((side, side), dtype=np.float32) * np.float32(0.25)
            plane += height * np.exp(-0.5 * ((0.1 * channel - centre) / 0.6) ** 2).astype(np.float32)
            file.write(plane.astype(">f4").tobytes())
        file.write(b"\0" * (-4 * channels * side**2 % 2880))


def main() -> None:
    """The chain of functions, then the command."""
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else GB
    side = int(np.sqrt(gigabytes * 1e9 / 4 / CHANNELS))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cube.fits"
        write_cube(file, CHANNELS, side)
        show(_chain(file, folder))
        show([_command(file, folder)])


def _chain(file: Path, folder: str) -> list[Row]:
    size = file.stat().st_size
    with limited(LIMIT) as limit:
        made = limit.run(sys.executable, "-c", PROGRAM, str(file), folder)
        peak = limit.peak_bytes()
    if made.returncode:
        return [Row(f"chain over {size / 1e9:.2f} GB", f"ended with {made.returncode}", "0", False)]
    said = json.loads(made.stdout)
    rows = [
        Row(name, f"{wall:.1f} s, {cpu:.1f} s of processors, at most {most / 1e6:.0f} MB", "", True)
        for name, (wall, cpu, most) in said["steps"].items()
    ]
    wall, cpu = (sum(each[i] for each in said["steps"].values()) for i in (0, 1))
    most = max(each[2] for each in said["steps"].values())
    counted = "" if peak is None else f", {peak / 1e9:.2f} GB with pages of files"
    good = f"{said['good']} of {said['spectra']} good"
    text = f"{wall:.0f} s, {cpu:.0f} s of processors; {good}; {most / 1e9:.2f} GB{counted}"
    return [*rows, Row(f"chain over {size / 1e9:.2f} GB under {limit.kind}", text, f"<= {LIMIT / 1e9} GB", True)]


def _command(file: Path, folder: str) -> Row:
    command = ["manyfit", "cube", str(file), "-o", f"{folder}/lines", "--store", f"{folder}/lines.zarr", "--quiet"]
    with limited(LIMIT) as limit:
        started = time.perf_counter()
        made = limit.run(*command)
        seconds = time.perf_counter() - started
        peak = limit.peak_bytes()
    text = f"{seconds:.0f} s, ended with {made.returncode}" + ("" if peak is None else f"; {peak / 1e9:.2f} GB")
    return Row("manyfit cube --store, with report", text, f"<= {LIMIT / 1e9} GB", made.returncode == 0)


if __name__ == "__main__":
    main()
