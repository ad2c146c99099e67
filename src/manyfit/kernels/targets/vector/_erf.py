"""Error function and its complement: an odd polynomial near 0, ``exp(-x**2)`` times a polynomial beyond.

The complement uses the change of variable of Shepherd & Laframboise (1981, Math. Comp. 36, 249).
"""

from __future__ import annotations

from typing import Any

from manyfit.kernels.targets.vector._elementary import elementary
from manyfit.kernels.targets.vector._exp import exp_of_sum
from manyfit.kernels.targets.vector._float import Float, choose, fma, with_sign_of
from manyfit.kernels.targets.vector._polynomial import horner, paired
from manyfit.kernels.targets.vector._twofold import exact_product, exact_sum

_NEAR = 0.8
_FARTHEST = {64: 27.5, 32: 10.5}  # erfc is 0 there

# From tools/minimax.py: erf(x) = x + x ERF(x**2), erfc(x) = exp(-x**2) / (x + 3) ERFC(1/4 - 6 / (x + 3)).
ERF = {
    # largest error 2**-58.1
    64: (
        0.12837916709551256,
        -0.3761263890318363,
        0.11283791670947414,
        -0.026866170643242666,
        0.0052239776017055355,
        -0.0008548325281294861,
        0.00012055253134397325,
        -1.4923293448012784e-05,
        1.6417193466145323e-06,
        -1.5828665816240626e-07,
        1.1082112870915899e-08,
    ),
    # largest error 2**-28.3
    32: (
        0.12837917,
        -0.37612605,
        0.11283142,
        -0.02682209,
        0.005087402,
        -0.00065493304,
    ),
}
ERFC = {
    # largest error 2**-55.5
    64: (
        0.6440595158075509,
        -0.36139518878529703,
        0.1877478559346066,
        -0.08893191744580203,
        0.03749562850892152,
        -0.013477018620511181,
        0.0037446174008224586,
        -0.0005473578930026825,
        -0.00014887993205748085,
        0.00013701065568431735,
        -3.470921597603434e-05,
        6.676271539606924e-06,
        2.620895039518768e-05,
        2.0254861745869635e-05,
        2.0892360030899485e-05,
        1.5205750601191024e-05,
        6.2706815002801165e-06,
        1.4330920175331306e-06,
        1.623950436705659e-07,
        5.948957491410301e-09,
    ),
    # largest error 2**-27.6
    32: (
        0.64405954,
        -0.3613951,
        0.18774658,
        -0.08896803,
        0.037232623,
        -0.014396022,
        0.001966973,
        -0.0025080221,
        -0.0013018912,
        -0.00011748779,
    ),
}


def _special(name: str) -> Any:
    """A function of `scipy.special`, imported at its first call."""

    def reference(x: Any) -> Any:
        from scipy import special

        return getattr(special, name)(x)

    return reference


@elementary(_special("erf"))
def erf(x: Float) -> Float:
    """Error function.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import erf
    >>> round(float(erf(1.0)), 12)
    0.84270079295
    """
    size = abs(x)
    return with_sign_of(choose(size < _NEAR, _near(size), 1.0 - _far_complement(size)), x)


@elementary(_special("erfc"))
def erfc(x: Float) -> Float:
    """Complementary error function ``1 - erf(x)``, precise where it is small.

    Examples
    --------
    >>> from manyfit.kernels.targets.vector import erfc
    >>> round(float(erfc(1.0)), 12)
    0.15729920705
    """
    size = abs(x)
    complement = _far_complement(size)
    far = choose(x < 0.0, 2.0 - complement, complement)
    return choose(size < _NEAR, 1.0 - _near(x), far)


def _near(x: Float) -> Float:
    return x * horner(x * x, ERF[x.width]) + x


def _far_complement(x: Float) -> Float:
    """Complementary error function of ``x >= 0.8``."""
    farthest = _FARTHEST[x.width]
    x = choose(x > farthest, farthest, x)
    total, total_low = exact_sum(x, x.constant(3.0))
    inverse = 1.0 / total
    lost = fma(-total_low, inverse, fma(-total, inverse, 1.0))  # of the inverse, relative
    square, square_low = exact_product(x, x)
    # A small step d changes the polynomial by the factor 1 - 0.85 d: what its argument lost counts too.
    exponent_low = lost * (5.1 * inverse + 1.0) - square_low
    return exp_of_sum(-square, exponent_low) * (inverse * paired(0.25 - 6.0 * inverse, ERFC[x.width]))
