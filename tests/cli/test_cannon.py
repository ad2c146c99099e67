"""The commands of The Cannon as a user runs them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner

from manyfit.cannon import CannonModel, _label_store, simulate_stars
from manyfit.cannon._label_store import LabelWork
from manyfit.cli import main
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"
COMMANDS = ("train", "validate", "infer", "demo")
STARS = simulate_stars(150, 200, seed=1)
OTHERS = simulate_stars(60, 200, seed=2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with stars of known labels and others."""
    monkeypatch.chdir(tmp_path)
    STARS.write("known.npz")
    OTHERS.write("others.npz")
    return tmp_path


def ok(*arguments):
    result = CliRunner().invoke(main, ["cannon", *arguments])
    assert result.exit_code == 0, result.output
    return result


def fails(*arguments):
    result = CliRunner().invoke(main, ["cannon", *arguments])
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    return result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command):
    arguments = ["cannon", *([command] if command else []), "--help"]
    text = CliRunner().invoke(main, arguments, prog_name="manyfit", terminal_width=100).stdout
    assert_golden(GOLDEN / f"help_cannon{'_' * bool(command)}{command}.txt", text.rstrip("\n"))


def test_from_training_set_to_labels(folder):
    shown = ok("train", "known.npz", "--hidden", "0", "--report", "report.html")
    assert "150 stars, 200 pixels, 10 terms" in shown.stdout
    assert "Training: 200 of 200 pixels" in shown.stderr
    assert "Validating: 150 of 150 stars" in shown.stderr
    assert "pull_after" in shown.stdout
    assert CannonModel.load("model.npz").calibration is not None
    assert "Validation" in (folder / "report.html").read_text(encoding="utf-8")
    shown = ok("infer", "model.npz", "others.npz", "-o", "labels.fits")
    assert "60 stars" in shown.stdout
    assert "Labelling: 60 of 60 stars" in shown.stderr
    table = Table.read("labels.fits")
    for k, name in enumerate(OTHERS.label_names):
        pulls = (table[name] - OTHERS.labels[:, k]) / table[f"{name}_ERR"]
        assert 0.6 < np.std(pulls) < 1.5
    assert "exists" in fails("infer", "model.npz", "others.npz", "-o", "labels.fits")
    ok("infer", "model.npz", "others.npz", "-o", "labels.fits", "--overwrite", "-q", "--radial-velocity")
    assert "rv" in Table.read("labels.fits").colnames


def test_validate(folder):
    ok("train", "known.npz", "--hidden", "0", "--folds", "0", "-o", "plain.fits", "-q")
    assert CannonModel.load("plain.fits").calibration is None
    shown = ok("validate", "plain.fits", "known.npz", "-o", "good.fits", "--folds", "3", "--table", "stars.ecsv")
    assert "error_floor" in shown.stdout
    assert CannonModel.load("good.fits").calibration is not None
    assert len(Table.read("stars.ecsv")) == 150


def test_options_in_a_file(folder):
    text = 'output = "one.npz"\nlabels = ["FE_H"]\norder = 1\nfolds = 0\nhidden = "0"\n'
    (folder / "train.toml").write_text(text)
    ok("train", "known.npz", "--config", "train.toml")
    model = CannonModel.load("one.npz")
    assert (model.label_names, model.vectorizer.n_terms) == (("FE_H",), 2)


def test_errors(folder):
    assert "Did you mean 'TEFF'" in fails("train", "known.npz", "--label", "TEF")
    assert "no known kind" in fails("train", str(Path(__file__)))
    assert "--hidden" in fails("train", "known.npz", "--hidden", "many")
    (folder / "bad.pkl").write_bytes(pickle.dumps(os.system))
    assert "nothing was executed" in fails("train", "bad.pkl")
    assert "no npz and no FITS" in fails("infer", "bad.pkl", "others.npz")
    assert "--survey" in fails("infer", "model.npz", "others.npz", "known.npz")
    assert not (folder / "model.npz").exists()


def test_without_a_command():
    assert "train" in CliRunner().invoke(main, ["cannon"]).output


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["demo"], ["--demo"]])
def test_demo(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    shown = ok(*arguments).stdout
    assert "in units of the errors" in shown
    names = sorted(p.name for p in (tmp_path / "cannon-demo").iterdir())
    assert names == ["known.npz", "labels.fits", "model.npz", "others.npz", "report.html"]


def test_a_command_that_was_ended_goes_on(folder, monkeypatch):
    """The store has what was done; the table is that of an undisturbed command."""
    ok("train", "known.npz", "--hidden", "0", "--folds", "0", "-q")
    real, count = LabelWork.__call__, []

    def mortal(self, block):
        count.append(block.index)
        if len(count) == 3:
            raise OSError("no space left on device")
        return real(self, block)

    call = ("infer", "model.npz", "others.npz", "--store", "labels.zarr", "--scheduler", "serial")
    real_plan = _label_store.plan
    with monkeypatch.context() as patch:
        patch.setattr(_label_store, "plan", lambda *a, **k: real_plan(*a, **k | {"max_elements": 15}))
        patch.setattr(LabelWork, "__call__", mortal)
        assert "no space left" in fails(*call)
    shown = CliRunner().invoke(main, ["info", "labels.zarr"]).stdout
    assert shown.startswith("Unfinished, 50.0 %: 30 of 60 elements in 2 of 4 blocks.\n\nLabels ")
    assert "\n30 stars\n" in shown
    shown = ok(*call)
    assert "60 stars" in shown.stdout
    assert shown.stdout.endswith("Wrote labels.zarr.\n")
    assert not Path("labels.parquet").exists()
    ok(*call, "-o", "labels.fits", "-q")
    ok("infer", "model.npz", "others.npz", "-o", "plain.fits", "-q")
    found, wanted = Table.read("labels.fits"), Table.read("plain.fits")
    assert found.colnames == wanted.colnames
    for name in wanted.colnames:
        np.testing.assert_array_equal(found[name], wanted[name])
    assert "options.search.n_starts: 4 in the store, 2 now" in fails(*call, "--starts", "2")
