"""Print the page that says which models compile: ``python -m manyfit.models > docs/models.md``."""

from __future__ import annotations

import sys

from manyfit.models._explain import Row, table

HEAD = """\
# Models

Every built-in model of `astropy.modeling` {version} that can be fitted, and how manyfit runs it.
*Compiled* models become machine code with exact derivatives. *Fallback* models are run by the astropy fitter,
one element at a time: slower, same answer. This page is written by `python -m manyfit.models`.

| model | inputs | runs | why not compiled |
|---|---|---|---|
"""

TAIL = """
Compiled too:

- compound models by `+ - * / **`, `|` and `&` with one output in the end, and `fix_inputs`;
- `custom_model` functions and classes of your own, where `evaluate` uses NumPy's functions on the whole
  array: arithmetic, universal functions, `np.where`, `np.select`, `np.piecewise`, `np.clip`, masks as in
  `y[x > 0] = ...`, sums over constant arrays as in `np.sum(w * f(x[:, None] - w), axis=1)`, and of
  `scipy.special`: `erf`, `erfc`, `erfcx`, `gamma`, `gammaln`, `gammaincinv`, `psi`, `j0`, `j1`, `expit`,
  `xlogy`, `ndtr`, `voigt_profile`;
- `fixed` parameters, and `tied` ones by any function of other parameters.

Fallback: a branch that depends on data (`if x > 0`, `np.any`), `math` functions, `np.asarray(x, dtype=...)`,
values of other points (`x.mean()`, `np.cumsum`), integrals, interpolation, convolution, complex numbers.
`manyfit.models.explain(model)` says what stopped a model, and where.
"""


def page() -> str:
    """The page in Markdown."""
    import astropy

    version = ".".join(astropy.__version__.split(".")[:2])
    return HEAD.format(version=version) + "".join(map(_line, table())) + TAIL


def _line(row: Row) -> str:
    runs = "compiled" if row.explanation.compiled else "fallback"
    return f"| {row.name} | {row.n_inputs} | {runs} | {row.explanation.reason} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
