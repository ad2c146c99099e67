"""Real data for the examples of the documentation."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def cubes() -> Path:
    folder = Path(os.environ.get("MANYFIT_TEST_DATA", "")) / "cubes"
    if not (folder / "l1448_13co.fits").exists():
        pytest.skip("l1448_13co.fits is not in MANYFIT_TEST_DATA")
    return folder


@pytest.fixture
def survey(tmp_path, monkeypatch):
    """A folder with a training set and a table of three stars: one here, one on a server, one not observed yet."""
    import pyarrow as pa
    from pyarrow import parquet

    from tests.pipeline import survey

    monkeypatch.chdir(tmp_path)
    for name in ("FOLDER", "SERVER"):
        monkeypatch.delenv(f"MANYFIT_{name}", raising=False)
    monkeypatch.setenv("MANYFIT_TREE", "reduced")
    monkeypatch.setenv("MANYFIT_PROGRESS", "0")
    survey.write_star("reduced", survey.FIRST, [4700.0, 2.1, -0.3])
    survey.write_star("reduced", "2M1", [4600.0, 2.0, -0.1], n_visits=1)
    for path in tmp_path.rglob("*.fits"):
        os.utime(path, (0, 0))
    stars = survey.training_set()
    np.savez("dr14-apogee-giants.npz", **(stars | {"labels": stars["labels"].T}))
    names = [survey.FIRST, "2M1", "2M2"]
    fields = {name: [value] * 3 for name, value in (survey.FIELDS | {"release": "dr16"}).items()}
    parquet.write_table(pa.table({"obj": names} | fields), "observed_stars.parquet")
    yield tmp_path
    os.environ.pop("MANYFIT_FOLDER", None)
