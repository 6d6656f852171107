"""``POST /predict`` as server-sent events: how far each video is, then the answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

KIND = "text/event-stream"
#: Told how far a file is: its name, seconds classified, seconds in all (None where its header does not say).
Report = Callable[[str, float, float | None], None]


class Events(StreamingResponse):
    """Progress while `work` runs, then what it gives; `held` is closed at the end, however that comes.

    Parameters
    ----------
    work : callable
        Given a `Report` that any thread may call; returns an awaitable of the answer.
    held : ExitStack
        What the work needs until then, such as the folder of the uploads.
    """

    def __init__(self, work: Callable[[Report], Awaitable[dict[str, Any]]], held: ExitStack) -> None:
        super().__init__(_events(work), media_type=KIND, headers={"cache-control": "no-store"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        with self._held:
            await super().__call__(scope, receive, send)


async def _events(work: Callable[[Report], Awaitable[dict[str, Any]]]) -> AsyncIterator[str]:
    queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def report(name: str, seconds: float, of: float | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the server has stopped
            loop.call_soon_threadsafe(
                queue.put_nowait, {"name": name, "seconds": round(seconds, 3), "of": of}
            )

    task = asyncio.ensure_future(work(report))
    task.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        yield ": received\n\n"
        while (found := await queue.get()) is not None:
            yield _event("progress", found)
        yield _last(task)
    finally:
        task.cancel()


def _last(task: asyncio.Future[dict[str, Any]]) -> str:
    error = task.exception()
    if error is None:
        return _event("answer", task.result())
    log.error("POST /predict: unexpected %s: %s", type(error).__name__, error)
    return _event("error", {"error": "a defect of the server; its screen says which"})


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
