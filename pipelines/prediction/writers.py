"""Writers of time lines: JSON lines and tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pipelines.prediction.faces import box_dict
from pipelines.prediction.outputs import Form, Stream, table

if TYPE_CHECKING:
    from pipelines.prediction.faces import FrameResult, WindowRow
from pipelines.prediction.faces import span

#: Columns of a table of tracks, before those of the classes.
COLUMNS = (
    "file", "frame", "seconds", "last_frame", "last_seconds", "track", "left", "top", "right", "bottom",
    "confidence", "label", "meaning",
)  # fmt: skip


class Lines:
    """A JSON line a row of the time line."""

    def __init__(self, to: Stream) -> None:
        self.to = to

    def write(self, name: str, row: FrameResult | WindowRow) -> None:
        """Write a row of the video `name`."""
        self.to.write(json.dumps({"file": name, **row.as_dict()}, ensure_ascii=False) + "\n")
        self.to.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Table:
    """A row a face and moment, as CSV or Parquet; use as a context manager.

    A moment has ``frame`` and ``seconds``; a window the first of both, and ``last_frame`` and
    ``last_seconds`` (of a moment the same).
    """

    def __init__(self, to: Stream, classes: Sequence[str], form: Form = "csv") -> None:
        self.classes = classes
        self.table = table(to, form, COLUMNS, classes)

    def write(self, name: str, row: FrameResult | WindowRow) -> None:
        """Write the faces of a row of the video `name`."""
        begin, end = span(row)
        frames = getattr(row, "frames", None) or (row.frame, row.frame)  # type: ignore[union-attr]
        rows = []
        for face in row.faces:
            when: list[Any] = [name, frames[0], round(begin, 4), frames[1], round(end, 4), face.track]
            numbers = [round(face.probabilities[label], 5) for label in self.classes]
            known = [*box_dict(face.box).values(), round(face.confidence, 4), face.label, face.meaning]
            rows.append([*when, *known, *numbers])
        self.table.write(rows)

    def __enter__(self) -> Self:
        self.table.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.table.__exit__(kind, error, trace)
