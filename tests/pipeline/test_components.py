"""Tasks of manyfit and of other packages: an example component is installed, listed and run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from manyfit.pipeline._components import components

EXAMPLE = Path(__file__).parents[2] / "examples" / "component"
MANYFIT = (sys.executable, "-c", "from manyfit.cli import main; main()")
WORKFLOW = """
from line_depths import LineDepth, TextSpectrum


class Depth(LineDepth, TextSpectrum):
    def requires(self):
        return self.clone(TextSpectrum)


tasks = [Depth(path="star.txt", line=15300), Depth.for_rows("stars.csv", line=15300)]
"""


def test_tasks_of_manyfit():
    found = {part.name: part for part in components()}
    assert {"ApStarFile", "Infer", "SinusoidalContinuum", "Train", "CubeFit", "TSMap", "ProductTable"} <= set(found)
    train = dict(found["Train"].parameters)
    assert train["training_set"] == "File"
    assert train["order"] == "Integer = 2"
    assert found["Train"].summary.startswith("A trained model of The Cannon")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of a process that has the component."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", str(folder), str(EXAMPLE)], check=True)
    return os.environ | {"PYTHONPATH": str(folder)}


def manyfit(environment, folder, *words):
    done = subprocess.run([*MANYFIT, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_component_is_listed(installed, tmp_path):
    said = manyfit(installed, tmp_path, "tasks")
    assert "LineDepth (line-depths)\n    The depth of a line: one minus the mean" in said
    assert "    line: Quantity\n" in said
    assert "TextSpectrum (line-depths)" in said
    assert "Train (manyfit)" in said


def test_a_component_runs(installed, tmp_path):
    x = np.linspace(15290, 15310, 201)
    flux = 1 - 0.4 * (np.abs(x - 15300) < 1.5)
    np.savetxt(tmp_path / "star.txt", np.c_[x, flux, np.full(201, 0.01)])
    (tmp_path / "stars.csv").write_text("path\nstar.txt\nlater.txt\n")
    (tmp_path / "flow.py").write_text(WORKFLOW)
    assert WORKFLOW in (EXAMPLE / "README.md").read_text().replace("```python", "")
    environment = installed | {"MANYFIT_FOLDER": str(tmp_path / "products")}
    assert "DepthRows: 1 done, 1 pending rows" in manyfit(environment, tmp_path, "run", "flow.py")
    (product,) = (tmp_path / "products" / "Depth").glob("*.json")
    assert '"depth": 0.4' in product.read_text()
    assert "Nothing would run" in manyfit(environment, tmp_path, "run", "flow.py", "--dry-run")
