"""Files and texts of strangers execute nothing, read no other files and write to no other place."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling.models import Gaussian1D

import manyfit
from manyfit.blocks import BlockStore
from manyfit.blocks._objects import Folder
from manyfit.cli._values import channels, uncertainty
from manyfit.errors import InputError
from manyfit.fitting._inputs import read
from manyfit.models import parse
from manyfit.tsmap._events import event_columns

SOURCE = Path(manyfit.__file__).parent
#: Where text or pickles become code, and why that is no danger.
REASONS = {
    "blocks/_worker.py": "between a process and its own workers",
    "blocks/_processes.py": "between a process and its own workers",
    "kernels/targets/python.py": "text that manyfit has generated",
    "cannon/_pickles.py": "an unpickler that makes records and calls nothing",
    "fitting/_fallback.py": "writes only",
}
DANGEROUS = re.compile(
    r"(?<![\w.])(eval|exec)\(|pickle\.loads?\(|pickle\._Unpickler|allow_pickle=True|yaml\.(unsafe_)?load\(|os\.system"
    r"|subprocess\.\w+\(|__import__\(|marshal|shelve"
)


def test_nothing_that_executes_text_is_used_but_where_it_is_known_why():
    found = {p.relative_to(SOURCE).as_posix() for p in SOURCE.rglob("*.py") if DANGEROUS.search(p.read_text())}
    assert found <= REASONS.keys()


def test_no_file_of_numpy_is_loaded_with_pickles():
    for path in SOURCE.rglob("*.py"):
        assert "allow_pickle=True" not in path.read_text(), path


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch executed')",
        "Gaussian1D.__class__",
        "Gaussian1D(1, 2, 3).__init__()",
        "lambda: 1",
        "[x for x in (1, 2)]",
        "f'{1}'",
        "Gaussian1D(9**9**9, 1, 1)",
        "Const1D(eval('1'))",
        "Const1D(1 10**9999999999 km)",
        "Const1D(1 km**9**9**9)",
        "Polynomial1D(10000000000)",
        "Identity(99999999999)",
        "(" * 5000,
        "Const1D(" + "[" * 5000,
        "A" * 10_000_000,
        "Const1D(" + "9" * 5000 + ")",
        "Const1D(1, bounds={'amplitude': ('a', 'b')})",
        "\x00",
    ],
    ids=lambda text: text[:20].encode("unicode_escape").decode(),
)
def test_models_as_text_are_parsed_and_not_executed(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        parse(text)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("how", ["link", "virtual", "raw"])
def test_values_outside_of_the_folder_of_an_hdf5_file_are_not_read(tmp_path, how):
    inside = tmp_path / "given"
    inside.mkdir()
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.full((4, 4), 42.0)
    with h5py.File(inside / "a.h5", "w") as file:
        if how == "link":
            file["data"] = h5py.ExternalLink("../secret.h5", "/secret")
        elif how == "virtual":
            layout = h5py.VirtualLayout((4, 4), "f8")
            layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "secret", (4, 4))
            file.create_virtual_dataset("data", layout)
        else:
            file.create_dataset("data", (4, 4), "f8", external=[(str(tmp_path / "secret.h5"), 0, 128)])
    with pytest.raises(InputError, match="in another file"):
        read(str(inside / "a.h5"))


def test_links_within_the_folder_are_followed(tmp_path):
    with h5py.File(tmp_path / "values.h5", "w") as file:
        file["values"] = np.full((4, 4), 42.0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        layout = h5py.VirtualLayout((4, 4), "f8")
        layout[:] = h5py.VirtualSource("values.h5", "values", (4, 4))
        file.create_virtual_dataset("data", layout)
    assert read(str(tmp_path / "a.h5")).source.read((slice(0, 1), slice(0, 1))) == 42


def test_nothing_is_written_through_a_link_out_of_a_store(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "values").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="leads out"):
        Folder(tmp_path / "store").put("values/c.0", b"content")
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/b", ""])
def test_names_of_arrays_in_a_store_are_no_paths(tmp_path, name):
    from tests.robustness.seeds import write_zarr

    write_zarr(tmp_path)
    root = tmp_path / "store.zarr" / "zarr.json"
    text = root.read_text()
    root.write_text(text.replace('"fields": {\n     "values"', f'"fields": {{\n     "{name}"'))
    assert root.read_text() != text
    with pytest.raises(InputError, match="no name of an array"):
        BlockStore.open(tmp_path / "store.zarr")


@pytest.mark.parametrize("text", ["x" * 100_000, "1" * 100_000, "\x00"], ids=["letters", "digits", "nothing"])
def test_texts_of_any_length_as_uncertainty(text):
    with pytest.raises(InputError, match="uncertainty"):
        uncertainty(text)


def test_channels_in_units_that_do_not_convert():
    with pytest.raises(InputError, match="km does not convert to s"):
        channels("1 km:2 s")


@pytest.mark.parametrize("packed", [False, True])
def test_headers_of_events_are_looked_at_first(tmp_path, packed):
    content = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 10**9)]).tostring().encode()
    path = tmp_path / ("events.fits.gz" if packed else "events.fits")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(InputError, match="999 is the most"), event_columns(path, "galactic"):
        pass


def test_list_of_scales_that_is_none(tmp_path):
    """The HDF5 library ends the process when it is asked for these scales."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", data=np.ones((4, 4)))
        data.attrs["DIMENSION_LIST"] = [np.nan]
    with pytest.raises(InputError, match="no list of scales"):
        read(str(tmp_path / "a.h5"))


@pytest.mark.parametrize(("shape", "message"), [((3, 10**6, 10**7), "store="), ((10**13, 2), "One element")])
def test_more_elements_or_points_than_memory(tmp_path, shape, message):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", shape, "f4", chunks=(1,) * len(shape))  # and no value
    with pytest.raises(InputError, match=message):
        manyfit.fit(Gaussian1D(), tmp_path / "a.h5", fitting_axes=0)
