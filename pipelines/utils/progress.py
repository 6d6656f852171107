"""What is done and what it takes: progress that the command line can draw, seconds by stage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int], None]


class Progress:
    """Says nothing. The command line has one that draws a bar."""

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Advance]:
        """Yield a function that takes how much more is done.

        Parameters
        ----------
        label : str
            What is being done.
        total : int or None
            How much there is; None if it is not known.
        """
        yield lambda _done: None


SILENT = Progress()


class Stopwatch:
    """Sum the seconds spent in each stage; threads may share it.

    A thread's waiting counts, so several threads together may have more seconds than the clock on the wall.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._alone = threading.Lock()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Count the time inside to a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - started
            with self._alone:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + took
