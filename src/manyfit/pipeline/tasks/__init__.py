"""Tasks that are ready: files of surveys, continuum, The Cannon, cubes, TS maps and tables of products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manyfit._lazy import lazy

if TYPE_CHECKING:
    from manyfit.pipeline.tasks._ap_star_file import ApStarFile as ApStarFile
    from manyfit.pipeline.tasks._ap_visit_file import ApVisitFile as ApVisitFile
    from manyfit.pipeline.tasks._aspcap_star_file import AspcapStarFile as AspcapStarFile
    from manyfit.pipeline.tasks._cube_fit import CubeFit as CubeFit
    from manyfit.pipeline.tasks._infer import Infer as Infer
    from manyfit.pipeline.tasks._mwm_file import MwmStarFile as MwmStarFile
    from manyfit.pipeline.tasks._mwm_file import MwmVisitFile as MwmVisitFile
    from manyfit.pipeline.tasks._product_table import ProductTable as ProductTable
    from manyfit.pipeline.tasks._sinusoidal_continuum import SinusoidalContinuum as SinusoidalContinuum
    from manyfit.pipeline.tasks._spectra_file import SpectraFile as SpectraFile
    from manyfit.pipeline.tasks._survey_file import SurveyFile as SurveyFile
    from manyfit.pipeline.tasks._train import Train as Train
    from manyfit.pipeline.tasks._ts_map import TSMap as TSMap
    from manyfit.pipeline.tasks._validate import Validate as Validate

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "ApStarFile": "_ap_star_file",
        "ApVisitFile": "_ap_visit_file",
        "AspcapStarFile": "_aspcap_star_file",
        "CubeFit": "_cube_fit",
        "Infer": "_infer",
        "MwmStarFile": "_mwm_file",
        "MwmVisitFile": "_mwm_file",
        "ProductTable": "_product_table",
        "SinusoidalContinuum": "_sinusoidal_continuum",
        "SpectraFile": "_spectra_file",
        "SurveyFile": "_survey_file",
        "TSMap": "_ts_map",
        "Train": "_train",
        "Validate": "_validate",
    },
)
