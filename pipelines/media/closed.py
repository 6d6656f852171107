"""What holds a file or a process, and lets it go when its block ends."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Closed:
    """A context manager that ends by `close`."""

    def close(self) -> None:
        """Let go of what is held."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
