"""Predict on photos: files and folders in, one record a photo out, as it is done."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.atomic import write_bytes
from featurize.images import MAX_FILE, Image, UnreadableImage, decode
from featurize.walk import Fault
from pipelines.prediction.faces import Form, ImageResult, Summary, box_dict
from pipelines.prediction.outputs import LinesWriter, Stream, TableWriter, check_copies, copy_names
from pipelines.prediction.predictor import Predictor
from pipelines.utils.progress import SILENT, Progress

if TYPE_CHECKING:
    from pipelines.prediction.boxes import Boxes

#: Photos looked at at once: the detectors let Python's other threads run. Each holds a decoded photo.
WORKERS = min(4, os.cpu_count() or 1)
#: Columns of a table of faces, before those of the classes.
COLUMNS = ("file", "face", "left", "top", "right", "bottom", "confidence", "label", "meaning")


#: A photo, its image and what it shows, or neither and why not.
Looked = tuple[Path, Image | None, ImageResult | None, str]


def predict_photos(
    photos: Sequence[Path],
    predictor: Predictor,
    to: Stream,
    *,
    form: Form = "jsonl",
    drawn: Path | None = None,
    boxes: Boxes | None = None,
    progress: Progress = SILENT,
    looked: Iterable[Looked] | None = None,
) -> Summary:
    """Classify every face of every photo; records are written as they come, so memory stays constant.

    Parameters
    ----------
    photos : sequence of Path
    predictor : Predictor
    to : text stream
        For Parquet a `pipelines.prediction.outputs.RecordFile`.
    form : {"jsonl", "csv", "parquet"}
        A line a photo, or a row a face (a photo without a face has no row).
    drawn : Path, optional
        Folder for copies with boxes and labels.
    boxes : Boxes, optional
        The faces of the photos: nothing is searched.
    progress : Progress
    looked : iterable, optional
        What the photos show, where it is found elsewhere (`pipelines.prediction.remote.classified_on`).

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        If a copy would be written over a photo.
    """
    tally = Summary()
    names = copy_names(photos, ".jpg")
    if drawn is not None:
        check_copies(photos, list(names.values()), drawn)
    writer = _Lines(to) if form == "jsonl" else _Table(to, form, COLUMNS, predictor.classes)
    with progress.task("photos", len(photos)) as advance, writer:
        for path, image, seen, reason in _looked(photos, predictor, boxes) if looked is None else looked:
            if image is None or seen is None:
                tally.faults.append(Fault(str(path), reason))
            else:
                with predictor.watch("write"):
                    writer.write(path, image, seen)
                    if drawn is not None:
                        whole = image if looked is None else decode(path.read_bytes(), path.name)
                        _save(drawn / names[path], whole, seen)
                _count(tally, seen)
            advance(1)
    return tally


def _looked(photos: Sequence[Path], predictor: Predictor, boxes: Boxes | None) -> Iterator[Looked]:
    """Yield what each photo shows, in order; a few are looked at at once, so that memory stays constant."""
    ahead: deque[Future[Looked]] = deque()
    pool = ThreadPoolExecutor(WORKERS)
    try:
        for path in photos:
            ahead.append(pool.submit(look, path, predictor, boxes))
            if len(ahead) > WORKERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def look(path: Path, predictor: Predictor, boxes: Boxes | None, data: bytes | None = None) -> Looked:
    """Return what a photo shows; its bytes may be given, where its file is elsewhere."""
    try:
        if data is None and path.stat().st_size > MAX_FILE:
            raise UnreadableImage(path.name, f"larger than {MAX_FILE >> 20} MB")
        with predictor.watch("decode"):
            image = decode(path.read_bytes() if data is None else data, path.name)
        given = None if boxes is None else boxes.of(path, image)
    except (UnreadableImage, OSError, ValueError) as error:
        return path, None, None, getattr(error, "reason", " ".join(str(error).split()))
    return path, image, predictor.look(image) if given is None else predictor.look_at(image, given), ""


def _count(tally: Summary, seen: ImageResult) -> None:
    tally.photos += 1
    tally.faces += len(seen.faces)
    tally.skipped += len(seen.skipped)


class _Lines(LinesWriter):
    def write(self, path: Path, image: Image, seen: ImageResult) -> None:
        self.put(
            {
                "file": str(path),
                "width": image.shape[1],
                "height": image.shape[0],
                "faces": [face.as_dict() for face in seen.faces],
                "skipped": [box_dict(box) for box in seen.skipped],
                "smallest": seen.smallest,
            }
        )


class _Table(TableWriter):
    def write(self, path: Path, image: Image, seen: ImageResult) -> None:
        del image
        rows = []
        for number, face in enumerate(seen.faces, 1):
            known: list[Any] = [str(path), number, *box_dict(face.box).values(), round(face.confidence, 4)]
            rows.append([*known, face.label, face.meaning, *self.numbers(face.probabilities)])
        self.table.write(rows)


def _save(path: Path, image: Image, seen: ImageResult) -> None:
    from PIL import Image as Pillow

    from pipelines.prediction.annotate import draw

    written = io.BytesIO()  # Pillow says of a full disk only that it could not go on
    Pillow.fromarray(draw(image, seen.faces)).save(written, "JPEG", quality=92)
    write_bytes(path, written.getvalue())
