"""Typed parameters: one form for equal values, an error for all others."""

from __future__ import annotations

import luigi
import numpy as np
import pytest
from astropy import units as u

from manyfit.errors import InputError
from manyfit.pipeline import Choice, File, Flag, Float, Integer, Names, ParametersOf, Quantity, Task, Text
from manyfit.pipeline._canonical import canonical, differences, digest
from manyfit.pipeline._parameters import record_of

KINDS = {
    "float": (Float(), [(0, 0.0), ("1e3", 1000.0), (np.float32(2), 2.0), (-0.0, 0.0)], ["x", True, float("nan"), []]),
    "integer": (Integer(), [(2, 2), ("3", 3), (4.0, 4), (np.int64(5), 5)], [1.5, "1.5", True, "x", None]),
    "flag": (Flag(), [(True, True), ("false", False), ("True", True)], [1, 0, "yes", None, []]),
    "text": (Text(), [("a", "a"), ("", "")], [1, None]),
    "choice": (Choice("a", "b"), [("a", "a")], ["c", 1, None]),
    "names": (Names(), [("A, B", ("A", "B")), (["A"], ("A",)), (("B", "A"), ("B", "A"))], ["", 1, [1], ["a", ""]]),
    "file": (File(), [("a/b", "a/b")], [1, "", None]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_form(kind):
    parameter, good, bad = KINDS[kind]
    for given, expected in good:
        value = parameter.normalize(given)
        assert value == expected
        assert type(value) is type(expected)
        assert parameter.parse(parameter.serialize(value)) == expected
    for given in bad:
        with pytest.raises(InputError, match="was given"):
            parameter.normalize(given)


def test_zero_has_no_sign():
    assert canonical(Float().normalize(-0.0)) == "0.0"


def test_quantity():
    length = Quantity("Angstrom")
    for given in (1400, "1400", "1400 Angstrom", 140 * u.nm, "140 nm", 1.4e-7 * u.m):
        assert length.record(length.normalize(given)) == [1400.0, "Angstrom"]
    for given in ("1400 K", "long", [1, 2] * u.nm, np.nan, None):
        with pytest.raises(InputError, match="was given"):
            length.normalize(given)
    assert length.parse(length.serialize(length.normalize("140 nm"))) == 1400 * u.AA


class Trained(Task):
    training_set = File()
    order = Integer(default=2)
    seed = Integer(default=0, significant=False)


def test_parameters_of_another_task():
    parameter = ParametersOf(Trained)
    value = parameter.normalize({"order": 2.0, "training_set": "t.npz", "seed": 5})
    assert dict(value) == {"order": 2, "training_set": "t.npz", "seed": 5}
    # The other task sees to its files; what does not matter to it does not matter here.
    assert parameter.record(value) == {"order": 2}
    assert hash(value) == hash(parameter.parse(parameter.serialize(value)))
    with pytest.raises(InputError, match=r"'ordr' is not known.*Did you mean 'order'"):
        parameter.normalize({"ordr": 2, "training_set": "t"})
    with pytest.raises(InputError, match="Trained, parameter 'order': 'two' was given"):
        parameter.normalize({"order": "two", "training_set": "t"})


def test_parameters_of_luigi_are_recorded_too():
    assert record_of(luigi.IntParameter(), 3) == "3"


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ({"x": 1}, {"x": 1}, []),
        ({"x": 1}, {"x": 1.0}, [("x", 1, 1.0)]),
        ({"x": {"y": 1}}, {"x": {"y": 2, "z": 3}}, [("x.y", 1, 2), ("x.z", None, 3)]),
        ({"x": 1}, {}, [("x", 1, None)]),
    ],
)
def test_differences(a, b, found):
    assert differences(a, b) == found
    assert (digest(a) == digest(b)) == (not found)
