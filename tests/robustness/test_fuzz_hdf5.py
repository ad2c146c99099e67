"""Spoiled files, kind hdf5: a clear error or a result; no crash, no hang, nothing written."""

from __future__ import annotations

import pytest


def test_few(attack):
    attack("hdf5", 12)


@pytest.mark.slow
def test_many(attack):
    attack("hdf5", 250, 1000)
