"""Downloads from a server on this machine: whole, broken off, wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from featurize import weights
from featurize.backbones.weightfile import WeightsError
from featurize.weights import Published

CONTENT = bytes(range(256)) * 20_000
WRONG = b"\xff" + CONTENT[1:]


def check(path):
    """Stand in for a network's own check: the content must begin as ours does."""
    if path.read_bytes()[:4] != CONTENT[:4]:
        raise WeightsError(f"{path} is another network's")


class Server(BaseHTTPRequestHandler):
    """Serves one file in ranges, and can break off in the middle."""

    content: ClassVar[bytes] = CONTENT
    stop_after: ClassVar[int | None] = None
    ranges: ClassVar[bool] = True
    seen: ClassVar[list[str | None]] = []

    def do_GET(self):
        asked = self.headers.get("Range")
        self.seen.append(asked)
        start = int(asked[6:-1]) if asked and self.ranges else 0
        if start >= len(self.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        stop = len(self.content) if self.stop_after is None else start + self.stop_after
        self.wfile.write(self.content[start:stop])

    def log_message(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[str]:
    class Own(Server):
        seen: ClassVar[list[str | None]] = []

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    httpd.handler = Own
    yield httpd
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture(autouse=True)
def toy(tmp_path, monkeypatch, server):
    monkeypatch.setenv("MUECA_DATA", str(tmp_path / "data"))
    url = f"http://127.0.0.1:{server.server_address[1]}/toy.bin"
    record = Published("toy", "toy.bin", url, f"{__name__}:check", "MIT", "us")
    monkeypatch.setitem(weights.PUBLISHED, "toy", record)
    monkeypatch.setattr(weights, "import_module", lambda _name: type("M", (), {"check": staticmethod(check)}))


def test_get_pins_and_reports(server):
    steps = []
    path = weights.get("toy", advance=lambda done, total: steps.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert weights.pinned("toy") == hashlib.sha256(CONTENT).hexdigest()
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert len(steps) > 1
    assert weights.get("toy") == path
    assert len(server.handler.seen) == 1, "what is there is not fetched again"


def test_a_broken_download_goes_on(server):
    server.handler.stop_after = 1_000_000
    with pytest.raises(WeightsError, match="run again to go on"):
        weights.get("toy")
    assert not (weights.folder() / "toy.bin").exists()
    server.handler.stop_after = None
    assert weights.get("toy").read_bytes() == CONTENT
    assert server.handler.seen == [None, "bytes=1000000-"]
    assert sorted(p.name for p in weights.folder().iterdir()) == ["sha256.json", "toy.bin"]


def test_a_server_without_ranges_starts_over(server):
    server.handler.stop_after = 1_000_000
    with pytest.raises(WeightsError):
        weights.get("toy")
    server.handler.stop_after, server.handler.ranges = None, False
    server.handler.do_GET = _whole
    assert weights.get("toy").read_bytes() == CONTENT


def _whole(self):
    self.send_response(200)
    self.send_header("Content-Length", str(len(CONTENT)))
    self.end_headers()
    self.wfile.write(CONTENT)


def test_a_whole_part_is_taken(server):
    weights.folder().mkdir(parents=True)
    (weights.folder() / "toy.bin.part").write_bytes(CONTENT)
    assert weights.get("toy").read_bytes() == CONTENT


def test_wrong_content_is_refused_and_not_gone_on_from(server):
    server.handler.content = WRONG
    with pytest.raises(WeightsError, match=r"toy\.bin is another network's"):
        weights.get("toy")
    assert weights.pinned("toy") is None
    assert list(weights.folder().iterdir()) == []
    server.handler.content = CONTENT
    assert weights.get("toy").read_bytes() == CONTENT


def test_another_file_than_the_pinned_one_is_refused(tmp_path, server):
    path = weights.get("toy")
    other = tmp_path / "other.bin"
    other.write_bytes(CONTENT + b"x")
    with pytest.raises(WeightsError, match=r"other\.bin has SHA-256"):
        weights.add("toy", other)
    assert path.read_bytes() == CONTENT
    path.write_bytes(b"damaged")
    assert weights.get("toy").read_bytes() == CONTENT, "a damaged file is fetched again"


def test_damaged_pins_are_no_leave(tmp_path):
    path = weights.get("toy")
    (weights.folder() / "sha256.json").write_text("{")
    path.write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"sha256\.json is damaged"):
        weights.get("toy")


def test_nobody_there(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(WeightsError, match=r"cannot download .*mueca weights add"):
        weights.get("toy")


def test_not_found(server):
    server.handler.do_GET = lambda self: self.send_error(404)
    with pytest.raises(WeightsError, match="404"):
        weights.get("toy")


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/passwd", "ftp://example.org/x"])
def test_only_https(url):
    with pytest.raises(WeightsError, match="only https"):
        weights.get("toy", url)


def test_unknown_names():
    with pytest.raises(ValueError, match="there are: vggface2"):
        weights.add("vggface3", "x")
