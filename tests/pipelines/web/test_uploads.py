"""Uploads that are not what they say, too large, broken off, or wrapped to hurt."""

import errno
import gzip
import io
import json
import socket
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.file_kinds import identify
from pipelines.web import uploads
from pipelines.web.uploads import shown_name
from tests.pipelines.web.conftest import LIMITS, encoded, form


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *more, rows=b""):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + b"".join(more)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def zipped():
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(5_000_000))
    return to.getvalue()


def test_several_files_in_order(client, face):
    status, answer = client.predict(("a.jpg", face), ("words.png", b"no image"), ("b.jpg", face))
    assert status == 200
    first, fault, last = answer["files"]
    assert [f["name"] for f in answer["files"]] == ["a.jpg", "words.png", "b.jpg"]
    assert first["faces"] == last["faces"]
    (seen,) = first["faces"]
    assert sum(seen["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert seen["label"] == max(seen["probabilities"], key=seen["probabilities"].get)
    assert abs((seen["box"]["left"] + seen["box"]["right"]) / 2 - 225) < 25
    assert (fault["kind"], fault["status"]) == ("fault", 415)
    assert client.left() == []


def test_no_face(client):
    status, answer = client.predict(("grey.png", encoded(np.full((200, 300), 90, np.uint8))))
    assert status == 200
    assert answer["files"][0]["faces"] == []


@pytest.mark.parametrize("declared", ["text/html", "video/mp4", "application/x-sh", "image/svg+xml", ""])
def test_what_a_file_is_its_bytes_say(client, face, declared):
    status, answer = client.predict(("a.html", face, declared))
    assert (status, answer["files"][0]["kind"]) == (200, "photo")


HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
BAD = {
    "a lie": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415),
    "a playlist that names other files": (HLS, 415),
    "a list for FFmpeg": (b"ffconcat version 1.0\nfile /etc/passwd\n", 415),
    "a script that begins as a GIF": (b"GIF89a/*" + bytes(40) + b"*/=1;alert(1)", 415),
    "empty": (b"", 422),
    "10,000 x 10,000": (png(10_000, 10_000, rows=bytes(10_000 * 1251)), 413),
    "a header of 4 billion pixels": (png(65_000, 65_000), 413),
    "a zip bomb": (zipped(), 415),
    "a PNG whose rows unpack to more than its size": (png(64, 64, rows=bytes(2**26))[:-20], 422),
    "cut off": (encoded(np.random.default_rng(0).integers(0, 255, (90, 90), np.uint8))[:2000], 422),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(60), 415),
    "a camera's raw file": (b"\0\0\0\x18ftypcrx " + bytes(60), 415),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", 415),
    "more than a photo": (b"\xff\xd8\xff" + bytes(LIMITS.photo), 413),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n", 415),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line_and_leaves_nothing(client, name):
    data, expected = BAD[name]
    began = time.monotonic()
    status, answer = client.predict(("bad.jpg", data, "image/jpeg"))
    assert status == expected, answer
    assert list(answer) == ["error"]
    assert "\n" not in answer["error"]
    assert answer["error"].startswith("bad.jpg: ")
    assert time.monotonic() - began < 10
    assert client.left() == []


def test_a_comment_that_unpacks_to_64_mb_condemns_no_pixels(client):
    whole = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**26), 9))
    began = time.monotonic()
    status, answer = client.predict(("a.png", png(64, 64, whole, rows=bytes(64 * 9)), "image/png"))
    assert (status, answer["files"][0]["width"]) == (200, 64)
    assert time.monotonic() - began < 10


def test_the_advice_is_that_of_the_command_line(client):
    for name in ("HEIC", "Git LFS"):
        _, answer = client.predict(("bad.jpg", BAD[name][0], "image/jpeg"))
        assert answer["error"] == f"bad.jpg: {identify(BAD[name][0]).reason()}"


def test_a_polyglot_is_judged_as_the_picture_it_is_and_never_sent_back(client, face):
    tail = b"<script>alert(1)</script>" + zipped()
    status, headers, body = client.post(("a.html", face + tail, "text/html"))
    assert status == 200
    assert json.loads(body)["files"][0]["faces"] == client.predict(("a.jpg", face))[1]["files"][0]["faces"]
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert b"script" not in body


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../../etc/cron.d/x.png", "x.png"),
        ("..\\..\\x.png", "x.png"),
        ("/etc/passwd", "passwd"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("..", ".."),
        ("", "unnamed"),
        ("a\x00b.png", "ab.png"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("n" * 500, "n" * 120),
    ],
)
def test_a_file_name_is_shown_and_nothing_else(client, name, shown, face):
    status, answer = client.predict((name, face))
    assert status == 200
    assert answer["files"][0]["name"] == shown
    assert client.left() == []


@given(st.binary(max_size=300))
def test_any_name_can_be_shown(name):
    shown = shown_name(name)
    assert 0 < len(shown) <= 120
    assert shown.isprintable()
    assert "/" not in shown
    assert "\\" not in shown


def test_too_large_is_said_before_it_is_read(client):
    """Only the headers are sent; the answer comes all the same."""
    with socket.create_connection(("127.0.0.1", client.port), 10) as line:
        line.sendall(
            b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        answer = line.recv(4000)
    assert answer.startswith(b"HTTP/1.1 413")
    assert client.left() == []


def test_too_large_without_a_length_is_stopped_while_it_comes(client):
    body, kind = form(("a.png", bytes(LIMITS.size)))
    parts = (body[i : i + 65536] for i in range(0, len(body), 65536))
    try:
        status, _, answer = client.ask(
            "POST", "/predict", parts, content_type=kind, transfer_encoding="chunked"
        )
        assert status == 413
        assert b"6 MB" in answer
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server hung up while more was being sent: as it should
    assert client.left() == []
    assert client.ask("GET", "/health")[0] == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "multipart/form-data; boundary=b", 422),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 422),
        (b"", "application/json", 415),
        (b"x", "multipart/form-data", 415),
        (b"x", "multipart/form-data; boundary=" + "b" * 300, 415),
        (b"no form at all", "multipart/form-data; boundary=b", 400),
        (form(("a.png", b"x"))[0][:-20], form()[1], 400),
        (gzip.compress(form(("a.png", bytes(10**6)))[0]), form()[1], 400),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nwords\r\n--b--\r\n',
         "multipart/form-data; boundary=b", 422),
        (b"--b\r\n" + b"X-Y: z\r\n" * 5000 + b"\r\n\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
    ],
)  # fmt: skip
def test_no_form(client, body, kind, status):
    found, _, answer = client.ask("POST", "/predict", body, content_type=kind, content_encoding="gzip")
    assert found == status, answer
    assert list(json.loads(answer)) == ["error"]
    assert client.left() == []


def test_too_many_files(client, face):
    status, answer = client.predict(*[("a.jpg", face)] * (LIMITS.files + 1))
    assert status == 413
    assert "3 files" in answer["error"]
    assert client.left() == []


def test_an_upload_that_breaks_off(client):
    body, kind = form(("a.png", bytes(900_000)))
    with socket.create_connection(("127.0.0.1", client.port), 10) as line:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:500_000])
        for _ in range(100):
            if any(f.stat().st_size for f in client.site.spool.folder.rglob("0")):
                break
            time.sleep(0.05)
        else:
            pytest.fail("the upload never lay in the spool")
    assert client.left() == []
    assert client.ask("GET", "/health")[0] == 200


def test_an_upload_that_stands_still(client, monkeypatch):
    monkeypatch.setattr(uploads, "PATIENCE", 0.3)
    with socket.create_connection(("127.0.0.1", client.port), 10) as line:
        line.sendall(
            b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 1000\r\n\r\n--b\r\n"
        )
        assert line.recv(4000).startswith(b"HTTP/1.1 408")
    assert client.left() == []


def test_a_full_disk_is_said(client, monkeypatch, face):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads.Path, "open", lambda *_: Full())
    status, answer = client.predict(("a.jpg", face))
    assert status == 507
    assert "disk" in answer["error"]


def test_a_crowd_is_answered_at_once(serve, monkeypatch, face):
    monkeypatch.setattr("pipelines.web.inference.MAX_WAITING", 0)
    status, answer = serve().predict(("a.jpg", face))
    assert status == 503
    assert "try again" in answer["error"]
