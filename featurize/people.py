"""Persons known again in a video: tracks whose faces dlib's network puts near each other get one number."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from featurize import mesh
from featurize.checks import check_image
from featurize.handcrafted.dlib_net import CHIP, face_net
from featurize.images import Image

Array = NDArray[np.float32]

#: Distance of the mean vectors of two tracks under which they are one person's. Of single vectors its maker
#: gives .6 (measured on LFW); faces of 40 to 100 pixels need less: of 101 pairs of different people in nine
#: photos 17 % are nearer than .6, 4 % nearer than .5. Means of five vectors are nearer to each other.
SAME_PERSON = 0.5
#: Vectors of a track after which it is decided who that is, and faces looked at for them at most, one every
#: `APART` frames.
VECTORS, TRIES, APART = 5, 7, 4
#: A face is compared if its nose lies so near the middle of its eyes, in distances of their outer corners: in
#: profile the network tells nobody apart.
TURNED = 0.3
#: Side of the crop in which the mesh is found.
SIDE = 192
#: Points of the mesh in the order of dlib's five: corners of the left and of the right eye, base of the nose.
_FIVE = (263, 362, 33, 133, 2)
#: Outer corners of the eyes, and the tip of the nose.
_EYES, _NOSE = (33, 263), 1


def vector(crop: Image) -> Array | None:
    """Return the (128,) vector of dlib's face network, None for a face that is turned or not to be seen.

    Parameters
    ----------
    crop : (h, w) or (h, w, 3) uint8
        A face, framed as FER2013's are.

    Raises
    ------
    TypeError, ValueError
        If it is no image; see `featurize.checks.check_image`.
    """
    crop = check_image(crop, "crop")
    crop = crop if crop.ndim == 3 else np.repeat(crop[..., None], 3, axis=2)
    points, presence = mesh.fit_crops(crop[None])
    if presence[0] < mesh.PRESENT or abs(turn(points[0])) > TURNED:
        return None
    found: Array = face_net()(_chip(crop, points[0])[None])[0]
    return found


def turn(points: NDArray[np.float64]) -> float:
    """Return how far the nose of a (468, 3) mesh lies to the side, in distances of the eyes."""
    right, left = points[_EYES[0], :2], points[_EYES[1], :2]
    across = left - right
    return float((points[_NOSE, :2] - (left + right) / 2) @ across / max(float(across @ across), 1e-9))


def _chip(crop: Image, points: NDArray[np.float64]) -> Image:
    """Return the face upright, as dlib's network was trained on."""
    import dlib

    five = [dlib.point(round(float(x)), round(float(y))) for x, y in points[list(_FIVE), :2]]
    whole = dlib.rectangle(0, 0, crop.shape[1], crop.shape[0])
    chip: Image = dlib.get_face_chip(
        np.ascontiguousarray(crop), dlib.full_object_detection(whole, five), size=CHIP, padding=0.25
    )
    return chip


@dataclass
class _Known:
    """The vectors of a track or person: how many, and their sum; frames and tries of a track."""

    count: int = 0
    total: Array = field(default_factory=lambda: np.zeros(128, np.float32))
    frames: int = 0
    tries: int = 0

    @property
    def mean(self) -> Array:
        return np.asarray(self.total / max(self.count, 1), np.float32)

    @property
    def enough(self) -> bool:
        return self.count >= VECTORS or self.tries >= TRIES


@dataclass
class People:
    """Give tracks the numbers of persons.

    A track is compared by the mean of its first `VECTORS` vectors, or of those it has when it ends or after
    `TRIES` looks. The nearest person under `SAME_PERSON` is who that is, unless that person was in view at
    the same time; else it is somebody new, who gets the number of the track. Vectors are held in memory, and
    written nowhere.
    """

    _tracks: dict[int, _Known] = field(default_factory=dict, init=False)
    _people: dict[int, _Known] = field(default_factory=dict, init=False)
    _numbers: dict[int, int] = field(default_factory=dict, init=False)
    _together: dict[int, set[int]] = field(default_factory=dict, init=False)

    def see(self, tracks: Collection[int], vector_of: Callable[[int], Array | None]) -> None:
        """Take the tracks of the next frame.

        Parameters
        ----------
        tracks : collection of int
        vector_of : callable
            Track -> (128,) vector of its face in this frame, or None; asked of tracks that are not decided,
            in every `APART`-th of their frames.
        """
        for track in tracks:
            self._together.setdefault(track, set()).update(other for other in tracks if other != track)
            if track not in self._numbers:
                self._look(self._tracks.setdefault(track, _Known()), track, vector_of)
        self._decide([t for t, known in self._tracks.items() if t not in tracks or known.enough])

    def end(self) -> None:
        """Decide who all are that are not decided: nothing more comes."""
        self._decide(list(self._tracks))

    def number(self, track: int) -> int | None:
        """Return the number of the person of a track, None as long as that is not decided."""
        return self._numbers.get(track)

    def _look(self, known: _Known, track: int, vector_of: Callable[[int], Array | None]) -> None:
        if known.frames % APART == 0:
            known.tries += 1
            if (found := vector_of(track)) is not None:
                known.count, known.total = known.count + 1, known.total + found
        known.frames += 1

    def _decide(self, tracks: list[int]) -> None:
        """Give tracks their numbers: who is nearest to a person first."""
        tracks = sorted(tracks)
        while tracks:
            away = {track: self._nearest(track) for track in tracks}
            track = min(tracks, key=lambda t: away[t][0])
            distance, person = away[track]
            self._numbers[track] = number = person if distance < SAME_PERSON else track
            known, mine = self._people.setdefault(number, _Known()), self._tracks.pop(track)
            known.count, known.total = known.count + mine.count, known.total + mine.total
            tracks.remove(track)

    def _nearest(self, track: int) -> tuple[float, int]:
        """Return the distance and number of the nearest person who was not in view with a track."""
        mine = self._tracks[track]
        with_it = {self._numbers.get(other) for other in self._together.get(track, ())}
        others = {n: known for n, known in self._people.items() if known.count and n not in with_it}
        if not mine.count or not others:
            return np.inf, 0
        return min((float(np.linalg.norm(mine.mean - known.mean)), n) for n, known in others.items())
