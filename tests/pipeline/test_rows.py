"""Rows: each is done once, one that fails stops no other, killed runs lose nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import luigi
import numpy as np
import pytest
from astropy.table import Table

from manyfit.errors import InputError
from manyfit.pipeline import File, InputFile, Integer, Task, Text, Workspace, _files
from manyfit.pipeline._row_index import ask_again

RAN: list[int] = []
TRAINED: list[int] = []


class Trained(Task):
    power = Integer(default=2)

    def compute(self, inputs):
        TRAINED.append(self.power)
        return self.power


class Star(Task):
    number = Integer()
    power = Integer(default=2)
    shared_requirements = ("model",)

    def requires(self):
        return {"model": Trained(power=self.power)}

    def compute(self, inputs):
        RAN.append(self.number)
        if self.number == 13:
            raise ValueError("unlucky")
        return {"label": float(self.number ** inputs["model"]), "parts": [self.number, self.power]}


class Words(Task):
    path = File()

    def requires(self):
        return InputFile(path=self.path)

    def compute(self, inputs):
        return inputs.read_text().split()


class Count(Task):
    """A row with a file of its own, read by a task on the way."""

    path = File()
    word = Text(default="a")

    def requires(self):
        return {"words": Words(path=self.path)}

    def compute(self, inputs):
        return inputs["words"].count(self.word)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYFIT_FOLDER", str(tmp_path / "products"))
    monkeypatch.setattr(_files, "UNSETTLED", -1.0)
    RAN.clear()
    TRAINED.clear()
    return tmp_path


def build(*tasks):
    return luigi.build(tasks, local_scheduler=True, log_level="ERROR")


def stars(folder, numbers, *, suffix=".parquet", **shared):
    path = folder / f"stars{suffix}"
    table = Table({"number": numbers, "name": [f"star {n}" for n in numbers]})
    if suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({name: table[name].tolist() for name in table.colnames}), path)
    else:
        table.write(path, overwrite=True)
    return Star.for_rows(path, batch=4, **shared)


@pytest.mark.parametrize("suffix", [".parquet", ".fits", ".ecsv", ".csv"])
def test_all_rows_of_a_table(folder, suffix):
    task = stars(folder, list(range(10)), suffix=suffix, power=3)
    assert not task.complete()
    assert build(task)
    assert task.complete()
    value = task.value()
    assert value["name"].tolist() == [f"star {n}" for n in range(10)]
    assert value["label"].tolist() == [float(n**3) for n in range(10)]
    assert value["parts"][9].tolist() == [9, 3]
    assert set(value["status"]) == {"done"}
    assert TRAINED == [3]
    assert list(range(10)) == RAN


def test_only_new_rows_are_done(folder):
    build(stars(folder, list(range(10))))
    RAN.clear()
    task = stars(folder, [3, 20, 1, 21, 21])
    assert build(task)
    assert RAN == [20, 21]
    assert task.value()["label"].tolist() == [9.0, 400.0, 1.0, 441.0, 441.0]
    RAN.clear()
    build(stars(folder, list(range(10)), power=3))
    assert list(range(10)) == RAN
    assert TRAINED == [2, 3]


def test_a_failing_row_stops_no_other_and_can_be_asked_for_again(folder):
    task = stars(folder, [12, 13, 14])
    assert build(task)
    value = task.value()
    assert value["status"].tolist() == ["done", "failed", "done"]
    assert "ValueError: unlucky" in value["error"][1]
    assert value["label"].mask.tolist() == [False, True, False]
    before = task.identity
    RAN.clear()
    assert build(task)
    assert RAN == []
    assert ask_again(task.workspace.index, task.state().common) == 1
    assert task.identity != before  # what comes after sees that the table may be another one


def test_retried_row_succeeds(folder):
    flag = folder / "luck"

    class Lucky(Task):
        number = Integer()

        def compute(self, inputs):
            return flag.read_text()

    Table({"number": [1, 2]}).write(folder / "t.csv")
    task = Lucky.for_rows(folder / "t.csv")
    build(task)
    assert task.value()["status"].tolist() == ["failed", "failed"]
    flag.write_text("found")
    assert task.complete()
    ask_again(task.workspace.index, task.state().common)
    assert not task.complete()
    assert build(task)
    assert task.value()["value"].tolist() == ["found", "found"]
    identity = task.identity
    lose_index(folder)
    assert task.identity == identity
    assert task.complete()


def lose_index(folder):
    for file in (folder / "products").glob("index.sqlite*"):
        file.unlink()


def test_rows_wait_for_their_files(folder):
    paths = [folder / f"{i}.txt" for i in range(3)]
    paths[0].write_text("a b a")
    Table({"path": [str(path) for path in paths]}).write(folder / "t.csv")
    task = Count.for_rows(folder / "t.csv", word="a")
    assert build(task)
    assert task.value()["status"].tolist() == ["done", "pending", "pending"]
    assert "does not exist yet" not in str(task.value()["error"][0])
    assert task.complete()
    paths[2].write_text("a")
    assert not task.complete()
    assert build(task)
    value = task.value()
    assert value["status"].tolist() == ["done", "pending", "done"]
    assert value["value"].filled(-1).tolist() == [2, -1, 1]


def test_content_of_the_file_of_one_row(folder):
    paths = [folder / f"{i}.txt" for i in range(3)]
    for path in paths:
        write(path, "a b")
    Table({"path": [str(path) for path in paths]}).write(folder / "t.csv")
    task = Count.for_rows(folder / "t.csv")
    build(task)
    known = set(task.state().known)
    write(paths[1], "a a", age=5)
    build(task)
    assert len(set(task.state().known) - known) == 1
    assert task.value()["value"].tolist() == [1, 2, 1]


def write(path, text, *, age=10):
    path.write_text(text)
    then = time.time() - age
    os.utime(path, (then, then))


def test_lost_index_is_made_again_from_the_parts(folder):
    task = stars(folder, list(range(10)))
    build(task)
    RAN.clear()
    lose_index(folder)
    assert task.complete()
    assert build(stars(folder, list(range(11))))
    assert RAN == [10]


@pytest.mark.parametrize(
    ("columns", "shared", "words"),
    [
        ({"number": [1, 2]}, {"number": 3}, "'number' is a column of .* and given for all rows"),
        ({"number": ["1", "x"]}, {}, "Row 1 of .*Star, parameter 'number': 'x' was given"),
        ({"number": [1], "status": ["a"]}, {}, "The column 'status' .* Rename it"),
        ({"numbre": [1]}, {}, "Star needs the parameter number"),
        ({"number": []}, {}, "has no rows"),
    ],
)
def test_bad_tables(folder, columns, shared, words):
    Table(columns).write(folder / "t.ecsv")
    with pytest.raises(InputError, match=words):
        Star.for_rows(folder / "t.ecsv", **shared).complete()


def test_bad_files(folder):
    (folder / "t.txt").write_text("number\n1\n")
    (folder / "t.parquet").write_text("number\n1\n")
    with pytest.raises(InputError, match=r"no table that can be read. Accepted: .parquet"):
        Star.for_rows(folder / "t.txt").complete()
    with pytest.raises(InputError, match="cannot be read as a table"):
        Star.for_rows(folder / "t.parquet").complete()
    assert not Star.for_rows(folder / "later.csv").complete()


def test_full_disk(folder, monkeypatch):
    task = stars(folder, list(range(10)))
    assert build(Trained())

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    assert not build(task)
    monkeypatch.undo()
    monkeypatch.setenv("MANYFIT_FOLDER", str(folder / "products"))
    assert not list((folder / "products").rglob("*.part*"))
    assert build(task)
    assert np.all(task.value()["status"] == "done")


FLOW = """
import sys, time, luigi
from manyfit.pipeline import Integer, Task

class Slow(Task):
    number = Integer()

    def compute(self, inputs):
        time.sleep(0.0005)
        return {"square": self.number**2}

if __name__ == "__main__":
    luigi.build([Slow.for_rows("t.csv", batch=50)], local_scheduler=True, log_level="WARNING")
"""


def killed_runs(folder, monkeypatch, n_rows, kills):
    """Run the same rows again and again, each time killed at another moment; then once to the end."""
    monkeypatch.chdir(folder)
    Table({"number": np.arange(n_rows)}).write(folder / "t.csv")
    (folder / "flow.py").write_text(FLOW)
    rng = np.random.default_rng(1)
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "flow.py"])
        time.sleep(rng.uniform(0.2, 1.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([sys.executable, "flow.py"], check=True, timeout=120)


def check_rows(folder, n_rows):
    from pyarrow import parquet

    parts = [parquet.read_table(path) for path in (folder / "products").rglob("SlowRows/*/*.parquet")]
    identities = [identity for part in parts for identity in part.column("identity").to_pylist()]
    assert len(identities) == len(set(identities)) == n_rows
    (product,) = (folder / "products" / "SlowRows").glob("*.parquet")
    assert parquet.read_table(product).column("square").to_pylist() == [n**2 for n in range(n_rows)]


@pytest.mark.parametrize(("n_rows", "kills"), [(500, 4), pytest.param(2000, 50, marks=pytest.mark.slow)])
def test_killed_at_any_moment(folder, monkeypatch, n_rows, kills):
    killed_runs(folder, monkeypatch, n_rows, kills)
    check_rows(folder, n_rows)


def test_two_processes_do_each_row_once(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Table({"number": np.arange(300)}).write(folder / "t.csv")
    (folder / "flow.py").write_text(FLOW)
    both = [subprocess.Popen([sys.executable, "flow.py"], stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate(timeout=120)[1] for process in both] == [b"", b""]
    check_rows(folder, 300)


def test_rows_of_one_workspace_are_found_by_their_context(folder):
    build(stars(folder, [1, 2]))
    build(stars(folder, [1, 2], power=4))
    folders = {path.parent.name for path in Path(folder / "products" / "StarRows").glob("*/*.parquet")}
    assert len(folders) == 2
    assert len(Workspace.current().index.entries("StarRows")) == 2


def test_a_value_must_not_hide_what_rows_have(folder):
    class Hides(Task):
        number = Integer()

        def compute(self, inputs):
            return {"status": self.number}

    Table({"number": [1]}).write(folder / "t.csv")
    task = Hides.for_rows(folder / "t.csv")
    build(task)
    assert task.value()["status"].tolist() == ["failed"]
    assert "Hides gives a column 'status', which rows have already. Rename it." in task.value()["error"][0]


def test_where_the_file_of_a_row_lies_changes_nothing(folder):
    for name in "ab":
        (folder / name).mkdir()
        (folder / name / "x.txt").write_text("a a")
    tables = []
    for name in "ab":
        Table({"path": [str(folder / name / "x.txt")]}).write(folder / f"{name}.csv")
        tables.append(Count.for_rows(folder / f"{name}.csv"))
    build(tables[0])
    assert [len(table.state().todo) for table in tables] == [0, 0]
