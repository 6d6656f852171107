"""What ``mueca weights`` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def downloaded(name: str, url: str | None) -> Path:
    """Download a weight file with a progress bar; return where it is."""
    from featurize import weights
    from pipelines.utils.console import ConsoleProgress

    with ConsoleProgress().task(f"{name}: bytes") as advance:
        before = 0

        def report(done: int, _total: int | None) -> None:
            nonlocal before
            advance(done - before)
            before = done

        return weights.get(name, url, report)
