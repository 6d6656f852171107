"""Faces followed from frame to frame: searched every few frames, in between followed by their look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from featurize.checks import check_image
from featurize.detect import Detection, iou
from featurize.faces import Box
from featurize.images import Image, to_grey

#: Frames between two searches.
EVERY = 10
#: Overlap from which a box found is the face that was followed to there.
SAME = 0.3
#: Peak to side lobe ratio under which a followed face is lost; Bolme et al. (2010) call 7 and less a failure.
#: On the real clip of the benchmarks it is 3.5 at a cut and 8.8 or more while a face is in view.
LOST = 6.0
#: Searches in a row that may miss a followed face (it turned aside) before it is given up.
MISSES = 2
#: Above so many faces every frame is searched: that costs less than to follow each.
MANY = 24
#: Faces are followed in a grey picture of this longer side at most: they are looked at in 64 pixels anyway.
FOLLOW_SIDE = 1280


class Seen(NamedTuple):
    """A face in a frame.

    Attributes
    ----------
    track : int
        Its number, from 1; the same while it is followed, never used again.
    detection : Detection
        Where it is in this frame, with the score of the last search that found it.
    searched : bool
        Whether it was found by a search in this frame, and not merely followed.
    """

    track: int
    detection: Detection
    searched: bool


@dataclass
class _Track:
    """A face; `misses` searches in a row did not find it, and without a follower it is then out of view."""

    number: int
    detection: Detection
    follower: Any = None
    misses: int = 0


class Tracker:
    """Follow every face of a stream of frames.

    Every `every` frames, and as soon as a face is lost, the frame is searched. What is found is matched with
    what is followed by the assignment of largest summed overlap (SciPy's), pairs under `SAME` left out. In
    between each face is followed by dlib's correlation tracker (Danelljan et al., "Accurate scale estimation
    for robust visual tracking", BMVC 2014) until its ratio of peak to side lobes says that it is lost, as it
    does at a cut.

    Parameters
    ----------
    find : callable
        (h, w[, 3]) uint8 -> list of Detection.
    every : int
        Frames between two searches; 1: every frame is searched, nothing is followed.

    Raises
    ------
    ValueError
        If `every` is below 1.
    """

    def __init__(self, find: Callable[[Image], Sequence[Detection]], every: int = EVERY) -> None:
        if every < 1:
            raise ValueError(f"every={every}: search every frame (1) or every few (such as {EVERY})")
        self.find = find
        self.every = every
        self._tracks: list[_Track] = []
        self._count = 0
        self._since = every  # the first frame is searched
        self._size: tuple[int, int] | None = None

    def __call__(self, image: Image) -> list[Seen]:
        """Return the faces of the next frame, the largest first.

        Parameters
        ----------
        image : (h, w) or (h, w, 3) uint8
            A frame of another size than the last begins anew.

        Raises
        ------
        TypeError, ValueError
            If it is no image; see `featurize.checks.check_image`.
        """
        image = check_image(image, "frame")
        if self._size != image.shape[:2]:
            self._tracks, self._since, self._size = [], self.every, image.shape[:2]
        lost = self._follow(image)
        self._since += 1
        searched = lost or self._since >= self.every or len(self._tracks) > MANY
        if searched:
            self._search(image)
        seen = [t for t in self._tracks if not t.misses or t.follower is not None]
        found = [Seen(t.number, t.detection, searched and not t.misses) for t in seen]
        return sorted(found, key=_largest)

    def _follow(self, image: Image) -> bool:
        """Move every box to where its face went; return whether one was lost."""
        followed = [track for track in self._tracks if track.follower is not None]
        if not followed:
            return False
        grey, scale = _work(image)
        lost = set()
        for track in followed:
            sure = track.follower.update(grey)
            if not sure >= LOST:  # NaN in a picture without any structure
                lost.add(track.number)
                continue
            track.detection = Detection(_box(track.follower, scale), track.detection.confidence)
        self._tracks = [track for track in self._tracks if track.number not in lost]
        return bool(lost)

    def _search(self, image: Image) -> None:
        self._since = 0
        found: dict[int, Detection] = dict(enumerate(self.find(image)))
        for track in self._tracks:
            track.misses += 1
        boxes = [track.detection.box for track in self._tracks], [d.box for d in found.values()]
        for i, j in matched(*boxes):
            self._tracks[i].detection, self._tracks[i].misses = found.pop(j), 0
        self._tracks = [track for track in self._tracks if track.misses <= MISSES]
        for detection in found.values():
            self._count += 1
            self._tracks.append(_Track(self._count, detection))
        self._anchor(image)

    def _anchor(self, image: Image) -> None:
        """From here on follow what was found in this frame by its look in it."""
        if self.every == 1 or len(self._tracks) > MANY:
            for track in self._tracks:
                track.follower = None
            return
        grey, scale = _work(image)
        for track in self._tracks:
            if not track.misses:
                track.follower = _follower(grey, track.detection.box, scale)


def _largest(seen: Seen) -> tuple[int, int, int]:
    box = seen.detection.box
    return box.left - box.right, box.left, box.top


def matched(followed: Sequence[Box], found: Sequence[Box]) -> list[tuple[int, int]]:
    """Return (followed, found) indices of the boxes that are of one face."""
    if not followed or not found:
        return []
    from scipy.optimize import linear_sum_assignment

    overlap = np.array([[iou(a, b) for b in found] for a in followed])
    overlap[overlap < SAME] = 0.0
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if overlap[i, j] > 0]


def _work(image: Image) -> tuple[Image, float]:
    """Return the grey picture in which faces are followed, and how much smaller it is."""
    grey = np.ascontiguousarray(to_grey(image))
    scale = min(1.0, FOLLOW_SIDE / max(grey.shape))
    if scale < 1:
        size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return grey, scale


def _follower(grey: Image, box: Box, scale: float) -> Any:
    import dlib

    follower = dlib.correlation_tracker()
    follower.start_track(grey, dlib.drectangle(*(side * scale for side in box[:4])))
    return follower


def _box(follower: Any, scale: float) -> Box:
    place = follower.get_position()
    sides = place.left(), place.top(), place.right(), place.bottom()
    return Box(*(round(side / scale) for side in sides), True)  # type: ignore[call-arg]
