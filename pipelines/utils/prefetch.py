"""Make what is needed next in a thread, while what there is is worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

#: Items made ahead.
AHEAD = 4


def prefetch(source: Iterator[T], depth: int = AHEAD) -> Generator[T, None, None]:
    """Yield what `source` yields, made by a thread up to `depth` items ahead; its errors are raised here.

    When it is closed, or comes to its end, the thread has ended and has closed `source`.
    """
    items: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(source, items, stop), daemon=True)
    thread.start()
    try:
        while True:
            kind, value = items.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stop.set()
        thread.join()


def _work(source: Iterator[Any], items: queue.Queue[tuple[str, Any]], stop: threading.Event) -> None:
    try:
        for item in source:
            if not _put(items, ("item", item), stop):
                return
        _put(items, ("end", None), stop)
    except Exception as error:
        _put(items, ("error", error), stop)
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


def _put(items: queue.Queue[tuple[str, Any]], item: tuple[str, Any], stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            items.put(item, timeout=0.1)
            return True
        except queue.Full:
            continue
    return False
