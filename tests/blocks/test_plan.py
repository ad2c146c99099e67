from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.blocks import Block, Plan, plan
from manyfit.errors import InputError

calm = settings(deadline=None)  # the first plan of a process may be slow on a busy machine

LENGTHS = st.lists(st.integers(1, 40), max_size=4).map(tuple).filter(lambda shape: prod(shape) <= 20_000)
OPTIONS = st.fixed_dictionaries(
    {
        "bytes_per_element": st.integers(1, 200_000),
        "memory": st.none() | st.integers(1, 10**8),
        "n_workers": st.integers(1, 64),
        "max_elements": st.none() | st.integers(1, 5000),
    }
)


@st.composite
def requests(draw):
    shape, options = draw(LENGTHS), draw(OPTIONS)
    chunks = draw(st.none() | st.tuples(*(st.integers(1, n + 5) for n in shape)))
    return shape, options | {"chunks": chunks}


def most_elements(options):
    """The cap that the caller asked for, in elements."""
    memory = options["memory"]
    budget = 64 * 2**20 if memory is None else memory // options["n_workers"]
    return max(1, min(budget // options["bytes_per_element"], options["max_elements"] or 10**9))


@calm
@given(requests())
def test_blocks_cover_the_shape_once_in_c_order(request):
    shape, options = request
    made = plan(shape, **options)
    owner = np.full(shape, -1)
    for position, block in enumerate(made.blocks):
        assert block.index == position
        assert np.all(owner[block.slices] == -1)
        assert block.shape == owner[block.slices].shape
        assert block.n_elements == owner[block.slices].size > 0
        owner[block.slices] = position
    assert np.all(owner >= 0)
    assert made.n_elements == owner.size
    starts = [tuple(s.start for s in block.slices) for block in made.blocks]
    assert starts == sorted(starts)


@calm
@given(requests())
def test_blocks_keep_to_the_budget(request):
    shape, options = request
    made = plan(shape, **options)
    largest = max(block.n_elements for block in made.blocks)
    assert largest <= most_elements(options)
    assert made.bytes_per_block == largest * options["bytes_per_element"]


@calm
@given(requests())
def test_blocks_are_whole_chunks_or_inside_one(request):
    shape, options = request
    if options["chunks"] is None:
        return
    chunk = np.minimum(options["chunks"], shape)
    whole = prod(chunk.tolist()) <= most_elements(options)
    for block in plan(shape, **options).blocks:
        for s, c, n in zip(block.slices, chunk, shape, strict=True):
            if whole:
                assert s.start % c == 0
                assert s.stop % c == 0 or s.stop == n
            else:
                assert s.start // c == (s.stop - 1) // c


@calm
@given(LENGTHS, OPTIONS)
def test_blocks_are_contiguous_in_a_c_ordered_file_except_for_cut_ends(shape, options):
    first = plan(shape, **options).blocks[0].shape
    longer = [axis for axis, length in enumerate(first) if length > 1]
    if longer:
        assert first[longer[0] + 1 :] == shape[longer[0] + 1 :]


@calm
@given(LENGTHS, st.integers(1, 32))
def test_large_work_gives_each_worker_four_blocks(shape, n_workers):
    shape = (*shape, 256 * 4 * n_workers)
    assert len(plan(shape, bytes_per_element=8, n_workers=n_workers).blocks) >= 4 * n_workers


@calm
@given(LENGTHS, st.integers(1, 10_000))
def test_balance_does_not_make_tiny_blocks(shape, n_workers):
    made = plan(shape, bytes_per_element=8, n_workers=n_workers)
    # A ragged shape costs a factor of two for whole rows, and another for pieces of even length.
    assert made.bytes_per_block // 8 >= min(prod(shape), 256 // 4)


@calm
@given(requests())
def test_equal_requests_give_equal_plans(request):
    shape, options = request
    assert plan(shape, **options) == plan(shape, **options)


@pytest.mark.parametrize(
    ("shape", "options", "n_blocks", "first"),
    [
        ((), {}, 1, ()),
        ((1,), {}, 1, (1,)),
        ((1000,), {"max_elements": 300}, 4, (250,)),
        ((1024, 1024), {"bytes_per_element": 2**14}, 1024, (1, 1024)),  # 16 MiB = 1024 elements
        ((1024, 1024), {"bytes_per_element": 2**15}, 2048, (1, 512)),
        ((8, 8), {"bytes_per_element": 2**30}, 64, (1, 1)),  # one element is beyond any budget
        ((64, 64), {"bytes_per_element": 4096, "memory": 2**20, "n_workers": 4}, 64, (1, 64)),
        ((100, 100), {"chunks": (50, 50), "bytes_per_element": 2**14}, 4, (50, 50)),  # above 16, below 64 MiB
        ((100, 100), {"chunks": (50, 50), "bytes_per_element": 2**16}, 12, (17, 50)),  # above 64 MiB
        ((100, 100), {"chunks": (50, 50), "max_elements": 500}, 20, (10, 50)),
        ((100, 100), {"chunks": (1, 1000), "max_elements": 200}, 50, (2, 100)),
        ((10_000,), {"n_workers": 8}, 33, (304,)),
    ],
)
def test_table(shape, options, n_blocks, first):
    made = plan(shape, **({"bytes_per_element": 8} | options))
    assert (len(made.blocks), made.blocks[0].shape) == (n_blocks, first)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0), (3, 0, 3)])
@pytest.mark.parametrize("chunks", [None, "shape"])
def test_zero_length_gives_no_blocks(shape, chunks):
    assert plan(shape, bytes_per_element=8, chunks=shape if chunks else None) == Plan(shape, (), 0)


def test_budget_may_be_written_as_a_float():
    made = plan((100, 100), bytes_per_element=1000, memory=1e5, max_elements=50.0)
    assert {type(bound) for s in made.blocks[0].slices for bound in (s.start, s.stop)} == {int}
    assert made.blocks[0].shape == (1, 50)


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((3, -1), {}, r"shape is \(3, -1\); give lengths of zero or more"),
        ((3,), {"bytes_per_element": 0}, "bytes_per_element is 0; give 1 or more"),
        ((3,), {"memory": 0}, "memory is 0"),
        ((3,), {"n_workers": 0}, "n_workers is 0"),
        ((3,), {"max_elements": -1}, "max_elements is -1"),
        ((3, 3), {"chunks": (3,)}, r"chunks is \(3,\) for the shape \(3, 3\)"),
        ((3, 3), {"chunks": (3, 0)}, r"chunks is \(3, 0\)"),
    ],
)
def test_wrong_requests(shape, options, words):
    with pytest.raises(InputError, match=words):
        plan(shape, **({"bytes_per_element": 8} | options))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_blocks_travel(protocol):
    block = Block(3, (slice(0, 2), slice(5, 9)))
    assert pickle.loads(pickle.dumps(block, protocol)) == block


def test_records_are_frozen():
    made = plan((3,), bytes_per_element=8)
    with pytest.raises(FrozenInstanceError):
        made.shape = (4,)
    with pytest.raises(FrozenInstanceError):
        made.blocks[0].index = 1
