"""Pickles of arrays are read, whatever wrote them; nothing in a pickle is ever executed."""

from __future__ import annotations

import builtins
import os
import pickle
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.cannon import TrainingSet, read_annies_lasso, train
from manyfit.cannon._pickles import read_pickle
from manyfit.errors import InputError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Calls:
    """An object whose pickle calls a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def malicious(flag):
    """What would make a file named `flag` if it were executed, in many disguises."""
    touch = Calls(os.system, f"touch {flag}")
    yield touch
    yield Calls(builtins.eval, f"open({str(flag)!r}, 'w')")
    yield Calls(builtins.exec, f"open({str(flag)!r}, 'w')")
    yield Calls(Path.touch, flag)
    yield [1, (2, {"a": touch})]
    yield {"flux": np.array([touch, 1], dtype=object)}
    yield {"flux": np.array([[None, [touch]]], dtype=object)}
    yield Calls(getattr, Calls(__import__, "builtins"), "eval")
    yield Calls(__import__, "os")
    yield os.system
    yield np.save


def write(folder, content, protocol=4):
    path = folder / "file.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_is_executed(tmp_path, protocol):
    flag = tmp_path / "executed"
    for content in malicious(flag):
        path = write(tmp_path, content, protocol)
        for read in (read_pickle, TrainingSet.read, read_annies_lasso):
            with pytest.raises(InputError, match="othing was executed"):
                read(path)
        assert not flag.exists()


def test_the_attack_would_work_elsewhere(tmp_path):
    flag = tmp_path / "executed"
    pickle.loads(pickle.dumps(next(malicious(flag))))
    assert flag.exists()


def test_the_error_names_what_was_refused(tmp_path):
    with pytest.raises(InputError, match=r"'(posix|nt)\.system'.*numpy\.savez"):
        read_pickle(write(tmp_path, Calls(os.system, "true")))


@pytest.mark.parametrize(
    "program",
    [
        b"cnumpy.core.multiarray\n_reconstruct\n(dS'x'\nS'y'\nsb.",  # changes a function
        b"cnumpy\nndarray\n(dS'x'\nS'y'\nsb.",
        b"\x80\x02cnumpy\nndarray\n)\x81.",  # makes an object without its function
        b"cnumpy\ndtype\n.",  # the function alone
        b"cnumpy\ndtype\n(S'O'\ntR(I3\nS'|'\nNNNI8\nI8\nI0\ntb.",  # a type of objects that says it has none
        b"P1\n.",  # something that is elsewhere
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        b"cbuiltins\nbytearray\n(I100000000000\ntR.",  # a hundred gigabytes
        b"\x80\x02Nr\xff\xff\xff\x7f.garbage"[:-8],  # a memory of sixteen gigabytes, and no end
        b"garbage",
        b"",
    ],
)
def test_programs_that_mislead(tmp_path, program):
    with pytest.raises(InputError, match=r"file\.pkl"):
        read_pickle(write(tmp_path, program))


def test_sizes_that_mislead(tmp_path):
    flux = np.arange(6.0)
    content = pickle.dumps(flux, 2).replace(b"K\x06\x85", b"K\x07\x85")
    assert content != pickle.dumps(flux, 2)
    with pytest.raises(InputError, match="do not belong together"):
        read_pickle(write(tmp_path, content))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 200))
def test_damaged_pickles_give_an_input_error_or_a_value(tmp_path_factory, noise, at):
    content = bytearray(pickle.dumps({"flux": np.arange(4.0), "names": ("a", "b")}, 4))
    content[at : at + len(noise)] = noise
    path = write(tmp_path_factory.mktemp("damaged"), bytes(content))
    with suppress(InputError):
        read_pickle(path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_and_containers(tmp_path, protocol):
    content = {
        "c": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">f4"),
        "empty": np.zeros((0, 3), dtype="f4"),
        "texts": np.array(["TEFF", "LOGG"]),
        "bytes": np.array([b"a", b"bc"]),
        "flags": np.array([True, False]),
        "columns": np.array([(1.0, 2), (3.0, 4)], dtype=[("x", "<f8"), ("y", ">i4")]),
        "number": np.float64(3.5),
        "zero": np.array(2.0),
        "plain": (1, 2.5, None, True, "ü", b"\xff", {1, 2}, [3], 1 + 2j, bytearray(b"ab")),
        "ordered": OrderedDict(a=1, b=2),
    }
    again = read_pickle(write(tmp_path, content, protocol))
    assert list(again) == list(content)
    for name, value in content.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(again[name], value)
            assert (again[name].dtype, again[name].shape) == (value.dtype, value.shape)
        else:
            assert again[name] == value


def test_texts_as_python_objects(tmp_path):
    again = read_pickle(write(tmp_path, np.array(["TEFF", "FE_H"], dtype=object)))
    assert again.tolist() == ["TEFF", "FE_H"]
    with pytest.raises(InputError, match="Python objects"):
        read_pickle(write(tmp_path, np.array([1, "a"], dtype=object)))


def annies_lasso(model, labels, **changes):
    """A model in the form in which AnniesLasso writes it."""
    terms = [[(k, p) for k, p in enumerate(term) if p] for term in model.vectorizer.powers[1:]]
    description = {"label_names": model.label_names, "terms": terms, "metadata": {}}
    state = {
        "vectorizer": ("PolynomialVectorizer", description),
        "censors": {"label_names": model.label_names, "num_pixels": len(model.s2), "items": {}},
        "regularization": None,
        "dispersion": model.wavelength,
        "theta": model.theta,
        "s2": model.s2,
        "training_set_labels": labels,
        "metadata": {"version": "0.2.93", "model_class": "CannonModel", "trained_attributes": ("theta", "s2")},
    }
    return state | changes


def test_models_of_annies_lasso(tmp_path, simulated):
    model = train(simulated, hidden=0)
    again = read_annies_lasso(write(tmp_path, annies_lasso(model, simulated.labels), 2))
    np.testing.assert_allclose(again.predict(simulated.labels[:5]), model.predict(simulated.labels[:5]), rtol=1e-12)
    flux, ivar = simulated.flux[:20], simulated.ivar[:20]
    np.testing.assert_array_equal(again.infer(flux, ivar).labels, model.infer(flux, ivar).labels)


def test_old_models_have_another_scale(tmp_path, simulated):
    model = train(simulated, hidden=0)
    state = annies_lasso(model, simulated.labels, metadata={"version": "0.2.6"})
    scale = np.ptp(np.percentile(simulated.labels, [25.5, 97.5], axis=0), axis=0)
    np.testing.assert_allclose(read_annies_lasso(write(tmp_path, state)).scaling.scale, scale)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"theta": None}, "no theta"),
        ({"dispersion": None}, "wavelength="),
        ({"theta": np.ones((3, 3))}, "theta of shape"),
        ({"vectorizer": ("PolynomialVectorizer", {"label_names": ("A", "B"), "terms": [[(0, 1.5)]]})}, "power 1.5"),
        ({"vectorizer": 3}, "vectorizer"),
        ({"training_set_labels": np.ones((4, 7))}, "training_set_labels"),
    ],
)
def test_wrong_models_of_annies_lasso(tmp_path, simulated, changes, message):
    state = annies_lasso(train(simulated, hidden=0), simulated.labels, **changes)
    with pytest.raises(InputError, match=message):
        read_annies_lasso(write(tmp_path, state))
