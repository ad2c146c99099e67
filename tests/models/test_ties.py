"""Tied parameters."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.modeling import models

from manyfit.errors import InputError, ModelNotCompiled
from manyfit.kernels._derive import derivative
from manyfit.kernels._expression import evaluate
from manyfit.models._trace import formula

G = models.Gaussian1D
X = np.linspace(-3.0, 5.0, 31)


def pair(**ties):
    """Two lines and a constant, some parameters tied."""
    model = G(1.2, 0.3, 0.9, name="first") + G(0.7, 2.1, 0.6, name="second") + models.Const1D(0.1)
    for name, tie in ties.items():
        getattr(model, name).tied = tie
    return model


TIES = {
    "attribute": lambda m: m.mean_0,
    "value": lambda m: m.mean_0.value,
    "getattr": lambda m: getattr(m, "mean" + "_0"),
    "arithmetic": lambda m: 2.5 * m.mean_0 + 1 - m.stddev_0**2 / 3,
    "reflected": lambda m: 1.0 / m.stddev_0,
    "numpy": lambda m: np.sqrt(m.stddev_0**2 + 0.1) + np.exp(-m.amplitude_0),
    "value and numpy": lambda m: np.log(m.stddev_0.value) + m.amplitude_0.value,
    "submodel": lambda m: m[0].mean * 1.003,
    "submodel by name": lambda m: m["first"].mean + 1.5,
    "left": lambda m: m.left.right.stddev + m.left.left.mean,
    "parameters by position": lambda m: m.parameters[1] * 2 + m.parameters[2],
    "property of a submodel": lambda m: m[0].fwhm * 0.5,
    "choice without a branch": lambda m: np.where(m.mean_0.value > 0, 1.0, m.amplitude_0.value),
    "constant": lambda m: 1.75,
}


@pytest.mark.parametrize("name", TIES)
def test_ties_are_traced(name):
    tie = TIES[name]
    model = pair(mean_1=tie)
    expected = model.copy()
    expected.mean_1 = float(np.asarray(getattr(tie(model), "value", tie(model))))
    traced = formula(model)
    assert "mean_1" not in traced.free
    assert [n for n, _ in traced.tied] == ["mean_1"]
    known = dict(zip(model.param_names, model.parameters, strict=True)) | {"x[0]": X}
    del known["mean_1"]
    np.testing.assert_allclose(evaluate(traced.value, known), expected(X), rtol=1e-12)


def test_chains_are_resolved_in_any_order():
    model = pair(mean_0=lambda m: m.stddev_1 + 1, stddev_1=lambda m: 2 * m.amplitude_2, mean_1=lambda m: 3 * m.mean_0)
    tied = {name: repr(node) for name, node in formula(model).tied}
    assert tied == {
        "mean_0": "(2.0*amplitude_2 + 1.0)",
        "stddev_1": "2.0*amplitude_2",
        "mean_1": "3.0*(2.0*amplitude_2 + 1.0)",
    }
    assert formula(model).free == ("amplitude_0", "stddev_0", "amplitude_1", "amplitude_2")


def test_derivatives_follow_ties():
    model = pair(stddev_1=lambda m: m.stddev_0 * 2)
    traced = formula(model)
    known = dict(zip(model.param_names, model.parameters, strict=True)) | {"x[0]": X}

    def at(stddev):
        return (G(1.2, 0.3, stddev) + G(0.7, 2.1, 2 * stddev))(X)

    numeric = (at(0.9 + 1e-5) - at(0.9 - 1e-5)) / 2e-5
    np.testing.assert_allclose(evaluate(derivative(traced.value, "stddev_0"), known), numeric, rtol=1e-7, atol=1e-9)


def test_ties_to_fixed_parameters():
    model = pair(mean_1=lambda m: m.mean_0 + 2)
    model.mean_0.fixed = True
    traced = formula(model)
    assert traced.fixed == ("mean_0",)
    assert "mean_0" not in traced.free


def test_a_parameter_both_fixed_and_tied_is_tied():
    # As in astropy: the tie is what sets its value.
    model = pair(mean_1=lambda m: m.mean_0 + 2)
    model.mean_1.fixed = True
    assert formula(model).fixed == ()


@pytest.mark.parametrize(
    ("ties", "circle"),
    [
        ({"mean_0": lambda m: m.mean_0 + 1}, "mean_0 -> mean_0"),
        ({"mean_0": lambda m: m.mean_1, "mean_1": lambda m: m.mean_0}, "mean_0 -> mean_1 -> mean_0"),
        (
            {
                "stddev_0": lambda m: m.mean_0,
                "mean_0": lambda m: m.mean_1,
                "mean_1": lambda m: m.amplitude_1,
                "amplitude_1": lambda m: m.mean_0,
            },
            "mean_0 -> mean_1 -> amplitude_1 -> mean_0",
        ),
    ],
    ids=["itself", "each other", "three"],
)
def test_circles_are_named(ties, circle):
    with pytest.raises(InputError, match=f"in a circle: {circle}"):
        formula(pair(**ties))


@pytest.mark.parametrize(
    ("tie", "reason"),
    [
        (lambda m: m.mean_0 if m.mean_0 > 0 else 0.0, r"the tie of 'mean_1' a branch"),
        (lambda m: float(m.mean_0), r"the tie of 'mean_1' .*float"),
        (lambda m: m.center, r"the tie of 'mean_1' stops with AttributeError"),
        (lambda m: "wide", r"the tie of 'mean_1' .*type <U4"),
    ],
    ids=["branch", "float", "misspelt", "text"],
)
def test_ties_that_cannot_be_traced_say_why(tie, reason):
    with pytest.raises(ModelNotCompiled, match=reason):
        formula(pair(mean_1=tie))


def test_the_model_is_not_changed_by_its_ties():
    model = pair(mean_1=lambda m: m.mean_0 + 2)
    before = model.parameters.copy()
    formula(model)
    np.testing.assert_array_equal(model.parameters, before)
    assert model[1].mean is model.mean_1


def test_tie_of_a_single_model():
    model = models.Gaussian2D(tied={"y_stddev": lambda m: m.x_stddev})
    assert repr(dict(formula(model).tied)["y_stddev"]) == "x_stddev"
