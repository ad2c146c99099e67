"""TS maps with a full-size response: 768 directions, 10 energies, 276,480 bins. Two cores, the index built before.

Run with ``python -m benchmarks.tsmap RESPONSE``, a version 2 response of 768 x 10 x 10 x 36 x 768 bins; counts,
background and orientation are those of the folder tsmap in ``$MANYFIT_TEST_DATA``.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Row, best_of, show
from manyfit import tsmap
from manyfit.tsmap._zero_background import Array

ONE_CHANNEL = {"energy_channels": (2, 3), "joint": False}
SUMMED = {"joint": False}


@dataclass(frozen=True, eq=False)
class Burst:
    """Counts, background and how to fit them."""

    counts: Array
    background: Array
    response: tsmap.ResponseIndex
    orientation: tsmap.Orientation

    def fit(self, **keywords: Any) -> tsmap.TSMap:
        """The map."""
        spectrum = tsmap.PowerLaw(index=-2.2, pivot=100.0, norm=10.0)
        return tsmap.fit(
            self.counts,
            self.background,
            self.response,
            orientation=self.orientation,
            spectrum=spectrum,
            **keywords,
        )

    def filled(self) -> Burst:
        """With counts in every bin that is left when channels are summed."""
        more = np.random.default_rng(0).poisson(5.0, self.counts.shape)
        return replace(self, counts=self.counts + more, background=self.background + 5.0)


def burst(path: str) -> Burst:
    """The burst, and the index of a response."""
    folder = Path(os.environ.get("MANYFIT_TEST_DATA", ""), "tsmap")
    if not folder.is_dir():
        sys.exit("The folder tsmap with counts and orientation is not in $MANYFIT_TEST_DATA.")
    counts, shape = (np.load(folder / name) for name in ("synth_counts.npy", "synth_bkg_shape.npy"))
    orientation = tsmap.Orientation.read(folder / "DC3-3mo-arbitrary-10s.ori")
    index = tsmap.ResponseIndex.open_or_build(tsmap.DetectorResponse.open(path), progress=True)
    return Burst(counts.astype(float), 4000.0 * shape, index, orientation)


def timed(what: str, the_burst: Burst, target: float, **keywords: Any) -> Row:
    """One row: seconds of a map, with all errors and limits."""
    seconds = best_of(lambda: the_burst.fit(**keywords))
    return Row(what, f"{seconds:.3f} s", f"<= {target} s", seconds <= target)


def memory(path: str, what: str) -> float:
    """Most megabytes that a process takes which does nothing but one map."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tsmap", path, what], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def one_map(path: str, what: str) -> None:
    """What `memory` runs."""
    the_burst = burst(path)
    if what == "filled":
        the_burst.filled().fit(joint=False)
    else:
        the_burst.fit()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def evaluations(the_burst: Burst, brightness: float) -> int:
    """Most evaluations for a position, where the source is brighter."""
    brighter = replace(the_burst, counts=np.rint(the_burst.counts * brightness))
    return int(brighter.fit(errors=False).niter.max())


def main(path: str) -> None:
    """Measure all."""
    the_burst = burst(path)
    joint, summed = the_burst.fit().peak.ts, the_burst.fit(joint=False).peak.ts
    steps = evaluations(the_burst, 1e6)
    of_burst, of_filled = memory(path, "burst"), memory(path, "filled")
    show(
        [
            timed("3072 positions, one channel", the_burst, 0.05, **ONE_CHANNEL),
            timed("3072 positions, 10 channels summed", the_burst, 0.25, **SUMMED),
            timed("3072 positions, 10 channels jointly", the_burst, 0.25),
            timed("3072 positions, every one of 27,648 bins filled", the_burst.filled(), 0.6, **SUMMED),
            timed("49,152 positions, 10 channels jointly", the_burst, 2.0, nside=64),
            Row("memory of the process, jointly", f"{of_burst:.0f} MB", "<= 400 MB", of_burst <= 400),
            Row("memory of the process, all bins filled", f"{of_filled:.0f} MB", "<= 400 MB", of_filled <= 400),
            Row("evaluations, counts x 1e6", f"{steps}", "<= 6", steps <= 6),
            Row("TS of the peak, jointly (summed)", f"{joint:.1f} ({summed:.1f})", "larger", joint > summed),
        ]
    )


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit("Give the path of a response: python -m benchmarks.tsmap RESPONSE")
    (main if len(sys.argv) == 2 else one_map)(*sys.argv[1:])
