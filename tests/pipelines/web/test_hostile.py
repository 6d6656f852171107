"""Silent, slow and many connections take nothing from the others."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import ExitStack

import pytest

from pipelines.web import connections
from tests.pipelines.web.conftest import form

HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Content-Length: 100000\r\n\r\n"
)


def line_to(server, stack):
    return stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30))


def health(server):
    started = time.monotonic()
    status = server.ask("GET", "/health")[0]
    return status, time.monotonic() - started


def ended(line, seconds):
    """Return what came before the connection ended; None if it did not end."""
    line.settimeout(seconds)
    found = b""
    try:
        while block := line.recv(4096):
            found += block
    except ConnectionError:
        return found
    except TimeoutError:
        return None
    return found


@pytest.fixture
def quick(monkeypatch):
    """Make time limits short."""
    monkeypatch.setattr(connections, "HEADER_TIME", 1.0)
    monkeypatch.setattr(connections, "PACE_TIME", 1.0)
    monkeypatch.setattr(connections, "TICK", 0.1)


def test_silent_connections_leave_room_and_end(serve, quick, face):
    server = serve()
    with ExitStack() as stack:
        silent = [line_to(server, stack) for _ in range(300)]
        assert health(server) == (200, pytest.approx(0, abs=2))
        assert server.predict(("a.jpg", face))[0] == 200
        assert all(ended(line, 20) == b"" for line in silent[:5] + silent[-5:])


def test_idle_connections_of_one_address_give_way(serve, monkeypatch):
    monkeypatch.setattr(connections, "MOST_IDLE", 20)
    server = serve()
    with ExitStack() as stack:
        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        kept.request("GET", "/health")
        kept.getresponse().read()
        lines = [line_to(server, stack) for _ in range(40)]
        assert ended(lines[0], 5) == b""
        assert ended(lines[-1], 0.2) is None
        kept.request("GET", "/health")  # it has asked something: the silent ones go first
        assert kept.getresponse().status == 200
        kept.close()


def test_half_a_header_and_a_byte_now_and_then(serve, quick):
    server = serve()
    with ExitStack() as stack:
        line = line_to(server, stack)
        line.sendall(b"GET /health HTTP/1.1\r\nHost: 127")
        started = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - started < 20:
                line.sendall(b".")
                time.sleep(0.2)
        assert time.monotonic() - started < 19
        assert health(server)[0] == 200


def test_a_dripping_upload_is_given_up(serve, quick):
    server = serve()
    with ExitStack() as stack:
        line = line_to(server, stack)
        line.sendall(HEAD + b"--b\r\n")
        time.sleep(0.3)
        line.sendall(b"x")
        answer = ended(line, 20)
        assert answer is not None and answer.startswith(b"HTTP/1.1 408")
        assert b"bytes a second" in answer
    assert server.left() == []


def test_slow_uploads_keep_nobody_waiting(serve, monkeypatch, face):
    monkeypatch.setattr(connections, "MOST_UPLOADS", 8)
    server = serve()
    with ExitStack() as stack:
        slow = [line_to(server, stack) for _ in range(40)]
        for line in slow:
            line.sendall(HEAD + b"--b\r\n")
        for _ in range(3):
            assert server.predict(("a.jpg", face))[0] == 200
        assert health(server)[0] == 200
        refused = [ended(line, 0.05) for line in slow]
        assert sum(answer is not None and b"503" in answer for answer in refused) >= 32 - 8


def test_who_takes_no_answer_is_let_go(serve, quick, monkeypatch):
    monkeypatch.setattr(connections, "ANSWER_TIME", 0.5)
    server = serve()
    with ExitStack() as stack:
        line = line_to(server, stack)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(OSError):
            for _ in range(400):  # asks and asks, and reads nothing
                line.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20)
                time.sleep(0.05)
    assert health(server)[0] == 200


def test_requests_beyond_the_most_are_refused_but_not_health(serve, monkeypatch):
    monkeypatch.setattr("pipelines.web.middleware.MOST_REQUESTS", 0)
    server = serve()
    assert server.ask("GET", "/")[0] == 503
    assert health(server)[0] == 200


@pytest.mark.slow
def test_eight_clients_beside_silent_and_slow_ones(serve, face):
    """Eight clients, a minute, 300 silent connections and 40 uploads of a byte each 8 s beside them."""
    server, errors, late = serve(), [], []
    body, kind = form(("a.jpg", face))
    stop = time.monotonic() + 60

    def good():
        while time.monotonic() < stop:
            status, _, answer = server.ask("POST", "/predict", body, content_type=kind)
            if status != 200:
                errors.append((status, json.loads(answer)))

    def hostile(first):
        while time.monotonic() < stop:
            try:
                with socket.create_connection(("127.0.0.1", server.port), 10) as line:
                    line.sendall(first)
                    while first and time.monotonic() < stop:
                        line.sendall(b"x")
                        time.sleep(8)
                    line.recv(1)
            except OSError:
                time.sleep(0.2)

    jobs = [threading.Thread(target=good) for _ in range(8)]
    jobs += [threading.Thread(target=hostile, args=(b"",), daemon=True) for _ in range(300)]
    jobs += [threading.Thread(target=hostile, args=(HEAD + b"--b\r\n",), daemon=True) for _ in range(40)]
    for job in jobs:
        job.start()
    while time.monotonic() < stop:
        late.append(health(server))
        time.sleep(1)
    for job in jobs[:8]:
        job.join(60)
    assert errors == []
    assert {status for status, _ in late} == {200}
    assert sorted(seconds for _, seconds in late)[-1] < 5  # a loaded machine; alone it is under 1
