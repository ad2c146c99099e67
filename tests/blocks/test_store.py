"""Stores of plain arrays: blocks that are whole or absent, readable by zarr, refused where they differ."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from manyfit.blocks import Block, BlockStore, Field, Layout, extent_of, plan
from manyfit.blocks._difference import difference
from manyfit.blocks._objects import PARTS, Bucket, Folder, objects_at
from manyfit.errors import InputError, OutputExists

FIELDS = {
    "values": Field("float64", (3,), dims=("parameter",), attributes={"names": ["a", "b", "c"]}),
    "none": Field("float64", (0,), dims=("pair",)),
    "statistic": Field("float64"),
    "n_iter": Field("int32", fill=0),
    "status": Field("int8", fill=10),
}
MANIFEST = {"model": {"text": "Gaussian1D"}, "options": {"tolerance": 1e-7}}


def layout(shape=(7, 10), extent=(3, 4)):
    return Layout(shape, extent, FIELDS, tuple(f"axis_{i}" for i in range(len(shape))))


def numbers(block, made, seed=0):
    """Numbers for a block that nothing else has."""
    rng = np.random.default_rng([seed, block.index])
    own = {name: (*block.shape, *field.trailing) for name, field in made.fields.items()}
    return {name: rng.integers(0, 100, size).astype(made.fields[name].dtype) for name, size in own.items()}


def fill(store, blocks):
    for block in blocks:
        store.put(block, numbers(block, store.layout))


def expected(store, done):
    """The arrays as they should be when some blocks are done."""
    out = {}
    for name, field in store.layout.fields.items():
        out[name] = np.full((*store.layout.shape, *field.trailing), field.fill, field.dtype)
        for block in store.plan.blocks:
            if block.index in done:
                out[name][block.slices] = numbers(block, store.layout)[name]
    return out


@pytest.fixture(params=["folder", "memory"])
def place(request, tmp_path):
    if request.param == "folder":
        yield tmp_path / "a.zarr"
        return
    fsspec = pytest.importorskip("fsspec")
    url = f"memory://{tmp_path.name}/a.zarr"
    yield url
    fsspec.filesystem("memory").rm(f"/{tmp_path.name}", recursive=True)


# -- what is written is read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "extent"), [((7, 10), (3, 4)), ((5,), (5,)), ((), ()), ((2, 3, 4), (1, 2, 4)), ((0, 4), (1, 4))]
)
def test_arrays_come_back(place, shape, extent):
    store = BlockStore.make(place, layout(shape, extent), MANIFEST)
    fill(store, store.plan.blocks[::2])
    again = BlockStore.open(place)
    done = {block.index for block in store.plan.blocks[::2]}
    assert again.done() == done
    for name, values in expected(store, done).items():
        array = again.array(name)
        assert array.dtype == values.dtype
        assert_array_equal(array.compute(scheduler="synchronous"), values)


def test_zarr_reads_the_same(tmp_path):
    store = BlockStore.make(tmp_path / "a.zarr", layout(), MANIFEST)
    done = {0, 1, 4, 8}
    fill(store, [block for block in store.plan.blocks if block.index in done])
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")
    wanted = expected(store, done)
    assert {name for name, _ in group.arrays()} == set(wanted)  # a warning of zarr would be an error here
    for name, values in wanted.items():
        assert group[name].dtype == values.dtype
        assert_array_equal(group[name][...], values)
    assert group["values"].attrs["names"] == ["a", "b", "c"]
    assert group["values"].metadata.dimension_names == ("axis_0", "axis_1", "parameter")
    # and without what the root says about its members
    for name in wanted:
        assert_array_equal(zarr.open_array(str(tmp_path / "a.zarr" / name), mode="r")[...], wanted[name])


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3),
    st.integers(1, 30),
    st.integers(1, 4),
)
def test_blocks_of_a_store_cover_each_element_once(axes, most, workers):
    shape, chunks = tuple(a for a, _ in axes), tuple(c for _, c in axes)
    made = plan(shape, bytes_per_element=1, chunks=chunks, max_elements=most, n_workers=workers)
    own = layout(shape, extent_of(made, chunks))
    count, names = np.zeros(shape, int), set()
    for i, block in enumerate(own.plan().blocks):
        assert (block.index, own.block(i)) == (i, block)
        assert block.n_elements <= max(b.n_elements for b in made.blocks)
        count[block.slices] += 1
        names.add(own.chunk_name("statistic", block))
    assert (count == 1).all()
    assert len(names) == len(own.plan().blocks)


def test_block_that_is_no_whole_chunk_is_refused(tmp_path):
    store = BlockStore.make(tmp_path / "a.zarr", layout(), MANIFEST)
    for slices in [(slice(0, 3), slice(1, 5)), (slice(0, 2), slice(0, 4)), (slice(0, 6), slice(0, 4))]:
        block = Block(0, slices)
        with pytest.raises(ValueError, match="no whole chunk"):
            store.put(block, numbers(block, store.layout))
    assert store.done() == set()


def test_values_of_another_type_or_size_are_refused(tmp_path):
    store = BlockStore.make(tmp_path / "a.zarr", layout(), MANIFEST)
    block = store.plan.blocks[0]
    good = numbers(block, store.layout)
    with pytest.raises(ValueError, match="float32"):
        store.put(block, good | {"statistic": good["statistic"].astype(np.float32)})
    with pytest.raises(ValueError, match="reshape"):
        store.put(block, good | {"statistic": good["statistic"][1:]})
    assert not store.is_done(block)


# -- going on --------------------------------------------------------------------------------------------------------


def test_what_remains_and_how_far_it_is(place):
    store = BlockStore.make(place, layout(), MANIFEST)
    fill(store, store.plan.blocks[:4])
    stage = store.progress()
    elements = sum(block.n_elements for block in store.plan.blocks[:4])
    assert (stage.blocks, stage.all_blocks, stage.elements, stage.all_elements) == (4, 9, elements, 70)
    assert str(stage) == f"Unfinished, {100 * elements / 70:.1f} %: {elements} of 70 elements in 4 of 9 blocks."
    rest = BlockStore.make(place, layout(), MANIFEST).remaining()
    assert [block.index for block in rest.blocks] == [4, 5, 6, 7, 8]
    fill(store, rest.blocks)
    assert store.progress().is_complete
    assert store.remaining().blocks == ()


def test_store_keeps_its_blocks_whatever_the_next_run_plans(place):
    BlockStore.make(place, layout(extent=(3, 4)), MANIFEST)
    again = BlockStore.make(place, layout(extent=(7, 1)), MANIFEST)
    assert again.layout.extent == (3, 4)
    assert len(again.remaining().blocks) == 9


def test_another_fit_is_refused_with_the_difference(place):
    BlockStore.make(place, layout(), MANIFEST)
    other = {"model": {"text": "Lorentz1D"}, "options": {"tolerance": 1e-7}, "new": 1}
    with pytest.raises(InputError) as error:
        BlockStore.make(place, layout(), other)
    text = str(error.value)
    assert "model.text: Gaussian1D in the store, Lorentz1D now" in text
    assert "new: nothing in the store, 1 now" in text
    assert "tolerance" not in text
    assert BlockStore.open(place).manifest == MANIFEST


def test_difference_knows_lists_missing_entries_and_nan():
    assert difference({"a": [1, 2], "b": float("nan")}, {"a": [1, 2], "b": float("nan")}) == []
    assert difference({"a": 1}, {}) == ["a: 1 in the store, nothing now"]
    assert difference({"a": {"b": [1]}}, {"a": {"b": [1, 2]}}) == ["a.b: [1] in the store, [1, 2] now"]
    assert difference({"a": 1}, {"a": True}) == ["a: 1 in the store, True now"]
    assert len(difference({"a": "x" * 10_000}, {"a": "y"})[0]) < 200


def test_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(OutputExists, match=r"thesis\.tex"):
        BlockStore.make(tmp_path, layout(), MANIFEST)
    zarr.create_group(str(tmp_path / "other.zarr"))
    with pytest.raises(InputError, match="no store of manyfit"):
        BlockStore.make(tmp_path / "other.zarr", layout(), MANIFEST)
    assert [path.name for path in (tmp_path / "other.zarr").iterdir()] == ["zarr.json"]


def test_later_layout_and_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no store"):
        BlockStore.open(tmp_path / "a.zarr")
    BlockStore.make(tmp_path / "a.zarr", layout(), MANIFEST)
    root = tmp_path / "a.zarr" / "zarr.json"
    inside = json.loads(root.read_text())
    inside["attributes"]["manyfit"]["format"] = 99
    root.write_text(json.dumps(inside))
    with pytest.raises(InputError, match="Update manyfit"):
        BlockStore.open(tmp_path / "a.zarr")


@given(st.binary(max_size=200))
def test_root_of_any_bytes_is_an_input_error(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("root")
    (folder / "zarr.json").write_bytes(content)
    with pytest.raises(InputError, match="no store of manyfit"):
        BlockStore.open(folder)


# -- several writers, dead writers -----------------------------------------------------------------------------------


def test_two_runs_that_begin_at_once_agree_on_the_blocks(tmp_path):
    """Each plans other blocks; the root of one of them counts for both."""
    for i in range(20):
        place = tmp_path / f"{i}.zarr"
        extents = [(1 + k, 10) for k in range(4)]
        with ThreadPoolExecutor(4) as pool:
            stores = list(pool.map(lambda e, p=place: BlockStore.make(p, layout(extent=e), MANIFEST), extents))
        assert len({store.layout.extent for store in stores}) == 1
        chunk = json.loads((place / "statistic" / "zarr.json").read_text())["chunk_grid"]["configuration"]
        assert tuple(chunk["chunk_shape"]) == stores[0].layout.extent


@pytest.mark.parametrize("deaths", range(12))
def test_death_at_each_write(tmp_path, monkeypatch, deaths):
    """A writer that dies before its n-th file: blocks are whole or absent, and the next one completes the store."""
    place, count = tmp_path / "a.zarr", [0]
    real = Folder._place

    def mortal(self, name, content, move):
        count[0] += 1
        if count[0] > deaths:
            (self.path / PARTS).mkdir(parents=True, exist_ok=True)
            (self.path / PARTS / "half").write_bytes(content[: len(content) // 2])
            raise KeyboardInterrupt
        real(self, name, content, move)

    monkeypatch.setattr(Folder, "_place", mortal)
    with pytest.raises(KeyboardInterrupt):
        fill(BlockStore.make(place, layout(), MANIFEST), layout().plan().blocks)
    monkeypatch.undo()
    store = BlockStore.make(place, layout(), MANIFEST)
    done = store.done()
    assert all(store.is_whole(block) for block in store.plan.blocks if block.index in done)
    for name, values in expected(store, done).items():
        assert_array_equal(store.array(name).compute(scheduler="synchronous"), values)
    fill(store, store.remaining().blocks)
    store.tidy()
    assert not (place / PARTS).exists()
    for name, values in expected(store, range(9)).items():
        assert_array_equal(zarr.open_array(str(place / name), mode="r")[...], values)


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def damage_bit(path):
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [damage_cut, damage_bit, os.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("what", ["statistic/c.0.1", "values/c.0.1.0", "done/00000001"])
def test_damage_after_a_loss_of_power_is_found_and_repaired(tmp_path, damage, what):
    place = tmp_path / "a.zarr"
    store = BlockStore.make(place, layout(), MANIFEST)
    fill(store, store.plan.blocks)
    damage(place / what)
    again = BlockStore.make(place, layout(), MANIFEST)
    assert [block.index for block in again.remaining().blocks] == [1]
    name = what.partition("/")[0]
    if name != "done":
        with pytest.raises(InputError, match="is damaged"):
            again.array(name).compute(scheduler="synchronous")
    fill(again, again.remaining().blocks)
    assert again.remaining().blocks == ()


# -- places ----------------------------------------------------------------------------------------------------------


def test_objects(place):
    objects = objects_at(place)
    assert isinstance(objects, Folder if not isinstance(place, str) else Bucket)
    assert objects.get("a/b") is None
    assert objects.names() == []
    assert objects.create("a/b", b"1")
    assert not objects.create("a/b", b"2")
    assert objects.get("a/b") == b"1"
    objects.put("a/b", b"3")
    copy = pickle.loads(pickle.dumps(objects))
    assert copy.get("a/b") == b"3"
    assert copy.exists("a/b")
    assert not copy.exists("a/c")
    assert copy.names("a") == ["b"]
    assert "a" in objects.names()


def test_url_of_a_file_is_a_folder(tmp_path):
    assert objects_at(f"file://{tmp_path}/a.zarr") == Folder(tmp_path / "a.zarr")
    assert objects_at(f"{tmp_path}/a.zarr/") == Folder(tmp_path / "a.zarr")


def test_notes_are_kept_with_the_block(place):
    store = BlockStore.make(place, layout(), MANIFEST)
    block = store.plan.blocks[2]
    store.put(block, numbers(block, store.layout), {"tracebacks": {"1": "Traceback: ü"}})
    assert BlockStore.open(place).marker(block)["notes"] == {"tracebacks": {"1": "Traceback: ü"}}
    assert store.marker(store.plan.blocks[0]) == {}


def test_store_moves_with_its_folder(tmp_path):
    store = BlockStore.make(tmp_path / "a.zarr", layout(), MANIFEST)
    fill(store, store.plan.blocks[:5])
    shutil.move(tmp_path / "a.zarr", tmp_path / "b.zarr")
    moved = BlockStore.make(tmp_path / "b.zarr", layout(), MANIFEST)
    assert len(moved.remaining().blocks) == 4
    assert moved == replace(store, objects=Folder(tmp_path / "b.zarr"), layout=moved.layout)


# -- blocks that are left out, and arrays with their axes in another order ---------------------------------------------


@pytest.mark.parametrize("damage", [None, b"", b"[[0", b"7", b'[["a", 2]]', b"[[-5, 1000000000000]]"])
def test_blocks_that_are_left_out(place, damage):
    store = BlockStore.make(place, layout(), MANIFEST)
    first, *others, last = store.plan.blocks
    if damage is not None:
        store.objects.put("left_out", damage)
        BlockStore.open(place).progress()
    store.leave_out(others)
    again = BlockStore.open(place)
    assert again.left_out() == {block.index for block in others} == again.done()
    assert [block.index for block in again.remaining().blocks] == [first.index, last.index]
    fill(store, [first, last])
    assert again.progress().is_complete
    for name, known in expected(store, {first.index, last.index}).items():
        assert_array_equal(again.array(name).compute(), known)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 0, 1, 2), (2, 0, 3, 1), (1, 0, 3, 2)])
def test_axes_in_another_order(tmp_path, order):
    field = Field("float64", (2, 5), dims=("p", "q"), order=order)
    made = Layout((7, 10), (3, 4), {"x": field}, ("y", "x"))
    store, rng = BlockStore.make(tmp_path / "a.zarr", made, MANIFEST), np.random.default_rng(0)
    whole = rng.normal(size=(7, 10, 2, 5))
    for block in store.plan.blocks:
        store.put(block, {"x": whole[block.slices]})
    again = BlockStore.open(tmp_path / "a.zarr")
    array = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")["x"]
    assert array.metadata.dimension_names == tuple("yxpq"[axis] for axis in order)
    for known in (array[...], again.array("x").compute()):
        assert_array_equal(known, whole.transpose(order))
    assert_array_equal(again.read("x", again.plan.blocks[4]), whole[again.plan.blocks[4].slices])
