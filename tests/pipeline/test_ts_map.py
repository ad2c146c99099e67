"""A TS map as a step: the same map as the function gives."""

from __future__ import annotations

import luigi
import numpy as np
import pytest

from manyfit import tsmap
from manyfit.pipeline.tasks import TSMap
from tests.tsmap.telescope import orientation, telescope


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A response, an attitude, counts and a background on disk."""
    pytest.importorskip("h5py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYFIT_FOLDER", str(tmp_path / "products"))
    simulated = telescope()
    pixels = np.round(simulated.area / 1e-4).astype(np.uint16)
    tsmap.write_detector_response("response.h5", simulated.axes, pixels, np.full(3, 1e-4))
    orientation().write("attitude.ori")
    axes = tsmap.Axes([simulated.axes[name] for name in ("Em", "Phi", "PsiChi")])
    background = np.full((3, 9, 48), 0.3)
    counts = np.random.default_rng(1).poisson(background + 0.2).astype(float)
    tsmap.Counts.from_dense(axes, counts).write("counts.h5")
    tsmap.Counts.from_dense(axes, background).write("background.h5")
    return {"counts": "counts.h5", "background": "background.h5", "response": "response.h5", "nside": 2}


def test_a_map(files):
    task = TSMap(**files, orientation="attitude.ori", index=-2, norm="0.01 / (cm2 s keV)")
    assert luigi.build([task], local_scheduler=True, log_level="ERROR")
    found = task.value()
    wanted = tsmap.fit(
        tsmap.Counts.read("counts.h5"),
        tsmap.Counts.read("background.h5"),
        tsmap.DetectorResponse.open("response.h5"),
        orientation=orientation(),
        spectrum=tsmap.PowerLaw(index=-2, pivot=100.0, norm=0.01),
        nside=2,
    )
    np.testing.assert_allclose(found.ts, wanted.ts, rtol=1e-9)
    assert task.to_row(found)["ts"] == pytest.approx(wanted.peak.ts)
    assert TSMap(**files, orientation="attitude.ori", index=-2.1).identity != task.identity
