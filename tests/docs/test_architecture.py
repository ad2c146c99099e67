"""The page of the architecture names files that exist, and the floors that it draws are kept."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import manyfit

ROOT = Path(__file__).parents[2]
PACKAGE = Path(manyfit.__file__).parent
FLOORS = {
    "kernels": 0,
    "models": 1,
    "blocks": 1,
    "plot": 1,
    "fitting": 2,
    "cube": 3,
    "tsmap": 3,
    "spectra": 3,
    "cannon": 3,
    "datasets": 3,
    "pipeline": 4,
    "cli": 5,
}
#: The one folder that may look into another of its floor.
NEIGHBOURS = {("cannon", "spectra")}


def named_files():
    section = ""
    for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        if line.startswith("### "):
            section = next(iter(re.findall(r"`(\w+)/`", line)), "")
        elif line.startswith("| ") and section:
            folder = section
            for name in re.findall(r"`([\w/]+(?:\.py|/))`", line.rpartition(" | ")[2]):
                folder = name.rpartition("/")[0] if "/" in name else folder
                yield f"{folder}/{name.rpartition('/')[2]}".strip("/")


@pytest.mark.parametrize("name", sorted({name for name in named_files() if "FORMAT" not in name}))
def test_file_exists(name):
    assert (PACKAGE / name).exists() or (PACKAGE / name.rpartition("/")[2]).exists()


def imported(path):
    """Folders of the package that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            parts = list(path.relative_to(PACKAGE).parts[:-1])
            base = parts[: len(parts) - node.level + 1] if node.level else []
            module = (node.module or "").split(".")
            full = [*base, *module] if node.level else module[1:] if module[0] == "manyfit" else []
            yield from full[:1]
            if full == [] and module[0] == "manyfit":
                yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("folder", FLOORS)
def test_imports_go_down(folder):
    for path in (PACKAGE / folder).rglob("*.py"):
        for other in imported(path):
            if other in FLOORS and other != folder:
                allowed = FLOORS[other] < FLOORS[folder] or (folder, other) in NEIGHBOURS
                assert allowed, f"{path.relative_to(PACKAGE)} imports from {other}/"


def test_all_folders_have_a_floor():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(FLOORS)
