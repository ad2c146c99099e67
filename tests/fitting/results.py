"""Results made of numbers from nowhere, for tests of what is done with results."""

from __future__ import annotations

import astropy.units as u
import numpy as np

from manyfit.fitting._parameters import Parameters
from manyfit.fitting._result import FitResult
from manyfit.fitting._strip import UnitSystem, bare
from manyfit.fitting._work import Columns
from manyfit.kernels import Options, Solution, Status
from manyfit.models import formula


def result_of(model, shape=(2, 3), *, seed=0, inputs=(None,), data=None, attached=False, **options):
    """A result of random numbers, in which some elements of each status occur."""
    rng = np.random.default_rng(seed)
    columns = Columns.of(model)
    n = len(columns.free)
    status = rng.choice(list(Status), shape).astype(np.int8)
    bad = status > Status.SINGULAR
    rows = rng.normal(size=(*shape, max(n, 1), max(n, 1)))
    matrices = rows @ np.swapaxes(rows, -1, -2)
    i, j = np.tril_indices(n)
    solution = Solution(
        values=np.where(bad[..., None], np.nan, rng.normal(size=(*shape, n))),
        covariance=np.where(bad[..., None], np.nan, matrices[..., i, j]),
        statistic=np.where(bad, np.nan, rng.gamma(20, size=shape)),
        n_points=np.asarray(rng.integers(0, 40, shape), np.int32),
        n_iter=np.asarray(rng.integers(1, 20, shape), np.int32),
        status=status,
    )
    wanted = Options(**{"absolute_sigma": True, **options})
    units = {name: getattr(model, name).unit for name in model.param_names}
    return FitResult(
        parameters=Parameters(
            columns,
            solution,
            fixed={name: rng.normal(size=(1,) * len(shape)) for name in columns.fixed},
            tied=dict(formula(bare(model)).tied),
            absolute_sigma=wanted.absolute_sigma,
        ),
        template=bare(model),
        system=UnitSystem(inputs, data, units, attached or any(unit is not None for unit in units.values())),
        options=wanted,
        seconds=1.25,
    )


def gaussian(**constraints):
    """A Gaussian line with units."""
    from astropy.modeling.models import Gaussian1D

    return Gaussian1D(1 * u.K, 4 * u.km / u.s, 0.5 * u.km / u.s, **constraints)


LINE = {"inputs": (u.km / u.s,), "data": u.K}
