"""A FITS cube on a server that takes 30 ms to answer each request, beside the same file on the disk.

Run with ``python -m benchmarks.remote [MB] [MILLISECONDS]``. The server is in a process of its own and knows ranges.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.modeling.models import Gaussian1D

import manyfit
from benchmarks.timing import Row, best_of, show
from manyfit.fitting._remote import RemoteFile

CHANNELS, WIDTH = 128, 512


class Ranges(BaseHTTPRequestHandler):
    """One file, in ranges, after a delay."""

    protocol_version = "HTTP/1.1"
    file: Path
    delay: float

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        time.sleep(self.delay)
        size = self.file.stat().st_size
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        begin, end = (int(asked[1]), min(int(asked[2] or size - 1), size - 1)) if asked else (0, size - 1)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{end}/{size}")
        self.send_header("Content-Length", str(end - begin + 1))
        self.end_headers()
        if body:
            with self.file.open("rb") as file:
                file.seek(begin)
                self.wfile.write(file.read(end - begin + 1))

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """One thread for each connection, of which many may come at once."""

    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that has seen enough hangs up."""


def serve(file: str, milliseconds: str) -> None:
    """Serve a file until the process is ended; the port is printed."""
    Ranges.file, Ranges.delay = Path(file), float(milliseconds) / 1000
    server = Server(("127.0.0.1", 0), Ranges)
    print(server.server_port, flush=True)
    server.serve_forever()


def write_cube(path: Path, megabytes: float) -> None:
    """A cube of lines with S/N 10."""
    rng = np.random.default_rng(0)
    rows = max(8, int(megabytes * 1e6 / (4 * CHANNELS * WIDTH)))
    x, mean = np.arange(CHANNELS)[:, None, None], rng.uniform(50, 78, (rows, WIDTH))
    values = np.exp(-0.5 * ((x - mean) / 8) ** 2) + rng.normal(0, 0.1, (CHANNELS, rows, WIDTH))
    fits.PrimaryHDU(values.astype(">f4")).writeto(path)


def main(megabytes: float = 256.0, milliseconds: float = 30.0) -> None:
    model, count = Gaussian1D(0.8, 64, 7), []
    real = RemoteFile._fetch
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cube.fits"
        write_cube(path, megabytes)
        command = [sys.executable, "-m", "benchmarks.remote", "serve", str(path), str(milliseconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/cube.fits"
            here = best_of(lambda: manyfit.fit(model, path), 3)
            there = best_of(lambda: manyfit.fit(model, url), 3)
            RemoteFile._fetch = lambda self, spans: count.extend(spans) or real(self, spans)  # type: ignore[method-assign]
            manyfit.fit(model, url)
            cached = best_of(lambda: manyfit.fit(model, f"simplecache::{url}"), 1)
            server.terminate()
    slow = len(count) * milliseconds / 1000 + here
    what = f"{megabytes:.0f} MB, {milliseconds:.0f} ms a request, {len(count)} requests"
    rows = [
        Row(f"time against a local file: {what}", f"{there / here:.2f} ({there:.2f} s)", "<= 2", there <= 2 * here),
        Row("the same, copied first (simplecache::)", f"{cached / here:.2f} ({cached:.2f} s)", "", reached=True),
        Row("against one request after the other", f"{slow / there:.0f} times faster", ">= 10", slow >= 10 * there),
    ]
    show(rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        main(*map(float, sys.argv[1:]))
