"""A process that fits again and again holds no more after many rounds than after a few.

Run it for longer with ``MANYFIT_SOAK=1200 pytest -m slow tests/soak``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.soak.usage import Course, Usage

SECONDS = float(os.environ.get("MANYFIT_SOAK", "30"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_grows():
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.soak", str(SECONDS)]
    plain = os.environ | {"MALLOC_ARENA_MAX": "2"}  # or memory differs by a tenth with the threads that asked for it
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 300, check=False, env=plain)
    assert done.stdout, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert not said["faults"], said
    assert said["rounds"] >= 10


def rounds(memory, **others):
    return [Usage(m, *(others.get(what, 7) for what in ("files", "threads", "children"))) for m in memory]


def test_flat_course_has_no_faults():
    assert Course(rounds=rounds([100, 104, 99, 101] * 10)).faults() == []


def test_leak_is_found_and_its_kind_named():
    course = Course(rounds=rounds(range(100, 150)), growth={"fit": 10, "sky": 49_000_000})
    assert course.faults() == ["memory rose by 34.0%; most in sky +49.0 MB, fit +0.0 MB"]


def test_open_files_are_counted():
    course = Course(rounds=rounds([100] * 5, files=7) + rounds([100] * 5, files=9))
    assert course.faults() == ["open files rose from 7 to 9"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_usage_sees_files_and_memory(tmp_path):
    before = Usage.now()
    with (tmp_path / "file").open("w"):
        held = bytearray(os.urandom(1024)) * 50_000
        during = Usage.now()
    assert during.files == before.files + 1
    assert during.memory - before.memory > 0.9 * len(held)
