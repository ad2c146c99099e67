"""Two tasks with one product are refused before anything runs."""

from __future__ import annotations

import luigi
import pytest

from manyfit.errors import InputError
from manyfit.pipeline import File, Integer, Task
from manyfit.pipeline._run import dry_run, run


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYFIT_FOLDER", str(tmp_path / "products"))
    return tmp_path


class One(Task):
    version = "1"
    number = Integer(default=1)

    def compute(self, inputs):
        return self.number


def other_one():
    class One(Task):
        version = "1"
        number = Integer(default=1)

        def compute(self, inputs):
            return -self.number

    One.__qualname__ = "One"
    return One


class Fixed(Task):
    number = Integer(default=1)

    def compute(self, inputs):
        return self.number

    def output(self):
        return luigi.LocalTarget("fixed.json")


class Size(Task):
    path = File()

    def compute(self, inputs):
        return 1


@pytest.mark.parametrize(
    "tasks", [[One(), other_one()()], [Fixed(number=1), Fixed(number=2)]], ids=["classes of one name", "one output()"]
)
@pytest.mark.parametrize("do", [run, dry_run])
def test_one_output(tasks, do, folder):
    with pytest.raises(InputError, match=r"would both write '.*json'. Give the classes different names"):
        do(tasks)
    assert not (folder / "products" / "One").exists()


def test_one_content_at_two_places_is_no_conflict(folder):
    for name in "ab":
        (folder / name).write_text("the same")
    tasks = [Size(path=str(folder / name)) for name in "ab"]
    assert run(tasks).succeeded
    assert len({task.output().path for task in tasks}) == 1
