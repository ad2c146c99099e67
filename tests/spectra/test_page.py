"""The page on spectra says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

PAGE = (Path(__file__).parents[2] / "docs" / "spectra.md").read_text(encoding="utf-8")
FIRST, MANY = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_first_example(real):
    names = {"folder": real("apVisit-r13-9518-57729-104.fits").parent}
    real("masks/continuum-regions.list")
    exec(FIRST, names)
    assert names["flux"].shape == names["ivar"].shape == (1, 8575)
    assert np.isfinite(names["flux"]).all()


def test_many_files(real):
    from manyfit import spectra

    names = {"paths": [real("synthetic_apStar.fits"), "missing.fits"], "spectra": spectra}
    exec(MANY, names)
    assert list(names["block"].files["status"]) == ["ok", "missing"]
    assert len(names["block"].spectra) == 1


def test_names_on_the_page():
    from manyfit import spectra

    for name in re.findall(r"`(\w+_continuum|stack|resample|air_to_vacuum|vacuum_to_air|ContinuumStatus)", PAGE):
        assert hasattr(spectra, name)
    assert set(spectra.__all__) <= set(dir(spectra))
    for name in spectra.__all__:
        assert getattr(spectra, name) is not None
