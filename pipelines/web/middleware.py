"""The outermost layer: who may ask is looked at before anything else, and every answer gets its headers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from pipelines.web.auth import COOKIE, Access, Refusal
from pipelines.web.connections import MOST_REQUESTS, Uploads
from pipelines.web.cors import headers_for, preflight

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What our own pages may do: load what this server has, show images they were given, nothing else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Put on every answer that has no such header of its own.
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
# A refresh, not a redirect: a browser sends a SameSite=Strict cookie only on what our own page asks for.
_WELCOME = (
    b'<!doctype html><meta http-equiv="refresh" content="0;url=/"><link rel="icon" href="data:,">'
    b"<title>mueca</title>"
)


class Guard:
    """ASGI layer around the application.

    Parameters
    ----------
    app : ASGI application
    access : Access
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access
        self._uploads, self._running = Uploads(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, log in, or pass on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        send = _shared(send, headers_for(self.access.origins, headers))
        if asked := preflight(self.access.origins, scope["method"], headers):
            await _answer(_sealed(send), 204, b"", [(k.encode(), v.encode()) for k, v in asked.items()])
            return
        refusal = self.access.refuse(scope["method"], scope["path"], headers)
        if (refusal is None or refusal.status == 401) and self._logs_in(scope):
            await _answer(_sealed(send), 200, _WELCOME, [(b"set-cookie", self._cookie())])
        elif refusal:
            await _answer(_sealed(send), refusal.status, _words(refusal))
        elif self._running >= MOST_REQUESTS and scope["path"] != "/health":
            await _answer(_sealed(send), 503, _words(Refusal(503, "too many requests at once; try again")))
        else:
            await self._passed_on(scope, receive, send)

    async def _passed_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        slowly, upload = self._uploads.paced(receive) if scope["method"] == "POST" else (receive, None)
        self._running += 1
        try:
            await self.app(scope, slowly, _sealed(send))
        finally:
            self._running -= 1
            if upload is not None:
                self._uploads.done(upload)

    def _logs_in(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return scope["path"] == "/" and bool(given) and self.access.opens(given)

    def _cookie(self) -> bytes:
        return f"{COOKIE}={self.access.session}; HttpOnly; SameSite=Strict; Path=/".encode()


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers; of one that stands twice, both values, so that neither hides the other."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}; {text}" if key in found else text
    return found


def _sealed(send: Send) -> Send:
    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message.get("headers", ())}
            new = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in there]
            message = {**message, "headers": [*message.get("headers", ()), *new]}
        await send(message)

    return sealed


def _shared(send: Send, more: Mapping[str, str]) -> Send:
    """Return `send` that puts more headers on the answer."""

    async def shared(message: Message) -> None:
        if more and message["type"] == "http.response.start":
            there = [(k, v) for k, v in message.get("headers", ()) if k.decode().lower() not in more]
            message = {**message, "headers": there + [(k.encode(), v.encode()) for k, v in more.items()]}
        await send(message)

    return shared


def _words(refusal: Refusal) -> bytes:
    return json.dumps({"error": f"{HTTPStatus(refusal.status).phrase.lower()}: {refusal.reason}"}).encode()


async def _answer(send: Send, status: int, body: bytes, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
    kind = b"text/html; charset=utf-8" if body.startswith(b"<") else b"application/json"
    headers: list[Any] = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    # What else the client sends is not read: the connection ends here.
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
