"""``mueca serve`` as a process: it says where it is, stops cleanly, cleans up after one that was killed."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pipelines.web import server
from pipelines.web.auth import access_for
from pipelines.web.upload_folder import PREFIX, Spool

ROOT = Path(__file__).resolve().parents[3]


def test_a_second_server_on_the_port(run_cli):
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        code, out, (line,) = run_cli("serve", "--port", port).by_lines()
    assert (code, out) == (1, "")
    assert line.startswith(f"mueca: port {port} of 127.0.0.1 is taken")
    assert f"--port {port + 1}" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "no.such.host.invalid"], "no such name or address"),
        (["--host", "203.0.113.7", "--port", "0"], "cannot listen on 203.0.113.7"),
        (["--model", "nowhere", "--port", "0"], "no model in nowhere"),
        (["--detector", "harr", "--port", "0"], "haar"),
        (["--reports", "nowhere"], "no folder nowhere"),
        (["--token", "short"], "at least 16"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_bad_words_are_one_line(run_cli, words, said, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    code, out, err = run_cli("serve", *words).by_lines()
    assert (code, out) == (1, "")
    assert [line for line in err if line != "loading the model"] == err[-1:]
    assert said in err[-1]


def test_the_extra_is_asked_for(run_cli, monkeypatch):
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    code, _, (line,) = run_cli("serve").by_lines()
    assert code == 1
    assert "pip install 'mueca[web]'" in line


def test_the_address_that_is_printed():
    assert server.page_address("127.0.0.1", 80, access_for("127.0.0.1")) == "http://127.0.0.1:80/"
    access = access_for("::", token="the-owners-own-token")
    address = server.page_address("::1", 80, access)
    assert address == "http://[::1]:80/?token=the-owners-own-token"
    access = access_for("::", token="a&b=c #d+e/f?0123")
    query = urlsplit(server.page_address("::1", 80, access)).query
    assert parse_qs(query) == {"token": ["a&b=c #d+e/f?0123"]}


#: The whole server but for its model, which takes seconds to load and no part in an upload.
NO_MODEL = """
import socket, types
from pipelines.web.auth import access_for
from pipelines.web.app import Site, create_app
from pipelines.web.server import uvicorn_server
from pipelines.web.upload_folder import Spool
nothing = types.SimpleNamespace(look=len, classify=len, side=8, card={"classes": []})
listener = socket.create_server(("127.0.0.1", 0))
print(f"open http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
uvicorn_server(create_app(Site(nothing, access_for("127.0.0.1"), Spool()))).run([listener])
"""


class Process:
    """A server of its own."""

    def __init__(self, folder, *words, code="import cli; cli.main()"):
        self.log = folder / "log"
        with self.log.open("wb") as to:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, "serve", "--port", "0", *words],
                cwd=ROOT,
                env=os.environ | {"TMPDIR": str(folder)},
                stderr=to,
                stdout=to,
            )
        for _ in range(600):
            if found := re.search(r"open http://\S*?:(\d+)/\S*", self.said):
                self.address, self.port = found.group(0)[5:], int(found.group(1))
                return
            assert self.process.poll() is None, self.said
            time.sleep(0.1)
        raise AssertionError(self.said)

    @property
    def said(self):
        return self.log.read_text()

    def ask(self, path, **headers):
        for _ in range(100):  # the port is taken before requests are answered
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except ConnectionError:
                time.sleep(0.1)
        raise AssertionError("no answer")


def test_killed_in_mid_upload_it_starts_again_clean(tmp_path, model):
    first = Process(tmp_path, code=NO_MODEL)
    line = socket.create_connection(("127.0.0.1", first.port), 10)
    line.sendall(
        b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b'Content-Length: 999999\r\n\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
        + b"half a photo"
        * 20_000
    )
    for _ in range(200):
        if any(f.stat().st_size for f in tmp_path.glob(f"{PREFIX}*/*/0")):
            break
        time.sleep(0.05)
    first.process.kill()
    first.process.wait()
    line.close()
    assert any(tmp_path.glob(f"{PREFIX}*/*/0")), "the kill left nothing behind: nothing is tested"
    second = Process(tmp_path, "--model", str(model), "--host", "0.0.0.0", "--token", "the-owners-own-token")
    try:
        assert "removed the uploads that 1 killed server" in second.said
        assert not any(tmp_path.glob(f"{PREFIX}*/*"))
        assert "warning: 0.0.0.0 is reached from other machines" in second.said
        assert second.address.endswith("?token=the-owners-own-token")
        assert second.ask("/health")[0] == 200
        assert second.ask("/?token=wrong")[0] == 401
        assert second.ask("/", Authorization="Bearer the-owners-own-token")[0] == 200
        said = second.said
    finally:
        second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(20) == 0
    assert not any(tmp_path.glob(f"{PREFIX}*"))
    assert second.said.removeprefix(said) == "stopped\n"


def test_a_living_servers_folder_is_left_alone(tmp_path):
    first = Spool(tmp_path)
    (first.folder / "upload").write_text("x")
    second = Spool(tmp_path)
    assert (first.folder / "upload").is_file()
    assert second.removed == 0
    first.close()
    second.close()
    assert not any(tmp_path.iterdir())


def test_a_link_in_a_common_folder_is_not_followed(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    (tmp_path / f"{PREFIX}x").symlink_to(tmp_path / "mine")
    (tmp_path / f"{PREFIX}x.lock").touch()
    (tmp_path / f"{PREFIX}y.lock").symlink_to(tmp_path / "mine" / "file")
    Spool(tmp_path).close()
    assert (tmp_path / "mine" / "file").is_file()
