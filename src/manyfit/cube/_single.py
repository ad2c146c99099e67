"""The fit of one spectrum as the astropy model that a user plots and judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from manyfit.kernels import Status
from manyfit.kernels._status import TABLE

if TYPE_CHECKING:
    from astropy.modeling import Model

    from manyfit.fitting._result import FitResult


def single_model(result: FitResult) -> Model:
    """The model of a result without iterating axes, with errors where astropy's fitters leave them.

    ``model.stds`` and ``model.cov_matrix`` are those of the free parameters, ``model.mean.std`` is the error of one, in
    the unit of the parameter; ``model.meta`` has ``status``, ``statistic``, ``dof``, ``n_points`` and ``n_iter``.
    """
    from astropy.modeling.fitting import Covariance, StandardDeviations

    model = result.model
    covariance = np.asarray(result.covariance)
    free = list(result.parameters.columns.free)
    model.cov_matrix = Covariance(covariance, free)
    model.stds = StandardDeviations(covariance, free)
    for name in result.names:
        getattr(model, name).std = float(result.parameters.error(name))
    status = TABLE[Status(int(result.status))]
    model.meta.update(
        status=status.name,
        remedy="" if result.good else status.remedy,
        statistic=float(result.statistic),
        dof=int(result.dof),
        n_points=int(result.n_points),
        n_iter=int(result.n_iter),
    )
    return model
