"""Derivatives of formulas."""

from __future__ import annotations

import math
from collections.abc import Callable

from manyfit.kernels._expression import (
    ONE,
    ZERO,
    Node,
    add,
    call,
    const,
    div,
    int_power,
    is_const,
    mul,
    neg,
    power,
    product,
    sub,
    total,
    transform,
)
from manyfit.kernels._functions import CONDITIONS
from manyfit.kernels._sign import is_positive

TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)


def derivative(node: Node, name: str) -> Node:
    """The partial derivative of a formula by the symbol `name`.

    >>> from manyfit.kernels._expression import symbol
    >>> derivative(call("exp", mul(const(-0.5), int_power(symbol("x"), 2))), "x")
    -1.0*x*exp(-0.5*x**2)
    """

    def leaf(n: Node) -> Node:
        return ONE if n.op == "symbol" and n.value == name else ZERO

    def chain(n: Node, slopes: list[Node]) -> Node:
        if all(is_const(s, 0.0) for s in slopes):
            return ZERO
        return _RULES.get(n.op, _function)(n, slopes)

    return transform(node, leaf, chain)  # type: ignore[no-any-return]


def _sum(n: Node, slopes: list[Node]) -> Node:
    return add(*slopes)


def _difference(n: Node, slopes: list[Node]) -> Node:
    return sub(*slopes)


def _product(n: Node, slopes: list[Node]) -> Node:
    coefficient, exponents = n.value
    bases = dict(zip(n.args, exponents, strict=True))
    terms = []
    for base, slope in zip(n.args, slopes, strict=True):
        if not is_const(slope, 0.0):
            lowered = {**bases, base: bases[base] - 1}
            terms.append(mul(product(coefficient * bases[base], lowered), slope))
    return total(terms)


def _pow(n: Node, slopes: list[Node]) -> Node:
    # b**(e-1) is written b**e / b to share the power.
    base, exponent = n.args
    by_base, by_exponent = slopes
    base_term = div(mul(exponent, n), base) if by_base is not ZERO else ZERO
    log_term = mul(n, call("log", base)) if by_exponent is not ZERO else ZERO
    if not is_positive(base):
        # At b = 0 both need their limit. A slope that is infinite there (e < 1, as at the cusp of a Sersic profile)
        # is taken as zero: one point must not spoil a fit.
        at_zero = call("equal", base, ZERO)
        limit = call("select", call("equal", exponent, ONE), ONE, ZERO)
        base_term = call("select", at_zero, limit, base_term)
        log_term = call("select", at_zero, ZERO, log_term)
    return add(mul(base_term, by_base), mul(log_term, by_exponent))


def _select(n: Node, slopes: list[Node]) -> Node:
    return call("select", n.args[0], slopes[1], slopes[2])


def _function(n: Node, slopes: list[Node]) -> Node:
    if n.op not in _PARTIALS:
        raise NotImplementedError(f"the derivative of {n.op} is not known")
    partials = _PARTIALS[n.op](n, *n.args)
    return total(mul(p, s) for p, s in zip(partials, slopes, strict=True) if not is_const(s, 0.0))


_RULES: dict[str, Callable[[Node, list[Node]], Node]] = {
    "sum": _sum,
    "difference": _difference,
    "product": _product,
    "pow": _pow,
    "select": _select,
}


def _square(u: Node) -> Node:
    return int_power(u, 2)


def _inverse_sqrt(u: Node) -> Node:
    return int_power(call("sqrt", u), -1)


def _unless_zero(u: Node, slope: Node) -> Node:
    # The tip of a cone, r = sqrt(x**2 + y**2) at 0, has no slope; zero is the one in the middle.
    return call("select", call("equal", u, ZERO), ZERO, slope)


def _flat(n: Node, *args: Node) -> tuple[Node, ...]:
    return (ZERO,) * len(args)


def _pick(condition: Node) -> tuple[Node, Node]:
    return call("select", condition, ONE, ZERO), call("select", condition, ZERO, ONE)


def _wofz_slope(x: Node, y: Node) -> tuple[Node, Node]:
    """Real and imaginary part of w'(z) = -2 z w(z) + 2i / sqrt(pi) (Abramowitz & Stegun 7.1.20)."""
    re, im = call("wofz_re", x, y), call("wofz_im", x, y)
    real = mul(const(-2.0), sub(mul(x, re), mul(y, im)))
    imaginary = sub(const(TWO_OVER_SQRT_PI), mul(const(2.0), add(mul(x, im), mul(y, re))))
    # Far out the two terms cancel.
    size = add(_square(x), _square(y))
    far_real, far_imaginary = _wofz_slope_far(x, y, size)
    far = call("greater", size, const(900.0))
    return call("select", far, far_real, real), call("select", far, far_imaginary, imaginary)


def _wofz_slope_far(x: Node, y: Node, size: Node) -> tuple[Node, Node]:
    """w'(z) = -i / sqrt(pi) sum (2k+1)!! / 2**k z**(-2k-2) for large z."""
    # Horner's scheme in q = 1 / z**2.
    q_re, q_im = (
        div(sub(_square(x), _square(y)), _square(size)),
        div(mul(const(-2.0), mul(x, y)), _square(size)),
    )
    re, im = const(945.0 / 16.0), ZERO
    for coefficient in (105.0 / 8.0, 15.0 / 4.0, 1.5, 1.0, 0.0):
        re, im = (
            add(const(coefficient), sub(mul(re, q_re), mul(im, q_im))),
            add(mul(re, q_im), mul(im, q_re)),
        )
    scale = const(0.5 * TWO_OVER_SQRT_PI)
    return mul(scale, im), neg(mul(scale, re))


def _wofz_re(n: Node, x: Node, y: Node) -> tuple[Node, ...]:
    real, imaginary = _wofz_slope(x, y)
    return real, neg(imaginary)


def _wofz_im(n: Node, x: Node, y: Node) -> tuple[Node, ...]:
    real, imaginary = _wofz_slope(x, y)
    return imaginary, real


def _j1(n: Node, u: Node) -> tuple[Node, ...]:
    # J1' = J0 - J1/u, with the limit 1/2 at 0.
    return (call("select", call("equal", u, ZERO), const(0.5), sub(call("j0", u), div(n, u))),)


def _gammaincinv(n: Node, a: Node, p: Node) -> tuple[Node, ...]:
    by_p = mul(mul(call("gamma", a), call("exp", n)), power(n, sub(ONE, a)))
    return call("gammaincinv_slope", a, p), by_p


#: name -> function of (node, *arguments) giving the partial derivative by each argument
_PARTIALS: dict[str, Callable[..., tuple[Node, ...]]] = {
    "sqrt": lambda n, u: (_unless_zero(n, mul(const(0.5), int_power(n, -1))),),
    "exp": lambda n, u: (n,),
    "exp2": lambda n, u: (mul(const(math.log(2.0)), n),),
    "expm1": lambda n, u: (add(n, ONE),),
    "log": lambda n, u: (int_power(u, -1),),
    "log2": lambda n, u: (mul(const(1.0 / math.log(2.0)), int_power(u, -1)),),
    "log10": lambda n, u: (mul(const(1.0 / math.log(10.0)), int_power(u, -1)),),
    "log1p": lambda n, u: (int_power(add(ONE, u), -1),),
    "sin": lambda n, u: (call("cos", u),),
    "cos": lambda n, u: (neg(call("sin", u)),),
    "tan": lambda n, u: (add(ONE, _square(n)),),
    "arcsin": lambda n, u: (_inverse_sqrt(sub(ONE, _square(u))),),
    "arccos": lambda n, u: (neg(_inverse_sqrt(sub(ONE, _square(u)))),),
    "arctan": lambda n, u: (int_power(add(ONE, _square(u)), -1),),
    "arctan2": lambda n, v, u: (
        div(u, add(_square(u), _square(v))),
        neg(div(v, add(_square(u), _square(v)))),
    ),
    "sinh": lambda n, u: (call("cosh", u),),
    "cosh": lambda n, u: (call("sinh", u),),
    "tanh": lambda n, u: (sub(ONE, _square(n)),),
    "arcsinh": lambda n, u: (_inverse_sqrt(add(_square(u), ONE)),),
    "arccosh": lambda n, u: (_inverse_sqrt(sub(_square(u), ONE)),),
    "arctanh": lambda n, u: (int_power(sub(ONE, _square(u)), -1),),
    "hypot": lambda n, a, b: (_unless_zero(n, div(a, n)), _unless_zero(n, div(b, n))),
    "fabs": lambda n, u: (call("select", call("less", u, ZERO), const(-1.0), ONE),),
    "minimum": lambda n, a, b: _pick(call("less", a, b)),
    "maximum": lambda n, a, b: _pick(call("greater", a, b)),
    "erf": lambda n, u: (mul(const(TWO_OVER_SQRT_PI), call("exp", neg(_square(u)))),),
    "erfc": lambda n, u: (mul(const(-TWO_OVER_SQRT_PI), call("exp", neg(_square(u)))),),
    "wofz_re": _wofz_re,
    "wofz_im": _wofz_im,
    "gamma": lambda n, u: (mul(n, call("digamma", u)),),
    "gammaln": lambda n, u: (call("digamma", u),),
    "digamma": lambda n, u: (call("trigamma", u),),
    "gammaincinv": _gammaincinv,
    "gammaincinv_slope": lambda n, a, p: (call("gammaincinv_curvature", a, p), ZERO),
    "j0": lambda n, u: (neg(call("j1", u)),),
    "j1": _j1,
    "sign": _flat,
    "floor": _flat,
    "ceil": _flat,
    "rint": _flat,
    **dict.fromkeys(CONDITIONS, _flat),
}
