"""Commands of pipelines: run, explain, status, gc, watch and tasks, as a user types them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from html import escape
from pathlib import Path

import pytest
from click.testing import CliRunner

from manyfit.cli import main
from manyfit.pipeline import _files

COMMAND = (sys.executable, "-c", "from manyfit.cli import main; main()")

#: Of the row whose file holds no number.
REASON = "ValueError: could not convert string to float: 'x'"

WORKFLOW = """
from manyfit.pipeline import File, InputFile, Integer, Task

class Numbers(Task):
    path = File()

    def requires(self):
        return InputFile(path=self.path)

    def compute(self, inputs):
        return [float(word) for word in inputs.read_text().split()]

class Total(Task):
    path = File()
    order = Integer(default=2)

    def requires(self):
        return Numbers(path=self.path)

    def compute(self, inputs):
        return {"total": sum(number**self.order for number in inputs)}

def workflow(files=None):
    if files is not None:
        return [Total(path=file) for file in files]
    return [Total(path="numbers.txt"), Total.for_rows("table.csv", order=3)]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MANYFIT_FOLDER", raising=False)
    monkeypatch.setenv("MANYFIT_PROGRESS", "0")
    monkeypatch.setattr(_files, "UNSETTLED", -1.0)
    Path("numbers.txt").write_text("1 2 3")
    Path("other.txt").write_text("x")
    Path("table.csv").write_text("path\nnumbers.txt\nother.txt\nlater.txt\n")
    Path("flow.py").write_text(WORKFLOW)
    yield tmp_path
    os.environ.pop("MANYFIT_FOLDER", None)


def ok(*words):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def fails(*words):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1, done.output
    return done.output


def test_run_explain_status(folder):
    planned = ok("run", "flow.py", "--dry-run").splitlines()
    assert planned == [
        "Numbers(path=numbers.txt): it was never run",
        "Total(path=numbers.txt, order=2): it was never run",
        'TotalRows(table=table.csv, shared={"order": "3"}): it was never run',
        "TotalRows: 1 pending, 2 not tried rows",
        "3 tasks would run.",
    ]
    assert not Path("manyfit_products").joinpath("Total").exists()
    said = ok("run", "flow.py")
    assert "* 3 ran successfully" in said
    assert said.splitlines()[-1] == "TotalRows: 1 done, 1 failed, 1 pending rows"
    assert ok("run", "flow.py", "--dry-run").splitlines()[-1] == "Nothing would run: all is done."
    assert ok("explain", "flow.py", "Total") == "Total would not run: all is done.\n"
    Path("numbers.txt").write_text("1 2 4")
    assert ok("explain", "flow.py", "Total") == (
        "Total(path=numbers.txt, order=2): the content of 'path' is not as it was; what it requires as '0' (Numbers) "
        "is not as it was\n"
    )
    lines = [line.split() for line in ok("status").splitlines()]
    assert ["Total", "1", "0", "0", "0"] in [line[:5] for line in lines]
    assert ["TotalRows", "1", "0", "1", "1"] in [line[:5] for line in lines]
    assert ["TotalRows", REASON] in [[line[0], " ".join(line[2:])] for line in lines if len(line) > 2]


def test_retry_failed(folder):
    ok("run", "flow.py")
    assert "1 failed" in ok("run", "flow.py")
    assert "1 failed" in ok("run", "flow.py", "--retry-failed")
    Path("other.txt").write_text("5")
    said = ok("run", "flow.py", "-q")
    assert said == ""
    assert "2 done, 1 pending" in ok("run", "flow.py")


def test_failing_task(folder):
    Path("numbers.txt").write_text("one")
    said = fails("run", "flow.py")
    assert "not all tasks are done; 'manyfit status' shows what failed." in said
    assert "could not convert string to float: 'one'" in ok("status")


def test_verify_and_gc(folder):
    ok("run", "flow.py")
    (product,) = Path("manyfit_products/Total").glob("*.json")
    text = product.read_text()
    product.write_text(text.replace("1", "2"))
    assert "Total/" in ok("status", "--verify")
    assert "would run" in ok("run", "flow.py", "--dry-run")
    ok("run", "flow.py")
    assert product.read_text() == text
    assert ok("status", "--verify").splitlines()[-1] == "0 products are not as they were written."
    Path("numbers.txt").write_text("7")
    ok("run", "flow.py")
    assert "--yes removes them" in ok("gc", "flow.py")
    assert product.exists()
    assert "removed" in ok("gc", "flow.py", "--yes")
    assert not product.exists()
    assert "Nothing would run" in ok("run", "flow.py", "--dry-run")


def test_page(folder):
    ok("run", "flow.py")
    ok("status", "--page", "run.html")
    page = Path("run.html").read_text()
    assert "Rows that failed" in page
    assert escape(REASON) in page
    assert "exists" in fails("status", "--page", "run.html")


def test_watch(folder):
    Path("incoming").mkdir()
    Path("incoming/a.txt").write_text("1 2")
    then = time.time() - 10
    os.utime("incoming/a.txt", (then, then))
    Path("incoming/b.txt").write_text("still being written")
    assert "1 files" in ok("watch", "incoming", "flow.py", "--pattern", "*.txt", "--once")
    assert len(list(Path("manyfit_products/Total").glob("*.json"))) == 1


def test_watch_sees_new_files(folder):
    Path("incoming").mkdir()
    command = [*COMMAND, "watch", "incoming", "flow.py", "--pattern", "*.txt"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            time.sleep(1.0)
            Path("incoming/a.txt").write_text("3")
            deadline = time.monotonic() + 60
            while not list(Path("manyfit_products").glob("Total/*.json.note")):
                assert time.monotonic() < deadline
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.1)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def test_slurm_script(folder):
    ok("run", "flow.py", "--slurm", "flow.sh", "--scheduler", "http://head:8082")
    text = Path("flow.sh").read_text()
    assert f"manyfit run {folder / 'flow.py'} --workers 1 --scheduler http://head:8082" in text
    assert f"export MANYFIT_FOLDER={folder / 'manyfit_products'}" in text
    assert "#SBATCH --array=0-3" in text
    subprocess.run(["bash", "-n", "flow.sh"], check=True)
    assert "exists" in fails("run", "flow.py", "--slurm", "flow.sh")


BAD = {
    "none": (None, "There is no workflow file 'bad.py'"),
    "syntax": ("def workflow(:", "has an error at line 1"),
    "raises": ("x = 1\nraise KeyError('k')", "has an error at line 2: KeyError('k')"),
    "empty": ("x = 1", "names no tasks"),
    "wrong": ("tasks = [1]", "gives 1, tasks of manyfit are needed"),
    "parameter": (f"{WORKFLOW}\ntasks = Total(ordr=2)", "Parameter of Total 'ordr' is not known"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_workflows(case, folder):
    text, words = BAD[case]
    if text is not None:
        Path("bad.py").write_text(text)
    assert words in fails("run", "bad.py")


def test_unknown_task(folder):
    assert "Did you mean 'Total'" in fails("explain", "flow.py", "Totals")


def test_read_only_folder(folder):
    if os.geteuid() == 0:
        Path("products").write_text("a file is in the way")
    else:
        Path("products").mkdir(mode=0o500)
    assert "cannot be written" in fails("run", "flow.py", "--folder", "products")


@pytest.fixture
def scheduler(folder):
    """Address of a central scheduler."""
    luigid = shutil.which("luigid", path=str(Path(sys.executable).parent))
    if luigid is None:
        pytest.skip("luigid is not installed")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [luigid, "--port", str(port), "--address", "localhost", "--state-path", str(folder / "state")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("localhost", port)).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.skip("luigid does not start here")
                time.sleep(0.1)
        yield f"http://localhost:{port}"
        process.terminate()


def test_two_processes_on_one_central_scheduler(folder, scheduler):
    command = [*COMMAND, "run", "flow.py", "--scheduler", scheduler]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len(list(Path("manyfit_products").glob("*/*.note"))) == 3
