"""``manyfit cannon``: train a model of The Cannon, label stars with it, and calibrate its errors."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from manyfit.cli import _config
from manyfit.errors import InputError

if TYPE_CHECKING:
    from manyfit.cannon import CannonModel, TrainingSet, Validation

FILE = click.Path(path_type=Path)
SCATTER = ("ml", "median", "mean")
TABLE_HELP = "Table to write: .parquet, .fits or .ecsv."
config = click.option("--config", type=FILE, is_eager=True, callback=_config.load, help="TOML file with these options.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
workers_option = click.option("--workers", type=click.IntRange(min=1), help="Number of threads.  [default: all cores]")
folds_option = click.option(
    "--folds", type=click.IntRange(min=0), default=5, show_default=True, help="Parts of the cross-validation."
)
report_option = click.option("--report", type=FILE, help="Write a report, one HTML page with all figures.")


@click.group(invoke_without_command=True, short_help="Labels of stars with errors, by The Cannon.")
@click.option("--demo", "is_demo", is_flag=True, help="The same as the command demo.")
@click.pass_context
def cannon(ctx: click.Context, is_demo: bool) -> None:
    """Labels of stars from their spectra: train a model on stars with known labels, then label others."""
    if is_demo and ctx.invoked_subcommand is None:
        ctx.invoke(demo)
    elif ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cannon.command(short_help="Train a model, with calibrated errors.")
@click.argument("stars", type=FILE)
@click.option("-o", "--output", type=FILE, default=Path("model.npz"), show_default=True, help=".npz or .fits.")
@click.option("--label", "labels", multiple=True, metavar="NAME", help="A label to train; repeatable.  [default: all]")
@click.option("--order", type=click.IntRange(1, 3), default=2, show_default=True, help="Of the polynomial.")
@click.option("--term", "terms", multiple=True, metavar="TERM", help="A term in place of --order: 'TEFF^2*LOGG'.")
@click.option("--regularization", type=float, default=0.0, show_default=True, help="Strength of the L1 penalty.")
@click.option("--scatter", type=click.Choice(SCATTER), default="ml", show_default=True, help="How to estimate it.")
@click.option("--hidden", default=None, metavar="auto|NUMBER", help="Hidden labels.  [default: auto with ml, else 0]")
@folds_option
@report_option
@workers_option
@config
@overwrite_option
@quiet_option
def train(
    stars: Path,
    output: Path,
    labels: tuple[str, ...],
    order: int,
    terms: tuple[str, ...],
    regularization: float,
    scatter: str,
    hidden: str | None,
    folds: int,
    report: Path | None,
    workers: int | None,
    config: Path | None,  # noqa: ARG001  was read by its callback
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train a model on STARS: npz, FITS, Parquet, or a pickled dictionary (of which nothing is executed).

    A cross-validation calibrates the errors; with --folds 0 there is none, and errors are far too small.
    """
    from manyfit import cannon as library
    from manyfit.cli._output import check

    check(output, report, overwrite=overwrite)
    training_set = library.TrainingSet.read(stars, labels=labels or None)
    fit = partial(
        library.train,
        order=order,
        terms=terms or None,
        regularization=regularization,
        scatter=scatter,
        hidden=_hidden(hidden),
        workers=workers,
    )
    with _progress(quiet, "Training", "pixels") as progress:
        model = fit(training_set, progress=progress)
    validation = None
    if folds:
        with _progress(quiet, "Validating", "stars") as progress:
            validation = library.validate(
                training_set, partial(fit, hidden=model.n_hidden), n_folds=folds, workers=workers, progress=progress
            )
        model = model.calibrated(validation)
    _finish(model, output, training_set, validation, report, overwrite=overwrite, quiet=quiet)


@cannon.command(short_help="Cross-validate a model and calibrate its errors.")
@click.argument("model", type=FILE)
@click.argument("stars", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, help="Model with calibrated errors, .npz or .fits.")
@click.option("--table", type=FILE, help="Known and inferred labels of each star: .ecsv, .fits or .parquet.")
@folds_option
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random parts.")
@report_option
@workers_option
@config
@overwrite_option
@quiet_option
def validate(
    model: Path,
    stars: Path,
    output: Path,
    table: Path | None,
    folds: int,
    seed: int,
    report: Path | None,
    workers: int | None,
    config: Path | None,  # noqa: ARG001  was read by its callback
    overwrite: bool,
    quiet: bool,
) -> None:
    """Label each part of STARS, those that MODEL was trained on, by a model trained on the others.

    What comes out says how wrong the formal errors are; OUTPUT is the model with calibrated ones.
    """
    from manyfit import cannon as library
    from manyfit.cannon._label_writer import check_table, writing
    from manyfit.cli._output import check

    check(output, report, overwrite=overwrite)
    if table is not None:
        check_table(table, overwrite=overwrite)
    loaded = library.CannonModel.load(model)
    training_set = library.TrainingSet.read(stars, labels=loaded.label_names)
    with _progress(quiet, "Validating", "stars") as progress:
        validation = loaded.validate(training_set, n_folds=folds, seed=seed, workers=workers, progress=progress)
    calibrated = loaded.calibrated(validation)
    if table is not None:
        with writing(table, {"model": str(model), "stars": str(stars)}, overwrite=overwrite) as writer:
            writer.write(validation.to_table())
    _finish(calibrated, output, training_set, validation, report, overwrite=overwrite, quiet=quiet)


@cannon.command(short_help="Label stars.")
@click.argument("model", type=FILE)
@click.argument("spectra", type=FILE, nargs=-1, required=True)
@click.option("-o", "--output", type=FILE, help=f"{TABLE_HELP}  [default: labels.parquet, or none with --store]")
@click.option("--store", metavar="PLACE", help="Folder or URL for a zarr store, from which the command can be resumed.")
@click.option("--survey", is_flag=True, help="SPECTRA are files of a survey, to be brought to rest and normalised.")
@click.option("--continuum-regions", type=FILE, help="List of continuum wavelengths, for --survey.")
@click.option("--velocity", type=float, help="Of the star in km/s, for --survey.  [default: that of the file]")
@click.option("--starts", type=click.IntRange(min=1), default=4, show_default=True, help="Starts of each fit.")
@click.option("--radial-velocity", is_flag=True, help="Fit a velocity to each star as well.")
@click.option("--broadening", is_flag=True, help="Fit a broadening of the lines as well.")
@click.option("--continuum", type=click.IntRange(min=0), help="Fit a polynomial of this order to each chip as well.")
@click.option("--scheduler", help="threads (default), serial, or with --store processes or a dask scheduler's address.")
@workers_option
@config
@overwrite_option
@quiet_option
def infer(
    model: Path,
    spectra: tuple[Path, ...],
    output: Path | None,
    store: str | None,
    survey: bool,
    continuum_regions: Path | None,
    velocity: float | None,
    starts: int,
    radial_velocity: bool,
    broadening: bool,
    continuum: int | None,
    scheduler: str | None,
    workers: int | None,
    config: Path | None,  # noqa: ARG001  was read by its callback
    overwrite: bool,
    quiet: bool,
) -> None:
    """Label the stars of SPECTRA by MODEL: one npz, FITS or HDF5 file of normalised spectra, or survey files.

    Spectra are read, and labels written, in parts: there may be more than fit into memory. With --store a command that
    was ended goes on where it was when it is given again, and 'manyfit info PLACE' says how far it is.
    """
    from manyfit import cannon as library
    from manyfit.cli._fit import _scheduler

    if not survey and (len(spectra) > 1 or continuum_regions or velocity is not None):
        raise click.UsageError("Several files, --continuum-regions and --velocity are for --survey.")
    output = Path("labels.parquet") if output is None and store is None else output
    loaded = library.CannonModel.load(model)
    fitted = radial_velocity or broadening or continuum is not None
    nuisance = library.Nuisance(radial_velocity, broadening, continuum) if fitted else None
    with _scheduler(scheduler) as chosen, _progress(quiet, "Labelling", "files" if survey else "stars") as progress:
        options = library.InferOptions(n_starts=starts, nuisance=nuisance, scheduler=chosen, workers=workers)
        where: dict[str, Any] = {"options": options, "progress": progress, "overwrite": overwrite, "store": store}
        if survey:
            prepare = library.survey_spectra(loaded, continuum_regions=_regions(continuum_regions), velocity=velocity)
            summary = library.infer_files(loaded, spectra, output, prepare=prepare, **where)
        else:
            summary = library.infer_file(loaded, spectra[0], output, **where)
    if not quiet:
        click.echo(f"{summary}\n\nWrote {' and '.join(str(path) for path in (store, output) if path)}.")


@cannon.command(short_help="Simulate stars, train, validate and label them; no file is needed.")
@click.option("-o", "--output", "folder", type=FILE, default=Path("cannon-demo"), show_default=True, help="Folder.")
@overwrite_option
@quiet_option
def demo(folder: Path, overwrite: bool, quiet: bool) -> None:
    """Simulate giants, train a model on them, calibrate its errors, label others, and write a report."""
    import numpy as np

    from manyfit import cannon as library
    from manyfit.cli._output import check

    known, others, model_file = folder / "known.npz", folder / "others.npz", folder / "model.npz"
    labels, report = folder / "labels.fits", folder / "report.html"
    check(*(p for p in (known, others, model_file, labels, report) if folder.exists()), overwrite=overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    training_set, unknown = library.simulate_stars(600, seed=1), library.simulate_stars(400, seed=2)
    training_set.write(known, overwrite=overwrite)
    unknown.write(others, overwrite=overwrite)
    with _progress(quiet, "Training", "pixels") as progress:
        model = library.train(training_set, hidden=1, progress=progress)
    with _progress(quiet, "Validating", "stars") as progress:
        validation = model.validate(training_set, progress=progress)
    model = model.calibrated(validation)
    summary = library.infer_file(model, others, labels, overwrite=overwrite)
    _finish(model, model_file, training_set, validation, report, overwrite=overwrite, quiet=quiet)
    table = model.infer(unknown.flux, unknown.ivar)
    if not quiet:
        click.echo(f"\n{summary}\nTheir labels against the truth:")
        for k, name in enumerate(table.label_names):
            difference = table[name] - unknown.labels[:, k]
            width = float(np.std(difference / table.error(name)))
            click.echo(f"  {name:<5} scatter {np.std(difference):.3g}, in units of the errors {width:.2f}")
        click.echo(f"\nWrote {folder}: {', '.join(sorted(p.name for p in folder.iterdir()))}.")
        click.echo(f"The same by hand: manyfit cannon train {known} --hidden 1 -o {model_file}")


def _finish(
    model: CannonModel,
    output: Path,
    training_set: TrainingSet,
    validation: Validation | None,
    report: Path | None,
    *,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Write a model and its report, and say what came out."""
    from manyfit import cannon as library

    model.save(output, overwrite=overwrite)
    if report is not None:
        library.write_report(
            model, report, validation=validation, training_set=training_set, title=output.stem, overwrite=overwrite
        )
    if not quiet:
        click.echo(f"{model.training.n_stars:,} stars, {int(model.usable.sum()):,} pixels, {len(model.powers)} terms")
        if validation is not None:
            click.echo(_summary(validation))
        click.echo(f"Wrote {' and '.join(str(path) for path in (output, report) if path)}.")


def _summary(validation: Validation) -> str:
    table = validation.summary()
    for name in table.colnames[2:]:
        if table[name].dtype.kind == "f":
            table[name].info.format = ".3g"
    return "\n".join(table.pformat(max_width=-1, max_lines=-1))


def _hidden(text: str | None) -> int | str | None:
    if text is None or text == "auto":
        return text
    if not text.isdigit():
        raise InputError(f"--hidden is {text!r}; give auto or a number.")
    return int(text)


def _regions(path: Path | None) -> Any:
    from manyfit.spectra import read_regions

    return None if path is None else read_regions(path)


@contextmanager
def _progress(quiet: bool, what: str, unit: str) -> Generator[Callable[[int, int], None] | None]:
    from manyfit.blocks import progress_for, rich_progress

    with progress_for(None) if quiet else rich_progress(what, unit) as progress:
        yield progress
