"""Connections that cost something: how long one may be silent, how slowly it may send, how many there are.

A connection that waits for a request is no work: it counts among the idle ones, has a time limit, and gives
its place to another. A request counts from its first line on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from pipelines.web.uploads import RequestError

#: Seconds in which a request must have been begun and its headers sent, after connecting or the last answer.
HEADER_TIME = 10.0
#: Seconds that an answer may lie before a client takes some of it.
ANSWER_TIME = 30.0
#: Connections in all, and idle ones of one address; beyond, the longest silent gives way.
MOST_CONNECTIONS, MOST_IDLE = 900, 256
#: Requests at work; beyond, 503.
MOST_REQUESTS = 256
#: Uploads that are received at once; beyond, the slowest gives way.
MOST_UPLOADS = 48
#: Bytes a second of an upload, on average over `PACE_TIME` seconds of waiting for it.
SLOWEST, PACE_TIME = 1024, 10.0
TICK = 1.0
#: Seconds after which too many idle connections are noticed: what a new one has sent is read by then.
GRACE = 0.25


class Connection(H11Protocol):
    """A connection with time limits; what uvicorn has, and a watch."""

    _ticking: asyncio.TimerHandle | None = None
    _idle_since = _stuck_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Take it, and let the longest silent one go where there are too many."""
        super().connection_made(transport)
        self._idle_since = self._stuck_since = self.loop.time()
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()
        self.loop.call_later(GRACE, self._make_room)
        self._tick()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching it."""
        if self._ticking is not None:
            self._ticking.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._idle_since = self.loop.time()
        super().on_response_complete()

    @property
    def idle(self) -> bool:
        """Whether no request is at work."""
        return self.cycle is None or self.cycle.response_complete

    def _tick(self) -> None:
        now = self.loop.time()
        if not self.flow.write_paused:
            self._stuck_since = now
        late = self.idle and now - self._idle_since > HEADER_TIME
        if late and not self.transport.is_closing():
            self.transport.close()
        if now - self._stuck_since > ANSWER_TIME or (late and now - self._idle_since > 2 * HEADER_TIME):
            self.transport.abort()
            return
        self._ticking = self.loop.call_later(TICK, self._tick)

    def _make_room(self) -> None:
        there = [c for c in self.connections if isinstance(c, Connection) and c is not self and c.idle]
        here = self.client[0] if self.client else ""
        mine = [c for c in there if (c.client or ("",))[0] == here]
        if len(self.connections) <= MOST_CONNECTIONS and len(mine) < MOST_IDLE:
            return
        # One that never asked anything goes first, then the one that is silent longest.
        leaving = min(mine or there, key=lambda c: (c.cycle is not None, c._idle_since), default=self)
        leaving.transport.abort()


@dataclass
class Upload:
    """A body that is received: what came of it, and how long it was waited for."""

    bytes: int = 0
    waited: float = 0.0
    whole: bool = False
    leaves: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def rate(self) -> float:
        """Bytes a second of waiting."""
        return self.bytes / max(self.waited, 1e-3)


class Uploads:
    """The bodies that are received at once; of too many the slowest gives way."""

    def __init__(self) -> None:
        self._there: list[Upload] = []

    def paced(self, receive: Callable[[], Awaitable[Any]]) -> tuple[Callable[[], Awaitable[Any]], Upload]:
        """Return what receives a body at a bearable rate, and its record; `done` ends it.

        What it gives raises `RequestError`: 408 if the body comes too slowly, 503 if it gives way.
        """
        upload = Upload()

        async def slowly() -> Any:
            if upload.whole:  # what comes now is that the client goes away
                return await receive()
            if upload not in self._there:
                self._enter(upload)
            message = await self._next(receive, upload)
            if message["type"] == "http.request":
                upload.bytes += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                upload.whole = True
                self.done(upload)
            return message

        return slowly, upload

    def done(self, upload: Upload) -> None:
        """Let go of a body that has come, or whose request has ended."""
        if upload in self._there:
            self._there.remove(upload)

    def _enter(self, upload: Upload) -> None:
        if len(self._there) >= MOST_UPLOADS:
            slowest = min(self._there, key=lambda one: (one.waited < 1.0, one.rate))
            slowest.leaves.set()
            self.done(slowest)
        self._there.append(upload)

    async def _next(self, receive: Callable[[], Awaitable[Any]], upload: Upload) -> Any:
        loop = asyncio.get_running_loop()
        started, before = loop.time(), upload.waited
        allowed = max(PACE_TIME + upload.bytes / SLOWEST - before, 0.05)
        coming, leaving = asyncio.ensure_future(receive()), asyncio.ensure_future(upload.leaves.wait())
        try:
            done, _ = await asyncio.wait(
                (coming, leaving), timeout=allowed, return_when=asyncio.FIRST_COMPLETED
            )
            upload.waited = before + loop.time() - started
            if coming in done:
                return coming.result()
        finally:
            for one in (coming, leaving):
                one.cancel()
        if leaving in done:
            raise RequestError(503, "too many uploads at once, and this one is the slowest; send it again")
        raise RequestError(408, f"it comes at less than {SLOWEST} bytes a second; send it over a faster line")
