"""Progress that a library can ignore and the command line can draw."""

from __future__ import annotations

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
