"""Where time goes: seconds by stage, summed over threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


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
