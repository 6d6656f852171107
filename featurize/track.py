"""Faces followed from frame to frame: searched every few frames, in between each looked for where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.checks import check_image
from featurize.detect import Detection, iou
from featurize.faces import Box
from featurize.images import Image, to_grey

#: Frames between two searches.
EVERY = 10
#: Overlap from which a box found is the face that was followed to there.
SAME = 0.3
#: Correlation of two 16-pixel copies of a face under which it is another one. It is low, because the boxes of
#: dlib's and OpenCV's detectors come in steps of size; a cut is told by the whole frame.
ALIKE = 0.2
#: Correlation of two frames, 32 x 18 pixels each, under which there is a cut between them. On the real clip
#: of the benchmarks it is .27 or less at its three cuts, and .69 or more from frame to frame else.
CUT = 0.5
#: Searches in a row that may miss a face that is still seen where it was, before it is given up.
MISSES = 2
#: Frames for which a face that is out of view keeps its number, if it comes back near where it was.
KEEP = 45
#: How far it may have moved meanwhile, in sides of its box.
NEAR = 1.0
#: Above so many faces every frame is searched: that costs less than to look for each.
MANY = 24
#: Searches in a row that must find a face which appears in the middle of a shot, before it is given.
CONFIRM = 3
#: Sizes of the copies by which a face is told from another, and a frame from the next shot's.
_FACE, _FRAME = (16, 16), (32, 18)

Array = NDArray[np.float32]
#: A face: its box, and its look.
Looked = tuple[Box, Array]


class Track(NamedTuple):
    """A face in a frame.

    Attributes
    ----------
    track : int
        Its number, from 1; the same while it is followed.
    detection : Detection
        Where it is in this frame.
    searched : bool
        Whether it was found by a search of this frame, and not merely where it was.
    sized : Box
        Its box in the last search that found it: what says how large it is, so that a face on the edge of
        what is classified is not classified now and then.
    """

    track: int
    detection: Detection
    searched: bool
    sized: Box


@dataclass
class _Track:
    """A face; `misses` searches in a row did not find it, `away` frames ago it was seen last.

    It has no number (0) until `hits` searches in a row found it.
    """

    number: int
    detection: Detection
    look: Array
    sized: Box
    misses: int = 0
    away: int = 0
    hits: int = 1


@dataclass
class Tracker:
    """Follow every face of a stream of frames.

    Every `every` frames, and as soon as a face is lost, the frame is searched. What is found is matched with
    what is followed by the assignment of largest summed overlap (SciPy's); pairs under `SAME`, and faces that
    do not look alike, are left out. In between each face is looked for around where it was. A face that is
    lost keeps its number for `KEEP` frames. At a cut all are lost for good.

    What the first search of a shot finds is given at once. What appears later is given when `CONFIRM`
    searches in a row, frame after frame, have found it: a false box seldom lasts so long.

    Parameters
    ----------
    find : callable
        (h, w[, 3]) uint8 -> list of Detection.
    every : int
        Frames between two searches; 1: every frame is searched.
    near : callable, optional
        (image, Detection) -> Detection or None: the same face in this image, see
        `featurize.detect.Detector.near`. Without it every frame is searched.

    Raises
    ------
    ValueError
        If `every` is below 1.
    """

    find: Callable[[Image], Sequence[Detection]]
    every: int = EVERY
    near: Callable[[Image, Detection], Detection | None] | None = None
    _tracks: list[_Track] = field(default_factory=list, init=False)
    _lost: list[_Track] = field(default_factory=list, init=False)
    _count: int = field(default=0, init=False)
    _since: int = field(default=0, init=False)
    _new_shot: bool = field(default=True, init=False)
    _size: tuple[int, int] | None = field(default=None, init=False)
    _shot: Array | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every={self.every}: search every frame (1) or every few (such as {EVERY})")

    def __call__(self, image: Image) -> list[Track]:
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
        self._new_shot = self._begins(image)
        if self._new_shot:
            self._tracks, self._lost, self._since = [], [], self.every
        self._age()
        searched = self._due() or self._follow(image)
        if searched:
            self._search(image)
        given = [t for t in self._tracks if t.number]
        found = [Track(t.number, t.detection, searched and not t.misses, t.sized) for t in given]
        return sorted(found, key=_largest)

    def _begins(self, image: Image) -> bool:
        """Say whether a frame begins a shot: its size is new, or it is unlike the last one."""
        thin = image[:: max(1, len(image) // 360)]  # every row of a large frame would cost more than it says
        before, self._shot = self._shot, levels(thin, _FRAME)
        size, self._size = self._size, image.shape[:2]
        return before is None or size != self._size or not _alike(before, self._shot, CUT)

    def _age(self) -> None:
        self._since += 1
        for track in self._lost:
            track.away += 1
        self._lost = [track for track in self._lost if track.away <= KEEP]

    def _due(self) -> bool:
        doubtful = any(not track.number for track in self._tracks)
        return self.near is None or self._since >= self.every or len(self._tracks) > MANY or doubtful

    def _follow(self, image: Image) -> bool:
        """Move every box to where its face is; return whether one is not to be seen there."""
        assert self.near is not None  # noqa: S101 - `_due` holds without it
        before, self._tracks = self._tracks, []
        for track in before:
            found = self.near(image, track.detection)
            seen = look(image, found.box) if found else None
            if found is None or seen is None or not _alike(track.look, seen):
                self._lost.append(track)
                continue
            track.detection, track.look = found, seen
            self._tracks.append(track)
        return len(self._tracks) < len(before)

    def _search(self, image: Image) -> None:
        self._since = 0
        found = {i: (d, look(image, d.box)) for i, d in enumerate(self.find(image))}
        for track in self._tracks:
            track.misses += 1
        followed = [(track.detection.box, track.look) for track in self._tracks]
        for i, j in matched(followed, [(d.box, seen) for d, seen in found.values()]):
            self._put(self._tracks[i], *found.pop(j))
        self._drop_missed(image)
        for detection, seen in found.values():
            self._again_or_new(detection, seen)

    def _put(self, track: _Track, detection: Detection, seen: Array) -> None:
        track.detection, track.look, track.sized = detection, seen, detection.box
        track.misses, track.away = 0, 0
        track.hits += 1
        self._number(track)

    def _number(self, track: _Track) -> None:
        """Give a face its number, once it is no longer doubtful."""
        if not track.number and (self._new_shot or track.hits >= CONFIRM):
            self._count += 1
            track.number = self._count

    def _drop_missed(self, image: Image) -> None:
        """Let go of faces that the search did not find, unless they are still seen where they were."""
        kept = []
        for track in self._tracks:
            there = track.number and track.misses and track.misses <= MISSES and self.near is not None
            where = self.near(image, track.detection) if there and self.near else None
            if track.misses and (where is None or not _alike(track.look, look(image, where.box))):
                if track.number:
                    self._lost.append(track)
            else:
                track.detection = where or track.detection
                kept.append(track)
        self._tracks = kept

    def _again_or_new(self, detection: Detection, seen: Array) -> None:
        """Give a face the number it had a moment ago; else it is new."""
        back = [t for t in self._lost if _near(t.detection.box, detection.box) and _alike(t.look, seen)]
        if back:
            track = max(back, key=lambda t: float(t.look @ seen))
            self._lost.remove(track)
            self._put(track, detection, seen)
        else:
            track = _Track(0, detection, seen, detection.box)
            self._number(track)
        self._tracks.append(track)


def look(image: Image, box: Box) -> Array:
    """Return the `levels` of a face, 16 x 16."""
    top, left = max(0, box.top), max(0, box.left)
    part = image[top : max(box.bottom, top + 1), left : max(box.right, left + 1)]
    return levels(part, _FACE) if part.size else np.zeros(_FACE[0] * _FACE[1], np.float32)


def levels(image: Image, size: tuple[int, int]) -> Array:
    """Return the grey levels of an image of so many columns and rows, of mean 0 and length 1, or all 0."""
    small = to_grey(np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8))
    values = small.ravel().astype(np.float32)
    values -= values.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)


def _alike(a: Array, b: Array, least: float = ALIKE) -> bool:
    """Say whether two looks may be of one face; without any structure nothing speaks against it."""
    return not a.any() or not b.any() or float(a @ b) >= least


def _near(a: Box, b: Box) -> bool:
    """Say whether a face may have moved from one box to the other while it was out of view."""
    side_a, side_b = (max(box.right - box.left, box.bottom - box.top) for box in (a, b))
    apart = np.hypot(a.left + a.right - b.left - b.right, a.top + a.bottom - b.top - b.bottom) / 2
    return bool(apart <= NEAR * max(side_a, side_b)) and 0.5 <= side_a / side_b <= 2


def _largest(seen: Track) -> tuple[int, int, int]:
    box = seen.detection.box
    return box.left - box.right, box.left, box.top


def matched(followed: Sequence[Looked], found: Sequence[Looked]) -> list[tuple[int, int]]:
    """Return (followed, found) indices of what is one face, by box and look."""
    if not followed or not found:
        return []
    from scipy.optimize import linear_sum_assignment

    overlap = np.array([[iou(a, b) * _alike(x, y) for b, y in found] for a, x in followed])
    overlap[overlap < SAME] = 0.0
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if overlap[i, j] > 0]
