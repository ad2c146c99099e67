"""Downloads from a server on this machine that misbehaves in every way."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from manyfit.errors import InputError
from manyfit.spectra import fetch, read, survey_file
from tests.spectra import files

STAR = survey_file("apStar", release="dr17", apred="dr17", telescope="apo25m", field="F", obj="2M1")


class Server(ThreadingHTTPServer):
    """A tree of files like that of the survey; `faults` says what goes wrong with the next answers."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.tree, self.faults, self.log, self.ranges, self.tag = {}, [], [], True, '"one"'

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/sas"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.log.append(self.headers.get("Range"))
        fault = server.faults.pop(0) if server.faults else None
        content = server.tree.get(self.path)
        if content is None or isinstance(fault, int):
            self.send_error(fault or 404)
            return
        start = 0
        asked = self.headers.get("Range")
        if asked and server.ranges and self.headers.get("If-Range") == server.tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if server.tag:
            self.send_header("ETag", server.tag)
        self.end_headers()
        end = start + (len(content) - start) // 2 if fault == "cut" else len(content)
        self.wfile.write(content[start:end])
        if fault == "change":
            server.tree[self.path], server.tag = content[::-1], '"two"'
        if fault == "cut" or fault == "change":
            self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("manyfit.spectra._download.time.sleep", lambda _: None)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def content(server, tmp_path):
    data = files.saved(files.apstar(2), tmp_path / "made.fits").read_bytes()
    server.tree[f"/sas/dr17/{STAR.path}"] = data
    return data


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "sas"


def left_behind(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_missing_file_is_downloaded_once(server, content, folder):
    sha256 = hashlib.sha256(content).hexdigest()
    for _ in range(2):
        path = STAR.fetch(folder, server=server.address, size=len(content), checksum=f"sha256:{sha256}")
        assert path == STAR.local(folder)
    assert server.log == [None]
    assert len(read(path).visits) == 2


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
def test_checksums(server, content, folder, algorithm):
    checksum = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest().upper()}"
    assert STAR.fetch(folder, server=server.address, checksum=checksum).read_bytes() == content


def test_a_connection_that_ends_early_is_resumed(server, content, folder):
    server.faults = ["cut", "cut"]
    assert STAR.fetch(folder, server=server.address).read_bytes() == content
    half = len(content) // 2
    assert server.log == [None, f"bytes={half}-", f"bytes={half + (len(content) - half) // 2}-"]


@pytest.mark.parametrize("tag", [None, '"one"'])
def test_a_server_that_does_not_resume_sends_all(server, content, folder, tag):
    server.faults, server.ranges, server.tag = ["cut"], False, tag
    assert STAR.fetch(folder, server=server.address).read_bytes() == content
    assert server.log == [None, f"bytes={len(content) // 2}-" if tag else None]


def test_a_file_that_changes_meanwhile_is_not_mixed(server, content, folder):
    server.faults = ["cut"]
    url = STAR.url(server.address)
    original = Handler.do_GET

    def change(handler):
        original(handler)
        if len(server.log) == 1:
            server.tree[f"/sas/dr17/{STAR.path}"], server.tag = content[::-1], '"two"'

    Handler.do_GET = change
    try:
        assert fetch(url, folder / "x.fits").read_bytes() == content[::-1]
    finally:
        Handler.do_GET = original


@pytest.mark.parametrize("faults", [[503], [500, "cut", 429]])
def test_a_busy_server_is_asked_again(server, content, folder, faults):
    server.faults = faults
    assert STAR.fetch(folder, server=server.address).read_bytes() == content


@pytest.mark.parametrize(
    ("faults", "more", "error", "match"),
    [
        (["cut"] * 4, {}, OSError, "could not be downloaded: IncompleteRead"),
        ([503] * 4, {}, OSError, "the server answered 503"),
        (["cut"], {"retries": 0}, OSError, "could not be downloaded"),
        ([404], {}, FileNotFoundError, r"has no file http.*\(404\)"),
        ([403], {}, OSError, "answered 403"),
        ([], {"size": 10}, OSError, "bytes and should have 10"),
        ([], {"checksum": "sha256:00"}, OSError, "has the sha256 sum"),
        ([], {"checksum": "crc:00"}, InputError, "The checksum 'crc:00' is not accepted"),
        ([], {"server": "ftp://x"}, InputError, "Give one that starts with https"),
        ([], {"server": "file:///etc"}, InputError, "Give one that starts with https"),
    ],
)
def test_what_fails_leaves_nothing(server, content, folder, faults, more, error, match):
    server.faults = list(faults)
    with pytest.raises(error, match=match):
        STAR.fetch(folder, **({"server": server.address} | more))
    assert left_behind(folder) == []


def test_no_server(folder):
    with pytest.raises(OSError, match="cannot be reached"):
        STAR.fetch(folder, server="http://127.0.0.1:9", retries=0)
    assert left_behind(folder) == []


def test_a_file_that_is_there_is_verified(server, content, folder):
    path = STAR.local(folder)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    with pytest.raises(OSError, match="has 4 bytes and should have"):
        STAR.fetch(folder, server=server.address, size=len(content))
    assert path.read_bytes() == b"half"
    assert server.log == []


def test_nothing_is_downloaded_by_looking(server, content, folder):
    assert not STAR.local(folder).exists()
    assert STAR.url(server.address).endswith(STAR.path)
    repr(STAR)
    assert server.log == []
