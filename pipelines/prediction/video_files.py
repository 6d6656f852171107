"""Predict on videos: files in, rows out as they come, with charts and drawn copies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from featurize.walk import Fault
from pipelines.media.video_file import UnreadableVideo
from pipelines.prediction.chart import Chart
from pipelines.prediction.clips import STRIDE, WINDOW, predict_windows
from pipelines.prediction.faces import Form, FrameResult, Options, Summary, WindowRow, box_dict, span
from pipelines.prediction.outputs import LinesWriter, Stream, TableWriter, copy_names
from pipelines.prediction.predictor import ClipPredictor, Predictor
from pipelines.prediction.video import Timeline, predict_video
from pipelines.utils.progress import SILENT, Progress

#: Columns of a table of tracks, before those of the classes.
COLUMNS = (
    "file", "frame", "seconds", "last_frame", "last_seconds", "track", "left", "top", "right", "bottom",
    "confidence", "label", "meaning",
)  # fmt: skip


class _Lines(LinesWriter):
    """A JSON line a row of the time line."""

    def write(self, name: str, row: FrameResult | WindowRow) -> None:
        """Write a row of the video `name`."""
        self.put({"file": name, **row.as_dict()})


class _Table(TableWriter):
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


def predict_videos(
    files: Sequence[Path], predictor: Predictor, to: Stream, options: Options, progress: Progress = SILENT
) -> Summary:
    """Classify videos; rows are written as they come, so memory stays constant.

    Parameters
    ----------
    files : sequence of Path
    predictor : Predictor
        A `ClipPredictor` classifies windows.
    to : text stream
    options : Options
    progress : Progress
    """
    tally = Summary()
    names = copy_names(files, ".mp4")
    form = options.form or "jsonl"
    with _Lines(to) if form == "jsonl" else _Table(to, predictor.classes, form) as writer:
        for path in files:
            reason = _predict_file(path, writer, predictor, options, names[path], tally, progress)
            if reason:
                tally.faults.append(Fault(str(path), reason))
    return tally


def _predict_file(
    path: Path, writer: _Lines | _Table, predictor: Predictor, options: Options, name: str,
    tally: Summary, progress: Progress,
) -> str:  # fmt: skip
    """Write what a video shows; return what was wrong with it."""
    drawn = options.drawn / name if options.drawn else None
    try:
        rows = _timeline(path, predictor, drawn, options, progress)
    except (UnreadableVideo, OSError) as error:
        return str(getattr(error, "reason", " ".join(str(error).split())))
    with rows:
        if rows.left_out:
            tally.notes.append(Fault(str(path), rows.left_out))
        return _write_rows(path, rows, writer, predictor, options, name, tally)


def _timeline(
    path: Path, predictor: Predictor, drawn: Path | None, options: Options, progress: Progress
) -> Timeline[Any]:
    if isinstance(predictor, ClipPredictor):
        window = WINDOW if options.window is None else options.window
        stride = STRIDE if options.stride is None else options.stride
        return predict_windows(
            path, predictor, window=window, stride=stride, every=options.every, drawn=drawn, progress=progress
        )
    return predict_video(
        path, predictor, every=options.every, smooth=options.smooth, identify=options.identify, drawn=drawn,
        progress=progress,
    )  # fmt: skip


def _write_rows(
    path: Path, rows: Timeline[Any], writer: _Lines | _Table, predictor: Predictor,
    options: Options, name: str, tally: Summary,
) -> str:  # fmt: skip
    """Write what a video shows; return what was wrong with it."""
    chart = Chart(predictor.classes)
    tracks: set[int] = set()
    small = 0
    try:
        for row in rows:
            with predictor.watch("write"):
                writer.write(str(path), row)
            chart.add(row)
            tracks |= {face.track for face in row.faces}
            small = max(small, len(row.skipped) if isinstance(row, FrameResult) else 0)
    except UnreadableVideo as error:
        return error.reason
    tally.videos += 1
    tally.frames += rows.frames
    tally.faces += len(tracks)
    tally.skipped += small
    if options.chart:
        chart.save(options.chart, Path(name).stem)
    return rows.fault
