"""``manyfit tsmap``: from binned counts to a map of the likelihood of a source, with sky-map files and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from manyfit.cli import _config

FILE = click.Path(path_type=Path)
NEEDED = ("counts", "response", "spectrum")


@click.command(
    short_help="Map the likelihood of a source at every position of the sky.",
    epilog="""\b
Examples:
  manyfit tsmap --demo -o demo
  manyfit tsmap --counts burst.hdf5 --background bkg.hdf5 --response response.h5 --orientation 3_months.ori
      --spectrum 'PowerLaw(index=-2.2, pivot=100 keV, norm=10 / (cm2 s keV))' --nside 16 -o burst
  manyfit tsmap --config burst.toml --refine 128 --overwrite
  manyfit tsmap --config burst.toml --nside 512 --store burst.zarr
""",
)
@click.option("--counts", type=FILE, help="Binned counts: a histogram in HDF5.")
@click.option(
    "--background", type=FILE, help="Background model, or counts of a longer time; scaled to the counts' time."
)
@click.option("--response", type=FILE, help="Response of the detector, or of point sources in the galactic frame.")
@click.option("--orientation", type=FILE, help="Attitude and livetime: .ori or FITS. For a response of the detector.")
@click.option("--spectrum", help="PowerLaw, CutoffPowerLaw, Band or a model of astropy, with units.")
@click.option("--demo", is_flag=True, help="Simulate these files first; none is needed.")
@click.option("-o", "--output", type=FILE, metavar="FOLDER", help="Folder to write to.  [default: COUNTS_tsmap]")
@click.option("--during", metavar="START:STOP", help="Use counts of this window, unix seconds.")
@click.option("--off-source", is_flag=True, help="Background: the counts outside of the window.")
@click.option("--livetime", is_flag=True, help="Scale the background by livetimes, not by durations.")
@click.option("--nside", type=int, default=16, show_default=True, help="Resolution of the map, a power of two.")
@click.option("--order", type=click.Choice(["nested", "ring"]), default="nested", show_default=True)
@click.option("--frame", type=click.Choice(["galactic", "icrs"]), default="galactic", show_default=True)
@click.option("--region", metavar="LON,LAT,RADIUS", help="Only this part of the sky, deg, in the frame of the map.")
@click.option("--refine", type=int, metavar="NSIDE", help="Divide pixels around the peak down to this size.")
@click.option("--energy-channels", metavar="LOW:HIGH", help="Measured energies: first channel, and one after the last.")
@click.option("--summed", is_flag=True, help="Sum channels before the fit, as cosipy does.")
@click.option("--signed", is_flag=True, help="Norms may be negative.")
@click.option("--free-background", is_flag=True, help="Fit a factor on the background with each norm.")
@click.option(
    "--zero-background",
    default="floor",
    show_default=True,
    metavar="floor|drop|exact|NUMBER",
    help="What to do with counts where the background is zero.",
)
@click.option("--spectral-index", type=float, multiple=True, help="An index to try at each position; repeatable.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of upper limits.")
@click.option("--occultation", is_flag=True, help="The Earth hides positions.")
@click.option("--no-index", is_flag=True, help="Read the whole response, not its index.")
@click.option("--containment", type=float, default=0.9, show_default=True, help="Of the region that is outlined.")
@click.option("--true-position", metavar="LON,LAT", help="A position to mark, deg, in the frame of the map.")
@click.option("--scheduler", help="threads (default), serial, processes, or the address of a dask scheduler.")
@click.option("--workers", type=int, help="Number of threads or processes; by default one for each core.")
@click.option("--store", metavar="PLACE", help="Folder or URL for a zarr store, from which the command can be resumed.")
@click.option("--no-report", is_flag=True, help="No figures and no report.")
@click.option("--config", type=FILE, is_eager=True, callback=_config.load, help="TOML file with these options.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
@click.pass_context
def tsmap(ctx: click.Context, /, **options: Any) -> None:
    """Fit a source of known spectrum at every position of the sky.

    FOLDER gets skymap.fits (HEALPix), skymap.multiorder.fits (UNIQ, PROBDENSITY), peaks.ecsv, figures and report.html.
    With --store, a command that was ended goes on where it was when it is given again.
    """
    from manyfit.cube._times import Times

    times = Times()
    with times.step("loading"):
        from manyfit.cli._cube import _given
        from manyfit.cli._tsmap_run import run
    _check(options)
    say = (lambda _: None) if options["quiet"] else click.echo
    run(options, _given(ctx), times, say)


def _check(options: dict[str, Any]) -> None:
    """Say what is missing, or does not go together."""
    files = ("counts", "background", "response", "orientation")
    if options["demo"]:
        if given := [name for name in (*files, "spectrum", "during") if options[name] is not None]:
            raise click.UsageError(f"--demo simulates its files: leave out {_named(given)}.")
        return
    if missing := [name for name in NEEDED if options[name] is None]:
        raise click.UsageError(f"Missing {_named(missing)}. Try it without any file: manyfit tsmap --demo -o demo")
    if options["off_source"] and (options["background"] is not None or options["during"] is None):
        raise click.UsageError(
            "--off-source takes the background from outside of --during: give that, and no --background."
        )
    if not options["off_source"] and options["background"] is None:
        raise click.UsageError("Missing --background, or --off-source with --during.")


def _named(names: list[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)
