"""Stellar labels for many stars, as a pipeline that never repeats work."""

import luigi

from manyfit.pipeline.tasks import ApStarFile, Infer, SinusoidalContinuum, Train


class ContinuumNormalize(SinusoidalContinuum, ApStarFile):
    combine = "coadd"  # rows 0 and 1 of an apStar file are coadds; say which rows are meant

    def requires(self):
        return self.clone(ApStarFile)


class StellarParameters(Infer, ApStarFile):
    def requires(self):
        return {"model": Train(**self.training), "spectrum": self.clone(ContinuumNormalize)}


if __name__ == "__main__":
    task = StellarParameters(
        release="dr16",
        apred="r12",
        apstar="stars",
        telescope="apo25m",
        field="000+14",
        prefix="ap",
        obj="2M16505794-2118004",
        use_remote=True,
        training={"training_set": "dr14-apogee-giants.npz", "label_names": ("TEFF", "LOGG", "FE_H"), "order": 2},
    )
    luigi.build([task], local_scheduler=True, detailed_summary=True)
    print(task.value().to_table()["TEFF", "TEFF_ERR", "LOGG", "LOGG_ERR", "FE_H", "FE_H_ERR"])

    # A hundred thousand stars are rows of one task, not a hundred thousand tasks.
    stars = StellarParameters.for_rows("observed_stars.parquet", training=task.training)
    luigi.build([stars], workers=2, local_scheduler=True)
    print(stars.value()["obj", "status", "TEFF", "TEFF_ERR"])
