"""Spoiled files, kind fits: a clear error or a result; no crash, no hang, nothing written."""

from __future__ import annotations

import pytest


def test_few(attack):
    attack("fits", 12)


@pytest.mark.slow
def test_many(attack):
    attack("fits", 250, 1000)
