"""Histograms in every layout, written with h5py alone: oracles for the readers."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest


def real(name: str) -> Path:
    """A file of the real data; the test is skipped without it."""
    folder = os.environ.get("MANYFIT_TEST_DATA")
    path = Path(folder or ".") / "tsmap" / name
    if folder is None or not path.exists():
        pytest.skip(f"needs tsmap/{name} in $MANYFIT_TEST_DATA")
    return path


def write_axis(group, number, label, edges, unit=None, **attrs):
    dataset = group.create_dataset(str(number), data=edges)
    kind = ["histpy.healpix_axis", "HealpixAxis"] if "nside" in attrs else ["histpy.axis", "Axis"]
    dataset.attrs["__class__"] = kind
    dataset.attrs.update({"label": label, **attrs})
    if unit:
        dataset.attrs["unit"] = unit


def write_histogram(path, values, axes, *, layout="dense", padded=False, compressed_axes=(0,)):
    """`axes`: a list of keywords of `write_axis`. Overflow bins hold 1000."""
    full = np.pad(values, 1, constant_values=1000.0) if padded else values
    with h5py.File(path, "w") as file:
        hist = file.create_group("hist")
        group = hist.create_group("axes")
        for number, axis in enumerate(axes):
            write_axis(group, number, **axis)
        if layout == "dense":
            hist.create_dataset("contents", data=full)
            return
        hist.attrs["format"] = layout
        contents = hist.create_group("contents")
        contents.create_dataset("shape", data=np.array(full.shape))
        contents.create_dataset("fill_value", data=0.0)
        if layout == "coo":
            contents.create_dataset("coords", data=np.array(np.nonzero(full)))
            contents.create_dataset("data", data=full[np.nonzero(full)])
            return
        others = [a for a in range(full.ndim) if a not in compressed_axes]
        rows = int(np.prod([full.shape[a] for a in compressed_axes]))
        matrix = full.transpose([*compressed_axes, *others]).reshape(rows, -1)
        contents.create_dataset("data", data=matrix[np.nonzero(matrix)])
        contents.create_dataset("indices", data=np.nonzero(matrix)[1])
        contents.create_dataset("indptr", data=np.concatenate([[0], np.cumsum((matrix != 0).sum(axis=1))]))
        contents.create_dataset("compressed_axes", data=np.array(compressed_axes))
