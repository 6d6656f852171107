"""Give a person who comes back in a video the number that the face had, after a cut too."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

from featurize.detect import tilt
from featurize.images import Image
from featurize.people import SIDE, Array, People, vector
from pipelines.prediction.faces import FrameResult, TrackedFace
from pipelines.prediction.predictor import Predictor


class Moment(NamedTuple):
    """A frame with its row, if one ends with it, and what is drawn on it.

    Attributes
    ----------
    image : (h, w, 3) uint8, or None
        None where it is needed no longer.
    seconds : float
    row : FrameResult, WindowRow, or None
    faces : sequence of TrackedFace
    """

    image: Image | None
    seconds: float
    row: Any
    faces: list[TrackedFace]


def identified(
    moments: Generator[Moment, None, None], predictor: Predictor, keep_images: bool
) -> Generator[Moment, None, None]:
    """Yield moments whose tracks are persons; each is held until it is decided who its faces are.

    That is some thirty frames at most (`featurize.people.TRIES`). What is compared is biometric data: it is
    held in memory while a video is read, and written nowhere.

    Parameters
    ----------
    moments : generator of Moment
        With a `FrameResult` each.
    predictor : Predictor
    keep_images : bool
        Whether the images are needed afterwards.
    """
    people, held = People(), deque[Moment]()
    with closing(moments):
        for moment in moments:
            _see(people, moment, predictor)
            held.append(moment if keep_images else moment._replace(image=None))
            while held and all(people.number(face.track) for face in held[0].row.faces):
                yield _named(held.popleft(), people)
    people.end()
    yield from (_named(moment, people) for moment in held)


def _see(people: People, moment: Moment, predictor: Predictor) -> None:
    faces, image = {face.track: face for face in moment.row.faces}, moment.image
    assert image is not None  # noqa: S101 - it is left out of what is held alone

    def vector_of(track: int) -> Array | None:
        face = faces[track]
        return vector(predictor.find.crop(image, face.box, SIDE, tilt(face.points)))

    with predictor.watch("identify"):
        people.see(faces, vector_of)


def _named(moment: Moment, people: People) -> Moment:
    """Return a moment whose tracks are the numbers of persons."""
    row: FrameResult = moment.row
    faces = [replace(face, track=people.number(face.track) or face.track) for face in row.faces]
    return moment._replace(row=replace(row, faces=faces), faces=faces)
