"""A survey on a server of this machine, for the tests of ready tasks."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from tests.pipeline import survey


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """Folder with the tree of the survey, one star in it, and the training set of the tutorial."""
    folder = tmp_path_factory.mktemp("archive")
    survey.write_star(folder / "sas", survey.FIRST, [4700.0, 2.1, -0.3])
    survey.write_training_set(folder / "dr14-apogee-giant-training-set.pkl")
    stars = survey.training_set()
    np.savez(folder / "dr14-apogee-giants.npz", **(stars | {"labels": stars["labels"].T}))
    return folder


@pytest.fixture
def server(archive):
    """Address of a server of the tree."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(archive))) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/sas"
        http.shutdown()
        thread.join()
