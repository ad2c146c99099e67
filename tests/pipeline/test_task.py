"""Identities: all that a product depends on changes it, nothing else does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import luigi
import pytest

from manyfit.errors import InputError
from manyfit.pipeline import File, InputFile, Integer, Task, Workspace, _files
from manyfit.pipeline._version import version_of


class Numbers(Task):
    path = File()

    def requires(self):
        return InputFile(path=self.path)

    def compute(self, inputs):
        return [float(word) for word in inputs.read_text().split()]


class Power(Task):
    order = Integer(default=2)
    speed = Integer(default=1, significant=False)

    def compute(self, inputs):
        return [number**self.order for number in inputs]


class Powers(Power, Numbers):
    def requires(self):
        return self.clone(Numbers)


class Cubes(Powers):
    order = 3


class Total(Task):
    path = File()
    order = Integer(default=7)  # another one than that of Power

    def requires(self):
        return {"powers": Powers(path=self.path, order=2), "all": [Numbers(path=self.path)]}

    def compute(self, inputs):
        return sum(inputs["powers"]) + sum(inputs["all"][0])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYFIT_FOLDER", str(tmp_path / "products"))
    monkeypatch.setattr(_files, "UNSETTLED", -1.0)
    write(tmp_path / "numbers.txt", "1 2 3")
    return tmp_path


def write(path, text, *, age=10):
    path.write_text(text)
    then = time.time() - age
    os.utime(path, (then, then))


def build(*tasks):
    return luigi.build(tasks, local_scheduler=True, log_level="ERROR")


def total(folder, **parameters):
    return Total(path=str(folder / "numbers.txt"), **parameters)


def test_runs_once(folder, monkeypatch):
    task = total(folder)
    assert not task.complete()
    assert build(task)
    assert task.value() == 20.0
    monkeypatch.setattr(Total, "compute", None)
    monkeypatch.setattr(Powers, "compute", None)
    assert build(task)
    assert {entry.task for entry in task.workspace.index.entries()} == {"Numbers", "Powers", "Total"}


def test_content_of_a_file_changes_everything_downstream(folder):
    task = total(folder)
    build(task)
    before = task.identity
    write(folder / "numbers.txt", "1 2 4", age=5)
    assert task.identity != before
    assert not task.complete()
    assert not task.requires()["powers"].complete()
    write(folder / "numbers.txt", "1 2 3", age=4)
    assert task.identity == before
    assert task.complete()


def test_where_a_file_lies_changes_nothing(folder):
    write(folder / "copy.txt", "1 2 3")
    assert Total(path=str(folder / "copy.txt")).identity == total(folder).identity


def test_parameters(folder):
    path = str(folder / "numbers.txt")
    assert Powers(path=path, order=3).identity != Powers(path=path).identity
    assert Powers(path=path, order=2.0).identity == Powers(path=path).identity
    assert Powers(path=path, speed=9).identity == Powers(path=path).identity
    record, parent = Cubes(path=path).record(), Powers(path=path, order=3).record()
    assert record["parameters"] == parent["parameters"] == {"order": 3}


def test_equal_names_are_not_equal_parameters(folder):
    # The order of Total never becomes that of Powers.
    assert total(folder, order=1).clone(Powers, path="x").order == 2
    with pytest.raises(InputError, match="Powers needs the parameter path"):
        total(folder).clone(Powers)
    assert Cubes(path="x").clone(Powers).order == 3
    assert Powers(path="x", order=5).clone(Cubes, path="y").order == 3


def test_the_class_body_fixes_a_checked_value():
    with pytest.raises(InputError, match="Wrong, parameter 'order': 'three' was given"):

        class Wrong(Power):
            order = "three"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"ordr": 3, "path": "x"}, "Parameter of Powers 'ordr' is not known. Accepted: .*Did you mean 'order'"),
        ({"order": 1.5, "path": "x"}, "Powers, parameter 'order': 1.5 was given, a whole number is needed"),
        ({}, "Powers needs the parameter path"),
    ],
)
def test_wrong_parameters(parameters, words):
    with pytest.raises(InputError, match=words):
        Powers(**parameters)


def test_missing_file_is_pending(folder):
    task = Powers(path=str(folder / "later.txt"))
    assert task.identity is None
    assert not task.complete()
    assert not build(task)
    assert task.workspace.index.entries() == []
    write(folder / "later.txt", "2")
    assert build(task)
    assert task.value() == [4.0]


VERSIONS = {
    "one": "class A(Task):\n    def compute(self, inputs):\n        return 1\n",
    "same": 'class A(Task):\n    """Words."""\n\n    def compute(self, inputs):  # more words\n        return 1\n',
    "other": "class A(Task):\n    def compute(self, inputs):\n        return 2\n",
    "said": 'class A(Task):\n    version = "1"\n\n    def compute(self, inputs):\n        return 1\n',
    "said too": 'class A(Task):\n    version = "1"\n\n    def compute(self, inputs):\n        return 2\n',
}


@pytest.fixture
def versions(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    found = {}
    for i, (name, text) in enumerate(VERSIONS.items()):
        (folder / f"flow_{i}.py").write_text(f"from manyfit.pipeline import Task\n\n\n{text}")
        module = __import__(f"flow_{i}")
        found[name] = version_of(module.A)
    return found


def test_version_of_the_code(versions):
    assert versions["one"] == versions["same"]
    assert versions["one"] != versions["other"]
    assert versions["said"] == versions["said too"]


class Broken(Power):
    def requires(self):
        return []

    def compute(self, inputs):
        raise ValueError("no such number")


def test_failure_is_kept_and_is_not_done(folder):
    task = Broken()
    assert not build(task)
    (entry,) = task.workspace.index.entries()
    assert (entry.status, entry.path) == ("failed", None)
    assert "no such number" in entry.error
    assert not task.complete()
    with pytest.raises(InputError, match="run it first"):
        task.value()


def test_lost_index_is_made_again(folder):
    task = total(folder)
    build(task)
    before = task.workspace.index.entries()
    for file in (folder / "products").glob("index.sqlite*"):
        file.unlink()
    assert Workspace.current().index.entries() == before
    assert task.complete()


def test_lost_and_corrupted_products(folder):
    task = total(folder)
    build(task)
    product = Path(task.output().path)
    text = product.read_text()
    product.write_text(text[:-1] + "9")
    assert task.complete()  # the size is as it was; the digest is looked at on request
    assert not task.workspace.verify(task.identity)
    product.write_text(text + "0")
    assert not task.complete()
    product.unlink()
    assert not task.complete()
    assert build(task)
    assert task.workspace.verify(task.identity)


def test_a_product_without_a_note_does_not_count(folder):
    task = total(folder)
    build(task)
    note = Path(f"{task.output().path}.note")
    for file in (note, *(folder / "products").glob("index.sqlite*")):
        file.unlink()
    assert not task.complete()


FLOW = """
import os, sys, time, luigi
from manyfit.pipeline import Integer, Task

class Slow(Task):
    number = Integer()

    def compute(self, inputs):
        with open(f"{os.environ['MANYFIT_FOLDER']}.ran", "a") as log:
            log.write(f"{self.number}\\n")
        time.sleep(0.05)
        return self.number

luigi.build([Slow(number=i) for i in range(10)], local_scheduler=True, log_level="WARNING")
"""


def test_two_processes_do_each_task_once(folder):
    (folder / "flow.py").write_text(FLOW)
    both = [subprocess.Popen([sys.executable, folder / "flow.py"], stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate(timeout=120)[1] for process in both] == [b"", b""]
    ran = (folder / "products.ran").read_text().split()
    assert sorted(map(int, ran)) == list(range(10))


def test_full_disk_leaves_nothing(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    task = Numbers(path=str(folder / "numbers.txt"))
    monkeypatch.setattr("os.fsync", full)
    assert not build(task)
    monkeypatch.undo()
    monkeypatch.setenv("MANYFIT_FOLDER", str(folder / "products"))
    assert [p.name for p in (folder / "products" / "Numbers").iterdir()] == []
    assert "No space left" in task.workspace.index.entries()[-1].error
    assert build(task)


def test_notes_say_what_a_product_is(folder):
    task = total(folder)
    build(task)
    note = json.loads(Path(f"{task.output().path}.note").read_text())
    assert note["identity"] == task.identity
    assert json.loads(note["record"]) == task.record()
    assert sorted(note["parents"]) == sorted(set(task.record()["requires"].values()))
