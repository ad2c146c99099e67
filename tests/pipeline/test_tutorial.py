"""The script of the tutorial "Using The Cannon with APOGEE spectra" of SDSS Astra runs with its imports changed."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from manyfit.errors import ManyfitWarning
from manyfit.pipeline import Workspace
from manyfit.pipeline.tasks._labels_product import read_labels
from manyfit.pipeline.tasks._spectra_product import read_spectra
from manyfit.spectra import read
from tests.pipeline import survey

pytestmark = pytest.mark.filterwarnings("ignore:order=2 of StellarParameters")

# The workflow file in full, as published.
SCRIPT = """\
import luigi
from manyfit.pipeline.astra import BaseTask
from manyfit.pipeline.astra import ApStarFile
from manyfit.pipeline.astra import Sinusoidal
from manyfit.pipeline.astra import Train, Test


class ContinuumNormalize(Sinusoidal, ApStarFile):

    sum_axis = 0 # Stack multiple visits.

    def requires(self):
        return ApStarFile(**self.get_common_param_kwargs(ApStarFile))


class StellarParameters(Test, ApStarFile):

    def requires(self):
        return {
            "model": Train(**self.get_common_param_kwargs(Train)),
            "observation": ContinuumNormalize(**self.get_common_param_kwargs(ContinuumNormalize))
        }


if __name__ == "__main__":

    # Do single star.
    file_params = dict(
        apred="r12",
        apstar="stars",
        telescope="apo25m",
        field="000+14",
        prefix="ap",
        obj="2M16505794-2118004",
        use_remote=True # Download the remote SDSS file if we don't have it.
    )

    additional_params = dict(
        order=2,
        label_names=("TEFF", "LOGG", "FE_H"),
        training_set_path="dr14-apogee-giant-training-set.pkl",
    )

    params = {**file_params, **additional_params}
    task = StellarParameters(**params)

    luigi.build(
        [task],
        local_scheduler=True,
        detailed_summary=True
    )
"""


@pytest.fixture
def place(archive, server, tmp_path, monkeypatch):
    """A folder with the script and its training set, and a server with the star."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYFIT_SERVER", server)
    monkeypatch.delenv("MANYFIT_FOLDER", raising=False)
    monkeypatch.delenv("MANYFIT_TREE", raising=False)
    shutil.copy(archive / "dr14-apogee-giant-training-set.pkl", tmp_path)
    Path("workflow_example_tc.py").write_text(SCRIPT)
    return tmp_path


def run():
    """Run the script; what it warned of."""
    with pytest.warns(ManyfitWarning) as caught:
        runpy.run_path("workflow_example_tc.py", run_name="__main__")
    return {str(warning.message) for warning in caught}


def product(task, read):
    """The product of a class of tasks."""
    (entry,) = Workspace.current().index.entries(task)
    assert entry.status == "done", entry.error
    return read(Workspace.current().folder / entry.path)


def test_first_and_second_run(place):
    said = run()
    labels = product("StellarParameters", read_labels)
    for name, truth, limit in zip(survey.NAMES, [4700.0, 2.1, -0.3], [60, 0.2, 0.08], strict=True):
        assert abs(labels[name][0] - truth) < limit
        assert 0 < labels.error(name)[0] < limit / 2
    assert len(labels) == 1
    assert 0.7 < labels.reduced_chi2[0] < 1.3  # the tutorial printed 5.7e14
    entries = Workspace.current().index.entries()
    assert sorted(entry.task for entry in entries) == ["ContinuumNormalize", "StellarParameters", "Train"]
    assert len(said) == 2
    start = time.perf_counter()
    run()
    assert time.perf_counter() - start < 2
    assert Workspace.current().index.entries() == entries


def test_both_mistakes_are_named(place):
    said = run()
    (order,) = [text for text in said if "order" in text]
    (stack,) = [text for text in said if "sum_axis" in text]
    assert (
        "order=2 of StellarParameters is another parameter than 'order' of ContinuumNormalize, which stays 3" in order
    )
    assert "2 rows of the file are coadds of these visits. Only the visits are added" in stack


def test_no_photon_counts_three_times(place):
    run()
    one = product("ContinuumNormalize", read_spectra)
    s = read(next(Path("survey_files").rglob("*.fits")))
    assert list(s.rows["kind"]) == ["coadd", "coadd", "visit", "visit", "visit"]
    good = one.ivar[0] > 0
    ratio = one.ivar[0][good] / (s.coadd.ivar[0][good] * (s.coadd.flux[0] / one.flux[0])[good] ** 2)
    assert np.median(ratio) == pytest.approx(1, abs=0.05)


def test_a_new_training_set_trains_again_and_leaves_the_continuum(place):
    run()
    before = {entry.task: entry.identity for entry in Workspace.current().index.entries()}
    content = bytearray(Path("dr14-apogee-giant-training-set.pkl").read_bytes())
    stars = survey.training_set(seed=2)
    import pickle

    Path("dr14-apogee-giant-training-set.pkl").write_bytes(pickle.dumps(stars))
    assert bytes(content) != Path("dr14-apogee-giant-training-set.pkl").read_bytes()
    run()
    ran = [entry.task for entry in Workspace.current().index.entries() if entry.identity not in before.values()]
    assert sorted(ran) == ["StellarParameters", "Train"]


def test_as_a_program(place):
    program = [sys.executable, "workflow_example_tc.py"]
    first = subprocess.run(program, capture_output=True, text=True, check=True, env=os.environ)
    assert "* 4 ran successfully" in first.stderr
    assert "This progress looks :)" in first.stderr
    second = subprocess.run(program, capture_output=True, text=True, check=True, env=os.environ)
    assert "* 1 complete ones were encountered" in second.stderr
    assert "ran successfully" not in second.stderr
