"""Spoiled files of all kinds: a clear error or a result; no crash, no hang, nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

FEW = int(os.environ.get("MANYFIT_FUZZ", "5"))


def attack(kinds: str, count: int, first: int = 0) -> None:
    """Open examples in a process of its own, whose memory is bounded and whose writes are watched."""
    command = [sys.executable, "-m", "tests.robustness.attack", kinds, str(count), "--first", str(first)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300 + 2 * count)
    assert done.returncode == 0, f"it crashed or hung:\n{done.stderr[-3000:]}"
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [report["kind"] for report in reports] == kinds.split(",")
    for said in reports:
        assert not said["faults"], "\n".join(said["faults"][:20])
        assert said["told"]["InputError"] > count / 4, said["told"]  # else nothing was spoiled


def test_few_of_each_kind():
    attack("fits,hdf5,zarr,archive", FEW)


@pytest.mark.slow
def test_many_of_each_kind():
    attack("fits,hdf5,zarr,archive", 250, 1000)
