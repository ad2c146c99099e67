"""Where the telescope points, and what it can see: orientation files, text and FITS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit._fits_headers import check_headers
from manyfit._foreign import foreign, quiet
from manyfit.errors import InputError
from manyfit.fitting._atomic import replacing

Vector = NDArray[np.float64]
COLUMNS = ("x_pointing", "z_pointing", "zenith", "altitude", "livetime")
EDGE = 1e-6  # s, how far a window may reach over the ends of the file


@dataclass(frozen=True, eq=False)
class Orientation:
    """Attitude and livetime of the telescope at the edges of intervals of time.

    Attributes
    ----------
    times
        Unix times, s, (row,), increasing. Interval i runs from row i to row i + 1.
    x_pointing, z_pointing
        Directions of the x and z axes of the telescope, galactic longitude and latitude in degrees, (row, 2).
    livetime
        Seconds of observation in each interval, (row - 1,).
    zenith
        Direction away from the centre of the Earth, longitude and latitude in degrees, (row, 2), or None.
    altitude
        Height over the Earth in km, (row,), or None.
    path
        The file, for messages.
    """

    times: Vector
    x_pointing: Vector
    z_pointing: Vector
    livetime: Vector
    zenith: Vector | None = None
    altitude: Vector | None = None
    path: str = "orientation"

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def read(cls, path: str | Path) -> Orientation:
        """Read an orientation file: `.ori` text, or FITS.

        Raises
        ------
        InputError
            The file is not an orientation file, or its times or livetimes make no sense.
        FileNotFoundError
            There is no such file.
        """
        path = Path(path)
        with path.open("rb") as file:
            is_fits = file.read(6) == b"SIMPLE"
        with quiet, foreign(path):
            return _read_fits(path) if is_fits else _read_text(path)

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write an `.ori` file, in which latitude comes first.

        Raises
        ------
        OutputExists
            The file exists and `overwrite` is not set.
        """
        rows = self.times.size
        zenith = np.zeros((rows, 2)) if self.zenith is None else self.zenith
        altitude = np.zeros(rows) if self.altitude is None else self.altitude
        live = np.append(self.livetime, 0.0)
        columns = (self.times, self.x_pointing[:, ::-1], self.z_pointing[:, ::-1], altitude, zenith[:, ::-1], live)
        lines = [" ".join(map(repr, row)) for row in np.column_stack(columns).tolist()]
        text = "\n".join(["Type OrientationsGalactic", *(f"OG {line}" for line in lines), "EN", ""])
        with replacing(Path(path), overwrite=overwrite) as file:
            file.write(text.encode())

    @property
    def time_range(self) -> tuple[float, float]:
        """First and last time."""
        return float(self.times[0]), float(self.times[-1])

    @property
    def attitudes(self) -> NDArray[np.float64]:
        """Rotation matrices (row, 3, 3); the columns are the x, y and z axes of the telescope in galactic axes.

        The two pointings of a file are perpendicular only as far as its digits go: the matrix is the rotation that is
        nearest to (x, z × x, z).
        """
        x, z = vectors(self.x_pointing), vectors(self.z_pointing)
        left, _, right = np.linalg.svd(np.stack([x, np.cross(z, x), z], axis=-1))
        return np.asarray(left @ right)

    def during(self, window: Any, stop: Any = None) -> Orientation:
        """The part in a window of time; intervals that it cuts keep the share of their livetime that is inside.

        Parameters
        ----------
        window
            Start and stop, a pair; or the start, if `stop` is given. Unix seconds, Quantity or astropy Time.
        stop
            The stop.

        Raises
        ------
        InputError
            The file does not cover the window.
        """
        start, end = interval(window, stop)
        low, high = self.time_range
        if start < low - EDGE or end > high + EDGE:
            raise InputError(
                f"{self.path!r} covers {low} to {high} s; the window is {start} to {end} s. Give an orientation file "
                "that covers the counts."
            )
        return _cut(self, max(start, low), min(end, high))

    def livetime_in(self, *windows: tuple[float, float]) -> float:
        """Seconds of livetime in windows of time."""
        return float(sum(self.during(window).livetime.sum() for window in windows))


def seconds(value: Any) -> float:
    """A time as unix seconds: of a number, a Quantity or an astropy Time."""
    if hasattr(value, "unix"):
        return float(value.unix)
    return float(value.to_value("s")) if hasattr(value, "unit") else float(value)


def interval(window: Any, stop: Any = None) -> tuple[float, float]:
    """Start and stop in unix seconds.

    Raises
    ------
    InputError
        It does not start before it stops.

    Examples
    --------
    >>> interval((0, 10)), interval(0, 10)
    ((0.0, 10.0), (0.0, 10.0))
    """
    first, last = window if stop is None else (window, stop)
    start, end = seconds(first), seconds(last)
    if not start < end:
        raise InputError(f"The window runs from {start} to {end} s. It must start before it stops.")
    return start, end


def vectors(lonlat: Vector) -> Vector:
    """Unit vectors (..., 3) of longitudes and latitudes in degrees (..., 2)."""
    lon, lat = np.radians(lonlat[..., 0]), np.radians(lonlat[..., 1])
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _cut(orientation: Orientation, start: float, end: float) -> Orientation:
    """Intervals that overlap [start, end], their livetime by share; the attitude of a cut interval stays its own."""
    times = orientation.times
    first = max(int(np.searchsorted(times, start, side="right")) - 1, 0)
    last = min(max(int(np.searchsorted(times, end, side="left")), first + 1), times.size - 1)
    rows = slice(first, last + 1)
    inside = np.clip(times[rows], start, end)
    share = np.diff(inside) / np.diff(times[rows])
    return replace(
        orientation,
        times=inside,
        x_pointing=orientation.x_pointing[rows],
        z_pointing=orientation.z_pointing[rows],
        livetime=orientation.livetime[first:last] * share,
        zenith=None if orientation.zenith is None else orientation.zenith[rows],
        altitude=None if orientation.altitude is None else orientation.altitude[rows],
    )


def _read_text(path: Path) -> Orientation:
    """Rows ``OG time lat_x lon_x lat_z lon_z [altitude lat_earth lon_earth [livetime]]``; the rest is left out."""
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = [line.split()[1:] for line in file if line.startswith("OG")]
    widths = {len(line) for line in lines}
    if len(lines) < 2 or len(widths) != 1 or not widths <= {5, 8, 9}:
        raise InputError(
            f"{str(path)!r} is not an orientation file: {len(lines)} rows 'OG ...' with {sorted(widths)} numbers. "
            "Two or more rows with time, x (lat lon), z (lat lon), and optionally altitude, Earth (lat lon), livetime "
            "are needed."
        )
    try:
        table = np.array(lines, dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{str(path)!r}: a row 'OG ...' holds something other than numbers: {error}.") from None
    return Orientation(
        times=table[:, 0],
        x_pointing=table[:, 2:0:-1],
        z_pointing=table[:, 4:2:-1],
        # the last row ends the last interval, whether the file ends with EN or not; its own livetime is not used
        livetime=table[:-1, 8] if table.shape[1] > 8 else np.diff(table[:, 0]),
        zenith=table[:, 7:5:-1] if table.shape[1] > 7 else None,
        altitude=table[:, 5] if table.shape[1] > 7 else None,
        path=str(path),
    )


def _read_fits(path: Path) -> Orientation:
    from astropy.io import fits

    check_headers(path, path)
    with fits.open(path) as hdus:
        table = hdus[1].data if len(hdus) > 1 else None
        names = () if table is None else tuple(table.names)
        needed = ("TimeStamp", "XPointings", "ZPointings", "LiveTime")
        if table is None or (missing := [name for name in needed if name not in names]):
            raise InputError(
                f"{str(path)!r} is not an orientation file: its first table has columns {list(names)}; "
                f"{missing if table is not None else list(needed)} are missing."
            )
        column = {name: np.array(table[name], dtype=np.float64) for name in names if table[name].dtype.kind in "fi"}
    return Orientation(
        times=column["TimeStamp"],
        x_pointing=column["XPointings"],
        z_pointing=column["ZPointings"],
        livetime=column["LiveTime"][:-1],
        zenith=column.get("EarthZenith"),
        altitude=column.get("Altitude"),
        path=str(path),
    )


def _check(orientation: Orientation) -> None:
    where, times = orientation.path, orientation.times
    if times.ndim != 1 or times.size < 2 or not (np.diff(times) > 0).all():
        bad = int(np.argmin(np.diff(times) > 0)) if times.size > 1 else 0
        raise InputError(f"{where!r}: times must increase; they do not after row {bad}.")
    for name in COLUMNS:
        values = getattr(orientation, name)
        rows = times.size - (name == "livetime")
        if values is None:
            continue
        if values.shape[0] != rows or not np.isfinite(values).all():
            raise InputError(f"{where!r}: {name} has shape {values.shape} or is not finite; {rows} rows are needed.")
    if (orientation.livetime < 0).any():
        bad = int(np.argmax(orientation.livetime < 0))
        raise InputError(f"{where!r}: livetime of row {bad} is {orientation.livetime[bad]} s. It cannot be negative.")
