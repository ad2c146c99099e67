"""The pages of the documentation say what the code does."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from manyfit.kernels._status import TABLE, Status

DOCS = Path(__file__).parents[2] / "docs"


def test_every_status_has_its_line():
    page = (DOCS / "status.md").read_text(encoding="utf-8")
    assert set(TABLE) == set(Status)
    for status, text in TABLE.items():
        assert f"| {int(status)} | `{text.name}` | {text.sentence} | {text.remedy} |" in page


def test_any_model(cubes):
    names = runpy.run_path(str(DOCS / "examples" / "any_model.py"))
    result, fitted = names["result"], names["fitted"]
    assert names["velocity"].unit == "km/s"
    assert names["line"].shape == result.shape == fitted.mean_0.shape == (105, 105)
    bright = (result["amplitude_0"].value > 2) & (result.status == Status.CONVERGED)
    assert bright.sum() > 500
    assert np.all((names["velocity"][bright].value >= 3) & (names["velocity"][bright].value <= 6))
    assert np.median(names["error"][bright].value) == pytest.approx(0.03, abs=0.02)
    difference = (fitted.mean_0.quantity[bright] - names["velocity"][bright]) / names["error"][bright]
    assert np.mean(np.abs(difference.to_value("")) < 1e-5) > 0.99


def test_cube(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(DOCS / "examples" / "cube.py"))
    fit, signal, truth = names["fit"], names["signal"], names["datasets"].simulate_clouds_cube().truth
    assert len(signal.regions) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clouds.fits", "clouds_fit.fits", "clouds_fit.html"]
    bright = fit.good & (truth["amplitude"].to_value("K") > 0.3)
    assert bright.sum() > 200
    pull = ((names["velocity"] - truth["mean"]) / names["error"]).to_value("")[bright]
    assert abs(np.median(pull)) < 0.2
    assert 0.8 < np.std(pull) < 1.3
    assert names["one"].mean.value == pytest.approx(fit["mean"][32, 32].value, abs=0.1)
    assert (names["blended"].n_components[bright] == 1).mean() > 0.95


def test_page_on_cubes_shows_the_example():
    page = (DOCS / "cube.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL))
    lines = (DOCS / "examples" / "cube.py").read_text(encoding="utf-8").splitlines()
    for line in lines[2:]:
        assert line.partition("  #")[0] in code


def test_page_on_cubes_has_commands_that_exist():
    from click.testing import CliRunner

    from manyfit.cli import main

    page = (DOCS / "cube.md").read_text(encoding="utf-8")
    known = CliRunner().invoke(main, ["cube", "--help"]).stdout
    options = set(re.findall(r"(?<= )--[a-z-]+", page))
    assert options
    assert all(re.search(rf"{option}\b", known) for option in options)


def test_cannon(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(DOCS / "examples" / "cannon.py"))
    truth, trusted = names["others"].labels[:, 0], names["trusted"]
    assert trusted.sum() > 350
    pulls = (names["teff"] - truth)[trusted] / names["error"][trusted]
    assert 0.8 < np.std(pulls) < 1.2
    files = ["known.npz", "labels.fits", "model.npz", "one_to_one.png", "others.npz", "report.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_page_on_the_cannon_shows_the_example():
    page = (DOCS / "cannon.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL))
    lines = (DOCS / "examples" / "cannon.py").read_text(encoding="utf-8").splitlines()
    for line in lines[2:]:
        assert line.partition("  #")[0] in code


def test_page_on_the_cannon_has_commands_that_exist():
    from click.testing import CliRunner

    from manyfit.cli import main

    page = (DOCS / "cannon.md").read_text(encoding="utf-8")
    for command in re.findall(r"\$ manyfit cannon (\w+)(.*)", page):
        known = CliRunner().invoke(main, ["cannon", command[0], "--help"]).stdout
        assert all(re.search(rf"{option}\b", known) for option in re.findall(r"(?<= )--[a-z-]+", command[1]))


def blocks(page, kind):
    """Code of a page by the name in its first line, or by number."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, flags=re.DOTALL)


def file_of(name):
    (code,) = [block for block in blocks("pipeline.md", "python") if block.startswith(f"# {name}\n")]
    return code


def test_stellar_labels(survey, capfd):
    runpy.run_path(str(DOCS / "examples" / "stellar_labels.py"), run_name="__main__")
    said = capfd.readouterr()
    assert "TEFF_ERR" in said.out
    assert "pending" in said.out
    shutil.copy(DOCS / "examples" / "stellar_labels.py", survey)
    (survey / "catalogue.py").write_text(file_of("catalogue.py"))
    assert "StellarParametersRows: 2 done, 1 pending rows" in manyfit("run", "catalogue.py")
    assert "Nothing would run" in manyfit("run", "catalogue.py", "--dry-run")
    (product,) = (survey / "manyfit_products" / "Catalogue").glob("*.fits")
    table = Table.read(product)
    assert table["obj"].tolist()[1:] == ["2M1", "2M2"]
    assert abs(table["TEFF"][0] - 4700) < 60
    assert abs(table["TEFF"][1] - 4600) < 60
    manyfit("status", "--page", "run.html")
    assert "Catalogue" in (survey / "run.html").read_text()
    manyfit("run", "catalogue.py", "--slurm", "catalogue.sh")
    assert "--array" in (survey / "catalogue.sh").read_text()


def test_workflows_of_the_page_on_pipelines(survey):
    (survey / "arriving.py").write_text(file_of("arriving.py"))
    assert "LabelsRows: 2 done rows" in manyfit(
        "watch", "reduced", "arriving.py", "--pattern", "apStar*.fits", "--once"
    )
    from manyfit import datasets

    datasets.simulate_clouds_cube().write("clouds.fits")
    (survey / "cubes.py").write_text(file_of("cubes.py"))
    assert "* 1 ran successfully" in manyfit("run", "cubes.py")


def manyfit(*words):
    """What a command says, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "from manyfit.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_page_on_pipelines_shows_the_example():
    lines = (DOCS / "examples" / "stellar_labels.py").read_text(encoding="utf-8").splitlines()
    assert "\n".join(lines[2:]) + "\n" == blocks("pipeline.md", "python")[0]


def test_page_on_pipelines_has_commands_that_exist():
    for line in "".join(blocks("pipeline.md", "bash")).splitlines():
        if line.startswith("manyfit"):
            command = line.split()[1]
            known = manyfit(command, "--help")
            assert all(re.search(rf"{option}\b", known) for option in re.findall(r"(?<= )--[a-z-]+", line)), line
