"""Spoiled npz, ECSV and orientation files: a clear error or a result; no crash, no hang, nothing written."""

from __future__ import annotations

import pytest


def test_few(attack):
    attack("archive", 12)


@pytest.mark.slow
def test_many(attack):
    attack("archive", 400, 1000)
