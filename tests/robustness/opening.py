"""Open results, models and texts, hostile ones too, and print as JSON what of it executes something.

All is opened once before it is watched, so that what the packages import when they are first used does not count.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import manyfit
from manyfit.cannon import CannonModel, LabelTable, TrainingSet, read_annies_lasso
from manyfit.errors import ManyfitError
from manyfit.models import parse
from manyfit.tsmap import TSMap
from tests.cannon.stars import simulate
from tests.cannon.test_pickles import annies_lasso, malicious
from tests.robustness import seeds
from tests.tsmap.test_store import a_map as map_into

EVENTS = (
    "exec", "compile", "import", "pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn",
    "os.fork", "socket.connect", "ctypes.dlopen",
)  # fmt: skip
#: NumPy parses headers of arrays to a tree of literals, which never runs; dask copies its own graphs.
HARMLESS = ("compile (b\"{'descr': ", "pickle.find_class ('dask._expr', ")
TEXTS = ("Gaussian1D(1, 2 km/s, 3)", "Gaussian1D() + Const1D()", "__import__('os').system('x')", "(lambda: 1)()")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        print(json.dumps(watched(list(doors(Path(name))))))


def make(folder: Path) -> None:
    """Valid files of all kinds; pickles that call; a store whose model is a call."""
    stars = simulate(30, 12)
    model = seeds.model(stars)
    seeds.result().to_fits(folder / "result.fits")
    seeds.write_zarr(folder)
    model.save(folder / "model.npz")
    model.save(folder / "model.fits")
    model.infer(stars.flux, stars.ivar, store=folder / "labels.zarr")
    map_into(folder / "map.zarr")
    good = {"flux": stars.flux, "ivar": stars.ivar, "labels": stars.labels, "wavelength": stars.wavelength}
    (folder / "training.pkl").write_bytes(pickle.dumps(good | {"label_names": list(stars.label_names)}))
    (folder / "annies.pkl").write_bytes(pickle.dumps(annies_lasso(model, stars.labels), 2))
    for i, content in enumerate(malicious(folder / "flag")):
        (folder / f"hostile{i}.pkl").write_bytes(pickle.dumps(content))
    root = folder / "store.zarr" / "zarr.json"
    text = root.read_text()
    hostile = folder / "hostile.zarr"
    hostile.mkdir()
    (hostile / "zarr.json").write_text(text.replace('"Gaussian1D', "\"__import__('os').system('x') + Gaussian1D"))


def doors(folder: Path) -> Iterator[Callable[[], Any]]:
    yield lambda: manyfit.FitResult.read(folder / "result.fits").summary()
    for store in ("store.zarr", "hostile.zarr"):
        yield lambda store=store: manyfit.FitResult.open(folder / store).summary()
    for model in ("model.npz", "model.fits"):
        yield lambda model=model: CannonModel.load(folder / model)
    yield lambda: LabelTable.open(folder / "labels.zarr").compute()
    yield lambda: TSMap.open(folder / "map.zarr")
    for path in sorted(folder.glob("*.pkl")):
        for read in (TrainingSet.read, read_annies_lasso, CannonModel.load):
            yield lambda read=read, path=path: read(path)
    for text in TEXTS:
        yield lambda text=text: parse(text)


def watched(entries: list[Callable[[], Any]]) -> dict[str, Any]:
    """What the interpreter does while each is opened; and how many open."""
    seen: list[str] = []
    on = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if on and event in EVENTS:
            seen.append(f"{event} {arguments!r}"[:300])

    def enter_all() -> int:
        opened = 0
        for enter in entries:
            with contextlib.suppress(ManyfitError):
                enter()
                opened += 1
        return opened

    enter_all()
    sys.addaudithook(hook)
    on = True
    opened = enter_all()
    unwanted, seen[:] = [event for event in seen if not event.startswith(HARMLESS)], []
    exec("1")  # the hook sees
    os.system("true")
    return {"opened": opened, "of": len(entries), "seen": unwanted, "control": seen}


if __name__ == "__main__":
    main()
