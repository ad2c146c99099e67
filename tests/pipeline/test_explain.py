"""Reasons to run: exactly what is not as it was, for exactly those tasks that would run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import luigi
import pytest

from manyfit.errors import InputError
from manyfit.pipeline import File, Float, InputFile, Integer, Task, Workspace, _files
from manyfit.pipeline._explain import explain
from manyfit.pipeline._gc import garbage, remove


class Continuum(Task):
    path = File()
    length = Float(default=1400)
    threads = Integer(default=1, significant=False)

    def requires(self):
        return InputFile(path=self.path)

    def compute(self, inputs):
        return inputs.read_text()


class Train(Task):
    training_set = File()
    order = Integer(default=2)

    def compute(self, inputs):
        return self.order


class Labels(Task):
    path = File()
    length = Float(default=1400)
    order = Integer(default=2)
    training_set = File()
    threads = Integer(default=1, significant=False)

    def requires(self):
        return {
            "model": Train(training_set=self.training_set, order=self.order),
            "spectrum": Continuum(path=self.path, length=self.length, threads=self.threads),
        }

    def compute(self, inputs):
        return inputs


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYFIT_FOLDER", str(tmp_path / "products"))
    monkeypatch.setattr(_files, "UNSETTLED", -1.0)
    write(tmp_path / "star", "flux", age=20)
    write(tmp_path / "stars", "labels", age=20)
    return tmp_path


def write(path, text, *, age):
    path.write_text(text)
    then = time.time() - age
    os.utime(path, (then, then))


def labels(folder, **parameters):
    return Labels(**{"path": str(folder / "star"), "training_set": str(folder / "stars")} | parameters)


def build(*tasks):
    return luigi.build(tasks, local_scheduler=True, log_level="ERROR")


def reasons(task):
    return {reason.task.partition("(")[0]: reason.text for reason in explain(task)}


def test_never_run(folder):
    assert reasons(labels(folder)) == dict.fromkeys(["Train", "Continuum", "Labels"], "it was never run")
    build(labels(folder))
    assert reasons(labels(folder)) == {}


CHANGES = {
    "continuum parameter": (
        {"length": 1500},
        {
            "Continuum": "the parameter 'length' was 1400.0 and is 1500.0",
            "Labels": "the parameter 'length' was 1400.0 and is 1500.0; "
            "what it requires as 'spectrum' (Continuum) is not as it was",
        },
    ),
    "order": (
        {"order": 3},
        {
            "Train": "the parameter 'order' was 2 and is 3",
            "Labels": "the parameter 'order' was 2 and is 3; what it requires as 'model' (Train) is not as it was",
        },
    ),
    "insignificant": ({"threads": 8}, {}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_parameters(folder, change):
    parameters, expected = CHANGES[change]
    build(labels(folder))
    task = labels(folder, **parameters)
    assert reasons(task) == expected
    before = len(task.workspace.index.entries())
    build(task)
    assert len(task.workspace.index.entries()) == before + len(expected)


def test_one_byte_of_the_training_file(folder):
    build(labels(folder))
    write(folder / "stars", "lavels", age=10)
    assert reasons(labels(folder)) == {
        "Train": "the content of 'training_set' is not as it was",
        "Labels": "the content of 'training_set' is not as it was; "
        "what it requires as 'model' (Train) is not as it was",
    }


def test_version_of_the_code(folder, monkeypatch):
    build(labels(folder))
    monkeypatch.setattr(Train, "version", "2", raising=False)
    assert reasons(labels(folder)) == {
        "Train": "its code is another version",
        "Labels": "what it requires as 'model' (Train) is not as it was",
    }


def test_files_and_products_that_are_missing(folder):
    task = labels(folder, path=str(folder / "later"))
    assert reasons(task) == {
        "InputFile": f"{folder / 'later'} does not exist yet",
        "Train": "it was never run",
        "Continuum": f"{folder / 'later'} does not exist yet",
        "Labels": f"{folder / 'later'} does not exist yet",
    }
    task = labels(folder)
    build(task)
    Path(task.output().path).unlink()
    assert reasons(task) == {"Labels": "its product is not as it was written"}


class Chicken(Task):
    def requires(self):
        return Egg()


class Egg(Task):
    def requires(self):
        return [Chicken()]


def test_cycles():
    with pytest.raises(InputError, match=r"Egg\(\) requires itself: Egg -> Chicken -> Egg"):
        Egg().complete()
    with pytest.raises(InputError, match="requires itself"):
        explain(Chicken())


def test_garbage_is_what_no_task_refers_to(folder):
    build(labels(folder), labels(folder, order=3))
    space = Workspace.current()
    left = space.folder / "Labels" / ".0123.77.part.json"
    left.write_text("half")
    now = time.time()
    keep = [labels(folder, order=3)]
    assert {p.parent.name for p in garbage(space, keep, now=now)} == {"Labels", "Train"}
    found = garbage(space, keep, now=now + 7200)
    assert left in found
    remove(space, found)
    assert not left.exists()
    assert keep[0].complete()
    assert not labels(folder).complete()
    assert garbage(space, keep, now=now + 7200) == []
    assert sorted(entry.task for entry in space.index.entries()) == ["Continuum", "Labels", "Train"]
