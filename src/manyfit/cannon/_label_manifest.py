"""What a store of labels says it is of: all that its numbers depend on."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from manyfit.fitting._fingerprint import digest

from ._infer import Labelling
from ._model import CannonModel
from ._model_parts import parts_of
from ._nuisance import Nuisance
from ._stars import Stars

KIND = "labels"
FORMAL = "formal: noise and scatter alone"
CALIBRATED = "calibrated by cross-validation"


def manifest(labelling: Labelling, stars: Stars, names: tuple[str, ...]) -> dict[str, Any]:
    """Model, options and spectra of labels, as JSON.

    Parameters
    ----------
    labelling
        Model and options.
    stars
        The spectra.
    names
        Names of hidden labels and nuisance terms.
    """
    from manyfit import __version__

    ids = stars.ids
    return {
        "manyfit": __version__,
        "kind": KIND,
        "labels": list(labelling.model.label_names),
        "errors": errors_of(labelling.model),
        "nuisance": list(names),
        "model": _model(labelling.model),
        "options": {
            "search": asdict(labelling.search),
            "limits": asdict(labelling.limits),
            "nuisance": _nuisance(labelling.nuisance),
        },
        "stars": stars.n_stars,
        "ids": None if ids is None else digest(np.char.encode(ids, "utf-8").reshape(-1, 1).view("u1")),
        "spectra": stars.fingerprint(),
    }


def errors_of(model: CannonModel) -> str:
    """What the errors of a model are."""
    return FORMAL if model.calibration is None else CALIBRATED


def _model(model: CannonModel) -> dict[str, Any]:
    """What a file of the model would hold, but for the version that wrote it."""
    parts = parts_of(model)
    header = json.loads(parts.header)
    said = {name: header[name] for name in ("terms", "chips", "n_stars")}
    return said | {name: digest(np.asarray(array)) for name, array in sorted(parts.arrays.items())}


def _nuisance(nuisance: Nuisance | None) -> dict[str, Any] | None:
    if nuisance is None:
        return None
    values = {f.name: getattr(nuisance, f.name) for f in fields(nuisance)}
    return {name: digest(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}
