"""Writers of time lines: JSON lines and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.prediction.faces import FrameResult, WindowRow, box_dict, span
from pipelines.prediction.outputs import Form, LinesWriter, Stream, TableWriter

#: Columns of a table of tracks, before those of the classes.
COLUMNS = (
    "file", "frame", "seconds", "last_frame", "last_seconds", "track", "left", "top", "right", "bottom",
    "confidence", "label", "meaning",
)  # fmt: skip


class Lines(LinesWriter):
    """A JSON line a row of the time line."""

    def write(self, name: str, row: FrameResult | WindowRow) -> None:
        """Write a row of the video `name`."""
        self.put({"file": name, **row.as_dict()})


class Table(TableWriter):
    """A row a face and moment, as CSV or Parquet; use as a context manager.

    A moment has ``frame`` and ``seconds``; a window the first of both, and ``last_frame`` and
    ``last_seconds`` (of a moment the same).
    """

    def __init__(self, to: Stream, classes: Sequence[str], form: Form = "csv") -> None:
        super().__init__(to, form, COLUMNS, classes)

    def write(self, name: str, row: FrameResult | WindowRow) -> None:
        """Write the faces of a row of the video `name`."""
        begin, end = span(row)
        frames = getattr(row, "frames", None) or (row.frame, row.frame)  # type: ignore[union-attr]
        rows = []
        for face in row.faces:
            when: list[Any] = [name, frames[0], round(begin, 4), frames[1], round(end, 4), face.track]
            known = [*box_dict(face.box).values(), round(face.confidence, 4), face.label, face.meaning]
            rows.append([*when, *known, *self.numbers(face.probabilities)])
        self.table.write(rows)
