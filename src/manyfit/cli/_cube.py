"""``manyfit cube``: from a spectral cube in a file to line maps with errors, figures and a report."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from manyfit.cli import _config, _values
from manyfit.cli._fit import _model, _progress, _scheduler

FILE = click.Path(path_type=Path)
FORMATS = ("ecsv", "parquet")
NOISE = ("auto", "mad", "difference", "std")
#: Options that change nothing in what is found.
SILENT = ("config", "overwrite", "quiet")


@click.command(
    short_help="Fit the lines of a cube: maps, errors, figures, a report.",
    epilog="""\b
Examples:
  manyfit cube co.fits -o co_lines --spectral-unit km/s
  manyfit cube l1448_13co.fits -o l1448 --unit K --components auto
  manyfit cube co.fits -o co_lines --noise-channels 0:20 --noise-channels '90:99 km/s'
  manyfit cube ha.fits -o ha --model 'Gaussian1D() + Gaussian1D()' --baseline 1 --no-mask
  manyfit cube large.fits -o large --store large.zarr --no-report
  manyfit cube --config cube.toml --overwrite
""",
)
@click.argument("file")
@click.option("-o", "--output", type=FILE, metavar="FOLDER", help="Folder to write to.  [default: FILE_lines]")
@click.option("--hdu", help="Extension of the FITS file. Default: the first image with data.")
@click.option("--stokes", metavar="NAME|NUMBER", help="Plane of polarisation, such as I, where there are several.")
@click.option("--unit", help="Unit of the data, in place of the file's.")
@click.option("--spectral-unit", metavar="UNIT", help="Unit for the spectral axis, such as km/s.")
@click.option("--convention", type=click.Choice(["radio", "optical", "relativistic"]), help="Of velocities.")
@click.option("--rest", metavar="QUANTITY", help="Rest frequency or wavelength, such as '110.2 GHz'.")
@click.option("--medium", type=click.Choice(["air", "vacuum"]), help="What wavelengths are in.")
@click.option("--bad", metavar="FILE", help="Image that is not zero where data are bad.")
@click.option("--uncertainty", metavar="FILE|NUMBER", help="Standard deviation of the data, such as '0.25 K'.")
@click.option("--gain", metavar="FILE", help="Response, such as a primary beam, to which noise is inverse.")
@click.option(
    "--noise-method",
    type=click.Choice(NOISE),
    default="auto",
    show_default=True,
    help="How to estimate it; auto: from differences of channels, as lines may fill the band.",
)
@click.option(
    "--noise-channels",
    multiple=True,
    metavar="LOW:HIGH",
    help="Channels without lines: their MAD.",
)
@click.option("--mask-low", type=float, default=3, show_default=True, help="S/N of voxels of a region.")
@click.option("--mask-high", type=float, default=6, show_default=True, help="S/N of its bright voxels.")
@click.option("--min-voxels", type=int, default=40, show_default=True, help="A region has more voxels.")
@click.option("--min-bright-voxels", type=int, default=5, show_default=True, help="It has more bright voxels.")
@click.option("--grow-channels", type=int, default=1, show_default=True, help="Growth along the spectral axis.")
@click.option("--grow-pixels", type=int, default=0, show_default=True, help="Growth on the sky.")
@click.option("--no-mask", is_flag=True, help="Fit all spectra, not only those with signal.")
@click.option(
    "--components",
    type=click.Choice(["1", "auto"]),
    default="1",
    show_default=True,
    help="Lines in a spectrum; auto: as many as it calls for.",
)
@click.option("--max-components", type=int, default=3, show_default=True, help="Most of them, for auto.")
@click.option(
    "--criterion",
    type=click.Choice(["aicc", "bic"]),
    default="aicc",
    show_default=True,
    help="What chooses their number.",
)
@click.option("-m", "--model", help="Model of astropy.modeling. Default: a Gaussian1D.")
@click.option("--fixed", multiple=True, metavar="NAME", help="Keep a parameter at its start value; repeatable.")
@click.option("--bounds", multiple=True, metavar="NAME=LOW:HIGH", help="Bounds of a parameter; repeatable.")
@click.option("--baseline", type=int, metavar="DEGREE", help="Add a polynomial to the model.")
@click.option("--no-coherence", is_flag=True, help="No refit of outliers from their neighbours.")
@click.option("--scheduler", help="threads (default), serial, processes, or the address of a dask scheduler.")
@click.option("--workers", type=int, help="Number of threads or processes; by default one for each core.")
@click.option(
    "--store",
    metavar="PATH|URL",
    help="Write results there block by block: the same command goes on where an earlier one was ended.",
)
@click.option("--table", type=click.Choice(FORMATS), help="Write a table of the fitted spectra as well.")
@click.option("--zarr", is_flag=True, help="Write the maps as zarr as well.")
@click.option("--no-report", is_flag=True, help="No figures and no report.")
@click.option("--config", type=FILE, is_eager=True, callback=_config.load, help="TOML file with these options.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
@click.pass_context
def cube(
    ctx: click.Context,
    file: str,
    output: Path | None,
    hdu: str | None,
    stokes: str | None,
    unit: str | None,
    spectral_unit: str | None,
    convention: str | None,
    rest: str | None,
    medium: str | None,
    bad: str | None,
    uncertainty: str | None,
    gain: str | None,
    noise_method: str,
    noise_channels: tuple[str, ...],
    mask_low: float,
    mask_high: float,
    min_voxels: int,
    min_bright_voxels: int,
    grow_channels: int,
    grow_pixels: int,
    no_mask: bool,
    components: str,
    max_components: int,
    criterion: str,
    model: str | None,
    fixed: tuple[str, ...],
    bounds: tuple[str, ...],
    baseline: int | None,
    no_coherence: bool,
    scheduler: str | None,
    workers: int | None,
    store: str | None,
    table: str | None,
    zarr: bool,
    no_report: bool,
    config: Path | None,  # noqa: ARG001  was read by its callback
    overwrite: bool,
    quiet: bool,
) -> None:
    """Fit the lines of FILE, a FITS file or zarr store with a spectral cube.

    Spectra with signal are found by two thresholds on the noise, their moments are the first guess, and each is
    fitted over the whole spectral axis. FOLDER gets fit.fits, moments.fits, mask.fits, figures and report.html.
    """
    from manyfit.cube._times import Times

    times = Times()
    with times.step("loading"):
        from manyfit.cli._cube_options import Fitting, Masking, Output, Reading
        from manyfit.cli._cube_run import run
    if components != "1" and (model or fixed or bounds):
        raise click.UsageError("--components auto fits Gaussians: leave out --model, --fixed and --bounds.")
    read = Reading(file, hdu, unit, spectral_unit, convention, rest, medium, bad, uncertainty, gain, stokes)
    mask = Masking(
        "mad" if noise_channels and noise_method == "auto" else noise_method,
        (mask_low, mask_high),
        min_voxels,
        min_bright_voxels,
        grow_channels,
        grow_pixels,
        noise_channels,
        no_mask,
    )
    output = output or _default_output(file)
    wanted = Output(output, not no_report, table, zarr, overwrite, _given(ctx))
    with _scheduler(scheduler) as chosen:
        fit = Fitting(
            None if components == "1" else max_components,
            criterion,
            _model(model, fixed) if model else None,
            _values.bounds(bounds),
            baseline,
            not no_coherence,
            chosen,
            workers,
            partial(_progress, quiet),
            store,
        )
        run(read, mask, fit, wanted, times, (lambda _: None) if quiet else click.echo)


def _default_output(file: str) -> Path:
    """``FILE_lines`` in the current folder."""
    name = Path(file.partition("[")[0]).name
    return Path(f"{name.removesuffix('.gz').rpartition('.')[0] or name}_lines")


def _given(ctx: click.Context) -> str:
    """The options that were given, as they would be in a TOML file."""
    kinds = (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)
    names = [p.name for p in ctx.command.params if p.name and ctx.get_parameter_source(p.name) in kinds]
    return "\n".join(f"{name} = {_toml(ctx.params[name])}" for name in names if name not in SILENT)


def _toml(value: Any) -> str:
    """A value as TOML writes it, which for texts, numbers and lists is as JSON does."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, default=str, ensure_ascii=False)
