"""The Cannon: stellar labels with errors from survey spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.cannon._annies_lasso import read_annies_lasso as read_annies_lasso
    from manyfit.cannon._calibration import Calibration as Calibration
    from manyfit.cannon._figures import one_to_one as one_to_one
    from manyfit.cannon._figures import pulls as pulls
    from manyfit.cannon._figures import residual_map as residual_map
    from manyfit.cannon._figures import scatter_spectrum as scatter_spectrum
    from manyfit.cannon._figures import theta_spectra as theta_spectra
    from manyfit.cannon._flags import FlagLimits as FlagLimits
    from manyfit.cannon._flags import LabelFlag as LabelFlag
    from manyfit.cannon._label_export import StreamSummary as StreamSummary
    from manyfit.cannon._label_export import export_labels as export_labels
    from manyfit.cannon._label_status import LabelStatus as LabelStatus
    from manyfit.cannon._label_table import LabelTable as LabelTable
    from manyfit.cannon._lasso import RegularizationPath as RegularizationPath
    from manyfit.cannon._lasso import regularization_path as regularization_path
    from manyfit.cannon._model import CannonModel as CannonModel
    from manyfit.cannon._model import TrainingSummary as TrainingSummary
    from manyfit.cannon._nuisance import Nuisance as Nuisance
    from manyfit.cannon._report import write_report as write_report
    from manyfit.cannon._scaling import Scaling as Scaling
    from manyfit.cannon._simulate_stars import simulate_stars as simulate_stars
    from manyfit.cannon._stream import InferOptions as InferOptions
    from manyfit.cannon._stream import infer_file as infer_file
    from manyfit.cannon._stream import infer_files as infer_files
    from manyfit.cannon._stream import survey_spectra as survey_spectra
    from manyfit.cannon._train import train as train
    from manyfit.cannon._training_set import TrainingSet as TrainingSet
    from manyfit.cannon._validate import Validation as Validation
    from manyfit.cannon._validate import validate as validate
    from manyfit.cannon._vectorizer import Vectorizer as Vectorizer

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Calibration": "_calibration",
        "CannonModel": "_model",
        "FlagLimits": "_flags",
        "InferOptions": "_stream",
        "LabelFlag": "_flags",
        "LabelStatus": "_label_status",
        "LabelTable": "_label_table",
        "Nuisance": "_nuisance",
        "RegularizationPath": "_lasso",
        "Scaling": "_scaling",
        "StreamSummary": "_label_export",
        "TrainingSet": "_training_set",
        "TrainingSummary": "_model",
        "Validation": "_validate",
        "Vectorizer": "_vectorizer",
        "export_labels": "_label_export",
        "infer_file": "_stream",
        "infer_files": "_stream",
        "one_to_one": "_figures",
        "pulls": "_figures",
        "read_annies_lasso": "_annies_lasso",
        "regularization_path": "_lasso",
        "residual_map": "_figures",
        "scatter_spectrum": "_figures",
        "simulate_stars": "_simulate_stars",
        "survey_spectra": "_stream",
        "theta_spectra": "_figures",
        "train": "_train",
        "validate": "_validate",
        "write_report": "_report",
    },
)
