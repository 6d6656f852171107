"""The order of the rows in a folder of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.results.rows import Row

if TYPE_CHECKING:
    pass


def _ordered(rows: list[Row], runs: list[str]) -> list[Row]:
    """Keep the rows of `runs`, in that order: of a cell computed twice the later, no mended error."""
    mended = {row.run for row in rows if row.done}
    kept = [row for row in rows if row.run in runs and (row.done or row.run not in mended)]
    latest = {(row.run, row.split): row for row in kept}
    return sorted(latest.values(), key=lambda row: runs.index(row.run))
