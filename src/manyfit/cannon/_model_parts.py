"""A model as plain parts: a header that JSON can hold, and arrays by name. Files are one form of it or another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit import __version__
from manyfit.errors import InputError

from ._calibration import Calibration
from ._model import CannonModel, TrainingSummary
from ._scaling import Scaling
from ._vectorizer import Vectorizer

FORMAT = "manyfit cannon model"
VERSION = 1  # of the files; larger if older programs would misunderstand them


@dataclass(frozen=True, eq=False)
class ModelParts:
    """What a file of a model holds.

    Attributes
    ----------
    header
        Names, terms, chips, and how the model was made, as JSON.
    arrays
        Arrays by name.
    """

    header: str
    arrays: Mapping[str, NDArray[Any]]


def parts_of(model: CannonModel) -> ModelParts:
    """The parts of a model."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "written_by": f"manyfit {__version__}",
        "label_names": list(model.label_names),
        "terms": list(model.vectorizer.names),
        "powers": [list(term) for term in model.vectorizer.powers],
        "chips": [list(chip) for chip in model.chips],
        "n_stars": model.training.n_stars,
        "meta": dict(model.meta),
    }
    arrays = {"wavelength": model.wavelength, "theta": model.theta, "s2": model.s2}
    arrays |= {"fiducial": model.scaling.fiducial, "scale": model.scaling.scale}
    arrays |= {name: getattr(model.training, name) for name in SUMMARY}
    if model.hidden is not None:
        arrays["hidden"] = model.hidden
    if model.calibration is not None:
        arrays |= {"error_scale": model.calibration.scale, "error_floor": model.calibration.floor}
    return ModelParts(json.dumps(header), arrays)


SUMMARY = ("mean", "covariance", "minimum", "maximum", "starts", "leverage")


def model_of(parts: ModelParts, source: str) -> CannonModel:
    """The model of parts that were read.

    Raises
    ------
    InputError
        The parts are of something else, of a newer version, incomplete, or do not belong together.
    """
    header = checked_header(parts.header, source)
    try:
        names, powers = tuple(header["label_names"]), tuple(tuple(map(int, p)) for p in header["powers"])
        arrays = {name: _native(array) for name, array in parts.arrays.items()}
        model = CannonModel(
            wavelength=arrays["wavelength"],
            vectorizer=Vectorizer(names, powers),
            scaling=Scaling(arrays["fiducial"], arrays["scale"]),
            theta=arrays["theta"],
            s2=arrays["s2"],
            training=TrainingSummary(n_stars=int(header["n_stars"]), **{name: arrays[name] for name in SUMMARY}),
            chips=tuple((int(first), int(last)) for first, last in header["chips"]),
            calibration=_calibration(arrays),
            meta=header["meta"],
            hidden=arrays.get("hidden"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source!r} is incomplete: {error}. Write the model again.") from error
    _check_shapes(model, source)
    return model


def checked_header(text: str, source: str) -> dict[str, Any]:
    """The header, if it is of a model that this version can read."""
    try:
        header = json.loads(text)
    except ValueError as error:
        raise InputError(f"The header of {source!r} is damaged: {error}.") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError(f"{source!r} is no model of The Cannon that manyfit wrote.")
    if header.get("version") != VERSION:
        raise InputError(
            f"{source!r} has version {header.get('version')} of the format ({header.get('written_by')}), and manyfit "
            f"{__version__} reads version {VERSION}. Use the manyfit that wrote it, or train again."
        )
    return header


def _calibration(arrays: Mapping[str, NDArray[np.float64]]) -> Calibration | None:
    return Calibration(arrays["error_scale"], arrays["error_floor"]) if "error_scale" in arrays else None


def _native(array: NDArray[Any]) -> NDArray[np.float64]:
    return np.ascontiguousarray(array, dtype=np.float64)


def _check_shapes(model: CannonModel, source: str) -> None:
    n_pixels, n_labels, n_terms = len(model.wavelength), len(model.label_names), model.vectorizer.n_terms
    wanted: dict[str, tuple[int, ...]] = {"theta": (n_pixels, n_terms), "s2": (n_pixels,)}
    if model.hidden is not None:
        wanted["hidden"] = (n_pixels, model.hidden.shape[-1])
    of_labels: dict[str, tuple[int, ...]] = dict.fromkeys(("mean", "minimum", "maximum"), (n_labels,))
    of_labels |= {"covariance": (n_labels, n_labels), "leverage": (n_terms, n_terms)}
    found = {name: getattr(model, name).shape for name in wanted}
    found |= {name: getattr(model.training, name).shape for name in of_labels}
    found |= {"fiducial": model.scaling.fiducial.shape, "scale": model.scaling.scale.shape}
    for name, shape in (wanted | of_labels | {"fiducial": (n_labels,), "scale": (n_labels,)}).items():
        if found[name] != shape:
            raise InputError(f"{source!r} is damaged: {name} has the shape {found[name]}; {shape} is meant.")
    if model.training.starts.ndim != 2 or model.training.starts.shape[1] != n_labels:
        raise InputError(f"{source!r} is damaged: starts has the shape {model.training.starts.shape}.")
