"""Who may ask: the name of the server, the page that asks, the token."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.web.auth import Access, access_for, host_name, is_loopback
from pipelines.web.middleware import HEADERS, Guard
from tests.helpers.rooms import ROOT

TOKEN = "a-token-of-the-owner-1"


def ask(access, method="GET", path="/", query="", **headers):
    """Return status, headers and body of what a guard answers; the application within says "inside"."""
    sent = []

    async def inside(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    async def send(message):
        sent.append(message)

    found = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()]
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": found,
    }  # fmt: skip
    asyncio.run(Guard(inside, access)(scope, None, send))
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, sent[1]["body"]


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:9000", "LOCALHOST", "[::1]:8000", "127.0.0.1"])
def test_this_machines_own_names(host):
    assert ask(access_for("127.0.0.1"), host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.", "192.168.0.7:8000",
             "", "127.0.0.1:8000:1", "127.0.0.1:x", "[::1", "localhost@evil.example",
             "127.0.0.1, evil.example"]
)  # fmt: skip
def test_a_foreign_host_is_refused(host):
    """A page whose name was pointed here after it was loaded (DNS rebinding) says its own name."""
    status, _, body = ask(access_for("127.0.0.1"), host=host)
    assert status == 421
    assert "127.0.0.1" in json.loads(body)["error"]
    assert ask(access_for("127.0.0.1"), path="/health", host=host)[0] == 421


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "localhost", "LocalHost"]
)
def test_this_machine_is_127_and_1_and_localhost(host):
    """As docs/serve.md says: no other machine reaches it, and no token is made."""
    assert is_loopback(host)
    access = access_for(host)
    assert access.token is None
    assert ask(access, host=f"[{host}]:8000" if ":" in host else f"{host}:8000")[0] == 200
    assert "(127.0.0.0/8, `::1`, `localhost`)" in (ROOT / "docs" / "serve.md").read_text("utf-8")


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "128.0.0.1", "126.255.255.255", "10.0.0.1", "::2", "127.0.0.1.example", "127.1"]
)
def test_all_else_is_beyond_this_machine(host):
    assert not is_loopback(host)
    assert access_for(host).token


def test_no_host_is_refused():
    assert ask(access_for("127.0.0.1"))[0] == 421


def test_beyond_loopback_addresses_and_named_hosts_are_known():
    access = access_for("0.0.0.0", ("Lab.Example",))
    assert access.token
    assert len(access.token) >= 40
    for host in ("192.168.0.7:8000", "[fe80::1]:80", "lab.example", "localhost"):
        assert ask(access, host=host)[0] == 401
    status, _, body = ask(access, host="evil.example")
    assert status == 421
    assert b"--allow-host" in body
    assert access_for("0.0.0.0").token != access.token


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8001"},
        {"origin": "http://127.0.0.1"},
        {"origin": "file://"},
        {"origin": "ftp://127.0.0.1:8000"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": "http://127.0.0.1:8000"},
    ],
    ids=str,
)
def test_a_page_of_another_site_cannot_post(headers):
    status, _, body = ask(access_for("127.0.0.1"), "POST", "/predict", host="127.0.0.1:8000", **headers)
    assert status == 403
    assert b"another site" in body


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://127.0.0.1:8000"}, {"sec_fetch_site": "same-origin"}], ids=str
)
def test_our_own_page_and_programs_can_post(headers):
    assert ask(access_for("127.0.0.1"), "POST", "/predict", host="127.0.0.1:8000", **headers)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": "Bearer \xe9"},
        {"cookie": f"mueca={TOKEN}"},
        {"cookie": "mueca="},
        {"cookie": "a b;;=\xff"},
    ],
    ids=str,
)
def test_a_wrong_token(headers):
    access = access_for("0.0.0.0", token=TOKEN)
    for path in ("/", "/predict", "/openapi.json", "/static/page.js", "/reports/x"):
        status, sent, body = ask(
            access, "POST" if path == "/predict" else "GET", path, host="10.0.0.1", **headers
        )
        assert status == 401
        assert TOKEN.encode() not in body
        assert sent["x-content-type-options"] == "nosniff"
    assert ask(access, path="/", query="token=wrong", host="10.0.0.1", **headers)[0] == 401
    assert ask(access, path="/predict", query=f"token={TOKEN}", host="10.0.0.1", **headers)[0] == 401
    assert ask(access, path="/health", host="10.0.0.1", **headers)[0] == 200


def test_the_token_as_a_header_and_a_login():
    access = access_for("0.0.0.0", token=TOKEN)
    assert ask(access, host="10.0.0.1", authorization=f"Bearer {TOKEN}")[0] == 200
    status, headers, body = ask(access, query=f"token={TOKEN}", host="10.0.0.1")
    assert status == 200
    assert body != b"inside"
    cookie, *rules = headers["set-cookie"].split("; ")
    assert set(rules) == {"HttpOnly", "SameSite=Strict", "Path=/"}
    assert TOKEN not in cookie
    assert ask(access, host="10.0.0.1", cookie=f"other=1; {cookie}")[2] == b"inside"
    # A second login with the address still leaves no page with the token in its address.
    assert ask(access, query=f"token={TOKEN}", host="10.0.0.1", cookie=cookie)[2] != b"inside"


def test_every_answer_has_its_headers():
    for status, headers, _ in (
        ask(access_for("127.0.0.1"), host="127.0.0.1"),
        ask(access_for("127.0.0.1"), host="evil.example"),
    ):
        assert status in (200, 421)
        assert HEADERS.items() <= headers.items()
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "http" not in policy


@pytest.mark.parametrize("token", ["short", "x" * 15, "ñ" * 20, "a" * 20 + "\n"])
def test_a_token_that_is_no_good(token):
    with pytest.raises(ValueError, match="at least 16"):
        access_for("127.0.0.1", token=token)


@given(st.text(max_size=40))
def test_only_known_names_ever_pass(text):
    access = Access(frozenset({"localhost"}))
    assert access.knows(text) == (host_name(text) == "localhost")


@given(st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,9}){0,2}", fullmatch=True), st.integers(0, 65535))
def test_a_port_does_not_change_a_name(name, port):
    assert host_name(f"{name}:{port}") == host_name(name) == host_name(name.upper()) == name
