"""The tutorial's names: what they hand on, and what they do not."""

from __future__ import annotations

import warnings

import pytest

from manyfit.errors import InputError, ManyfitWarning
from manyfit.pipeline.astra import ApStarFile, Sinusoidal, Test, Train

STAR = {"apred": "r12", "telescope": "apo25m", "field": "000+14", "obj": "2M1"}
TRAINING = {"training_set_path": "a.pkl", "label_names": ("TEFF",)}


class ContinuumNormalize(Sinusoidal, ApStarFile):
    sum_axis = 0

    def requires(self):
        return ApStarFile(**self.get_common_param_kwargs(ApStarFile))


class Fourth(ContinuumNormalize):
    order = 4


class Labels(Test, ApStarFile):
    def requires(self):
        return {
            "model": Train(**self.get_common_param_kwargs(Train)),
            "observation": ContinuumNormalize(**self.get_common_param_kwargs(ContinuumNormalize)),
        }


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYFIT_FOLDER", str(tmp_path / "products"))


def test_parameters_are_handed_on_by_declaration():
    task = Labels(**STAR, **TRAINING, order=1, regularization=5, use_remote=True)
    with pytest.warns(ManyfitWarning, match="which stays 3"):
        required = task.requires()
    assert (required["model"].order, required["model"].regularization) == (1, 5.0)
    assert required["observation"].order == 3
    assert required["observation"].use_remote
    assert required["observation"].requires().use_remote
    assert required["observation"].requires().release == "dr16"


def test_no_warning_without_reason():
    task = Labels(**STAR, **TRAINING, order=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert task.requires()["observation"].order == 3


def test_the_continuum_has_an_order_of_its_own():
    assert Fourth(**STAR).order == 4
    with pytest.raises(InputError, match="Parameter of Fourth 'order' is not known"):
        Fourth(**STAR, order=2)


def test_sum_axis_is_part_of_what_a_task_is(tmp_path):
    ContinuumNormalize(**STAR).location().parent.mkdir(parents=True)
    ContinuumNormalize(**STAR).location().write_text("a star")

    class Unstacked(ContinuumNormalize):
        sum_axis = None

    one, other = (task(**STAR).record()["parameters"] for task in (ContinuumNormalize, Unstacked))
    assert (one["sum_axis"], other["sum_axis"]) == (0, None)


def test_use_remote_is_no_part_of_it(tmp_path):
    path = ApStarFile(**STAR).location()
    path.parent.mkdir(parents=True)
    path.write_text("a star")
    assert ApStarFile(**STAR).identity == ApStarFile(**STAR, use_remote=True, server="http://elsewhere").identity


def test_nothing_is_downloaded_by_looking(monkeypatch):
    monkeypatch.setattr("manyfit.spectra._paths.fetch", None)
    task = Labels(**STAR, **TRAINING, use_remote=True)
    with pytest.warns(ManyfitWarning, match="is another parameter"):
        assert not task.complete()
    with pytest.warns(ManyfitWarning, match="is another parameter"):
        assert task.output().path.endswith("pending.fits")
    star = ApStarFile(**STAR, use_remote=True)
    assert not star.complete()
    assert not star.output().exists()
