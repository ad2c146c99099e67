"""``manyfit demo``: simulate a cube, fit it, write maps and a figure; no file and no network are needed."""

from __future__ import annotations

from pathlib import Path

import click

MODEL = "Gaussian1D(amplitude=1 K, mean=4.5 km/s, stddev=0.4 km/s)"


@click.command(short_help="Simulate a cube, fit it, write maps and a figure.")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("manyfit-demo"),
    show_default=True,
    help="Folder to write to.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
def demo(folder: Path, overwrite: bool) -> None:
    """Simulate a 13CO cube, fit a Gaussian to every spectrum, write maps and a figure."""
    from manyfit import datasets, models
    from manyfit import fit as fit_model
    from manyfit.blocks import rich_progress
    from manyfit.cli._output import check, write_figure

    cube_file, maps, picture = folder / "cube.fits", folder / "maps.fits", folder / "maps.png"
    folder.mkdir(parents=True, exist_ok=True)
    check(cube_file, maps, picture, overwrite=overwrite)

    cube = datasets.simulate_cube()
    cube.write(cube_file, overwrite=overwrite)
    no_signal = cube.data.max(axis=0) < 5 * cube.noise
    with rich_progress("Fitting", "spectra") as progress:
        result = fit_model(
            models.parse(MODEL),
            cube.data,
            world=cube.wcs,
            uncertainty=cube.noise,
            mask=no_signal,
            progress=progress,
        )
    click.echo(result.summary())
    result.to_fits(maps, overwrite=overwrite)
    write_figure(result, picture, overwrite=overwrite)
    click.echo(f"\nWrote {cube_file}, {maps} and {picture}.")
    click.echo(f"The same by hand: manyfit fit {cube_file} --model '{MODEL}' --uncertainty '0.25 K'")
