"""``manyfit fit``: fit a model to every spectrum of a cube in a file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from manyfit.cli import _config, _values

if TYPE_CHECKING:
    from astropy.modeling import Model

FILE = click.Path(path_type=Path)


@click.command(
    short_help="Fit a model to every spectrum of a cube.",
    epilog="""\b
Examples:
  manyfit fit cube.fits --model 'Gaussian1D(amplitude=1, mean=4 km/s, stddev=0.5 km/s)'
  manyfit fit cube.fits --model 'Gaussian1D(1, 20, 3) + Const1D(0)' --bounds 'mean_0=10:30'
  manyfit fit --config fit.toml --figure maps.png --overwrite
  manyfit fit survey.fits --model 'Gaussian1D(1, 20, 3)' --store survey.zarr
  manyfit fit /data/survey.fits -m 'Gaussian1D(1, 20, 3)' --store /data/survey.zarr --scheduler tcp://node1:8786
""",
)
@click.argument("cube")
@click.option("-m", "--model", required=True, help="Model of astropy.modeling with start values.")
@click.option("--fitting-axes", default="0", show_default=True, help="Axes along which the model is fitted.")
@click.option("--bounds", multiple=True, metavar="NAME=LOW:HIGH", help="Bounds of a parameter; repeatable.")
@click.option("--fixed", multiple=True, metavar="NAME", help="Keep a parameter at its start value; repeatable.")
@click.option("--mask", metavar="FILE", help="Image that is not zero where data are bad.")
@click.option("--uncertainty", metavar="FILE|NUMBER", help="Standard deviation of the data, such as '0.25 K'.")
@click.option("--data-unit", metavar="UNIT", help="Unit of the data, where the file has none.")
@click.option("--statistic", type=click.Choice(["chi2", "cash"]), default="chi2", show_default=True)
@click.option("--precision", type=click.Choice(["float64", "mixed"]), default="float64", show_default=True)
@click.option(
    "--scheduler", metavar="WHERE", help="threads (default), serial, processes, dask, or address of a dask scheduler."
)
@click.option(
    "--workers", type=int, help="Number of threads or processes, by default one for each core; workers to wait for."
)
@click.option("--memory", metavar="SIZE", help="Memory for data in work, such as '500 MB'.")
@click.option("--config", type=FILE, is_eager=True, callback=_config.load, help="TOML file with these options.")
@click.option("-o", "--output", type=FILE, help="FITS file to write.  [default: CUBE_fit.fits]")
@click.option("--store", metavar="PLACE", help="Folder or URL for a zarr store, in place of --output; can be resumed.")
@click.option("--keep", metavar="NAMES", help="What the store keeps besides: model, residual or model,residual.")
@click.option("--figure", type=FILE, help="Picture of all maps to write, such as maps.png.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def fit(
    cube: str,
    model: str,
    fitting_axes: str,
    bounds: tuple[str, ...],
    fixed: tuple[str, ...],
    mask: str | None,
    uncertainty: str | None,
    data_unit: str | None,
    statistic: str,
    precision: str,
    scheduler: str | None,
    workers: int | None,
    memory: str | None,
    config: Path | None,  # noqa: ARG001  was read by its callback
    output: Path | None,
    store: str | None,
    keep: str | None,
    figure: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Fit a model to every spectrum of CUBE, a FITS file or zarr store.

    CUBE.fits[NAME] is one of several images of a file. Maps of all parameters with errors and status are
    written to a FITS file. With --store they are written block by block: a command that was ended goes on
    where it was when it is given again, and 'manyfit info PLACE' says how far it is.
    """
    from manyfit import fit as fit_model
    from manyfit.cli._output import check, write_figure

    if output is None and store is None:
        output = _default_output(cube)
    check(output, figure, overwrite=overwrite)
    with _scheduler(scheduler, workers, quiet=quiet) as chosen, _progress(quiet) as progress:
        result = fit_model(
            _model(model, fixed),
            cube,
            fitting_axes=_values.axes(fitting_axes),
            bounds=_values.bounds(bounds),
            mask=mask,
            uncertainty=None if uncertainty is None else _values.uncertainty(uncertainty),
            data_unit=data_unit,
            statistic=statistic,
            precision=precision,
            scheduler=chosen,
            workers=workers,
            memory=None if memory is None else _values.memory(memory),
            progress=progress,
            store=store,
            keep=() if keep is None else [name.strip() for name in keep.split(",")],
        )
    if output is not None:
        result.to_fits(output, overwrite=overwrite)
    if figure is not None:
        write_figure(result.compute(), figure, overwrite=overwrite)
    if not quiet:
        click.echo(result.summary())
        click.echo(f"\nWrote {' and '.join(str(path) for path in (store, output, figure) if path)}.")


def _default_output(cube: str) -> Path:
    """``CUBE_fit.fits`` in the current folder."""
    name = Path(cube.partition("[")[0]).name
    for packed in (".gz", ".bz2", ".xz", ".fz"):
        name = name.removesuffix(packed)
    return Path(f"{name.rpartition('.')[0] or name}_fit.fits")


def _model(text: str, fixed: tuple[str, ...]) -> Model:
    from manyfit.errors import unknown_name
    from manyfit.models import parse

    model = parse(text)
    for name in fixed:
        if name not in model.param_names:
            raise unknown_name("Parameter in --fixed", name, model.param_names)
        getattr(model, name).fixed = True
    return model


@contextmanager
def _progress(quiet: bool) -> Generator[Any]:
    from manyfit.blocks import progress_for, rich_progress

    with progress_for(None) if quiet else rich_progress("Fitting", "spectra") as progress:
        yield progress


@contextmanager
def _scheduler(scheduler: str | None, workers: int | None = None, *, quiet: bool = True) -> Generator[Any]:
    """The name of a scheduler, or a client of the one at an address, or of new workers on this machine."""
    if scheduler is None or ("://" not in scheduler and scheduler != "dask"):
        yield scheduler
        return
    from manyfit.blocks._cluster import client_at, local_client

    with local_client(workers) if scheduler == "dask" else client_at(scheduler, workers) as client:
        if not quiet:
            click.echo(f"Dashboard: {client.dashboard_link}", err=True)
        yield client
