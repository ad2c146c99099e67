"""Terms of the polynomial, their derivatives, and the scaling of labels."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from manyfit.cannon import Scaling, Vectorizer
from manyfit.errors import InputError

NAMES = ("A", "B", "C")


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("n_labels", [1, 3, 5])
def test_polynomial_has_every_term_up_to_its_order(order, n_labels):
    vectorizer = Vectorizer.polynomial("ABCDE"[:n_labels], order)
    assert vectorizer.n_terms == comb(n_labels + order, order)
    assert max(map(sum, vectorizer.powers)) == order


def test_order_of_terms_is_that_of_the_reference():
    assert Vectorizer.polynomial(NAMES, 2).names == (
        "1", "A", "B", "C", "A^2", "A*B", "A*C", "B^2", "B*C", "C^2",
    )  # fmt: skip


def test_terms_are_read_back_from_their_names():
    cubic = Vectorizer.polynomial(NAMES, 3)
    assert Vectorizer.of_terms(NAMES, cubic.names) == cubic


@given(arrays(float, 3, elements=st.floats(-2, 2)))
def test_derivatives_agree_with_differences(x):
    vectorizer, h = Vectorizer.polynomial(NAMES, 3), 1e-5
    steps = h * np.eye(3)
    slopes = (vectorizer.design(x + steps) - vectorizer.design(x - steps)).T / (2 * h)
    np.testing.assert_allclose(vectorizer.jacobian(x), slopes, atol=1e-8)
    second = (vectorizer.jacobian(x + steps) - vectorizer.jacobian(x - steps)) / (2 * h)
    np.testing.assert_allclose(vectorizer.hessian(x), np.moveaxis(second, 0, -1), atol=1e-8)


@pytest.mark.parametrize(
    ("terms", "words"),
    [(["D"], "label 'D' is not known"), (["A", "A^1"], "twice"), (["A^x"], "not known"), ([""], "cannot be read")],
)
def test_terms_that_cannot_be(terms, words):
    with pytest.raises(InputError, match=words):
        Vectorizer.of_terms(NAMES, terms)


def test_orders_that_cannot_be():
    with pytest.raises(InputError, match="order is 4"):
        Vectorizer.polynomial(NAMES, 4)


def test_scaling_is_that_of_the_reference(semireal, reference):
    scaling = Scaling.of(semireal[0].labels)
    np.testing.assert_allclose(scaling.fiducial, reference[0]["fiducials"], rtol=1e-14)
    np.testing.assert_allclose(scaling.scale, reference[0]["scales"], rtol=1e-14)
    design = Vectorizer.polynomial(semireal[0].label_names).design(scaling.to_scaled(semireal[0].labels))
    np.testing.assert_allclose(design, reference[0]["design_matrix"], atol=1e-15)


def test_missing_labels_do_not_change_the_scaling():
    scaling = Scaling.of([[1.0], [np.nan], [2.0], [np.inf], [3.0]])
    assert scaling.fiducial == [2.0]
    assert scaling.scale == pytest.approx(1.9)


@pytest.mark.parametrize(("values", "words"), [([1.0, 1.0], "same value"), ([np.nan, np.nan], "no finite")])
def test_labels_that_cannot_be_scaled(values, words):
    with pytest.raises(InputError, match=words):
        Scaling.of(np.array(values)[:, None])
