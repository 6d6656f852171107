"""Raw bodies, JSON where it was opted in, other sites that were named, and the list of models."""

from __future__ import annotations

import base64
import json

import pytest

from pipelines.web.auth import access_for
from pipelines.web.cors import check_origins

APP = "https://app.example"


@pytest.fixture(scope="module")
def expected(client, face):
    """Return what a form is answered."""
    status, answer = client.predict(("face.jpg", face, "image/jpeg"))
    assert status == 200
    return {k: v for k, v in answer["files"][0].items() if k != "seconds"}


def without_time(body):
    """Return the answers of a body, without how long they took."""
    return [{k: v for k, v in one.items() if k != "seconds"} for one in json.loads(body)["files"]]


@pytest.mark.parametrize("kind", ["image/jpeg", "application/octet-stream", "IMAGE/PNG; q=1"])
def test_one_file_as_the_body(client, face, expected, kind):
    status, _, body = client.ask("POST", "/predict?name=../face.jpg", face, content_type=kind)
    assert status == 200
    assert without_time(body) == [expected]
    assert client.left() == []


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [(b"", 422, "no file came"), (b"no image", 415, "unnamed")],
)
def test_a_raw_body_that_is_refused(client, body, status, words):
    found, _, answer = client.ask("POST", "/predict", body, content_type="image/jpeg")
    assert found == status
    assert words in json.loads(answer)["error"]
    assert client.left() == []


def test_a_raw_body_that_is_too_large_is_refused_before_it_is_read(client):
    headers = {"content_type": "image/jpeg", "content_length": str(7 * 2**20)}
    status, _, answer = client.ask("POST", "/predict", b"x", **headers)
    assert status == 413
    assert "MB in one request" in json.loads(answer)["error"]


def test_a_page_cannot_send_text_as_a_file(client, face):
    """A form of another site can send text/plain without asking: it is no kind that is taken."""
    assert client.ask("POST", "/predict", face, content_type="text/plain")[0] == 415


def as_json(*files):
    """Return files as JSON."""
    each = [{"name": name, "data": base64.b64encode(data).decode()} for name, data in files]
    return json.dumps({"files": each}).encode()


def test_json_is_taken_where_it_was_opted_in(serve, client, face, expected):
    body = as_json(("face.jpg", face), ("b.jpg", face))
    status, _, answer = client.ask("POST", "/predict", body, content_type="application/json")
    assert status == 415
    assert "--accept-json" in json.loads(answer)["error"]
    server = serve(accept_json=True)
    status, _, answer = server.ask("POST", "/predict", body, content_type="application/json; charset=utf-8")
    assert status == 200
    assert without_time(answer) == [expected, expected | {"name": "b.jpg"}]
    assert server.left() == []


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "cannot be read"), (b"[]", 400, "cannot be read"),
        (b'{"files": 3}', 400, "cannot be read"),
        (b'{"files": [{"name": "a"}]}', 400, "cannot be read"), (b'{"files": []}', 422, "no file came"),
        (b'{"files": [{"data": "%%"}]}', 400, "no base64"), (b'{"files": [{"data": 3}]}', 400, "no base64"),
        (as_json(*[("a", b"x")] * 4), 413, "more than 3 files"), (b"[" * 100_000, 400, "cannot be read"),
    ],
)  # fmt: skip
def test_json_that_is_refused(serve, body, status, words):
    server = serve(accept_json=True)
    found, _, answer = server.ask("POST", "/predict", body, content_type="application/json")
    assert found == status
    assert words in json.loads(answer)["error"]
    assert server.left() == []


def test_a_named_site_may_ask_and_no_other(serve, face):
    server = serve(access=access_for("127.0.0.1", origins=(APP,)))
    asked = {"Access-Control-Request-Method": "POST"}
    status, headers, _ = server.ask("OPTIONS", "/predict", Origin=APP, **asked)
    assert status == 204
    assert headers["access-control-allow-origin"] == APP
    assert "POST" in headers["access-control-allow-methods"]
    kind = {"content_type": "image/jpeg", "Sec-Fetch-Site": "cross-site"}
    status, headers, _ = server.ask("POST", "/predict", face, Origin=APP, **kind)
    assert (status, headers["access-control-allow-origin"], headers["vary"]) == (200, APP, "Origin")
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    for other in ("https://evil.example", "null", f"{APP}.evil.example", "http://app.example"):
        status, headers, _ = server.ask("POST", "/predict", face, Origin=other, **kind)
        assert status == 403, other
        assert "access-control-allow-origin" not in headers
        assert (
            "access-control-allow-methods" not in server.ask("OPTIONS", "/predict", Origin=other, **asked)[1]
        )


def test_a_named_site_still_needs_the_token(serve, face):
    server = serve(access=access_for("127.0.0.1", token="a-token-of-the-owner-1", origins=(APP,)))
    kind = {"content_type": "image/jpeg"}
    assert server.ask("POST", "/predict", face, Origin=APP, **kind)[0] == 401
    bearer = {"Authorization": "Bearer a-token-of-the-owner-1"}
    assert server.ask("POST", "/predict", face, Origin=APP, **kind, **bearer)[0] == 200


@pytest.mark.parametrize("origin", ["*", "app.example", "https://app.example/page", "ftp://a", "https://"])
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(ValueError, match="--allow-origin"):
        check_origins([origin])


def test_models(client):
    status, _, body = client.ask("GET", "/models")
    found = json.loads(body)["models"]
    assert status == 200
    assert [one["in_use"] for one in found] == [True] + [False] * (len(found) - 1)
    assert len(found[0]["classes"]) == 7
    assert any(one["name"] == "default" for one in found)
    assert all(one["selectable"] for one in found), "all of these know the same classes"
    assert {"/models", "/predict"} <= set(json.loads(client.ask("GET", "/openapi.json")[2])["paths"])
