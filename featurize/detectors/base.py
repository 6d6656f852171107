"""What face detectors share: images in, boxes out; and the crop around a box as training saw its faces."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple, final

import cv2
import numpy as np

from featurize.checks import check_box, check_image, check_side
from featurize.faces import Box
from featurize.images import Image, resize

#: Nothing is enlarged more than so: beyond it a detector finds noise.
MAX_ENLARGE = 2.5
#: A face of the last frame is looked for so far around the middle of its box, in sides of it.
AROUND = 1.5
#: Overlap of its boxes in two frames from which it is the same face.
OVERLAP = 0.3


class Framing(NamedTuple):
    """How FER2013's crops lie around a detector's box, in sides of the box.

    Measured on the training split by benchmarks/framing.py: the detector is run on the enlarged crops, which
    says where its box lies in them; this is the way back.

    Attributes
    ----------
    side : float
        Of the square crop.
    down : float
        How far the crop's centre lies below the box's.
    """

    side: float
    down: float


#: (left, top, right, bottom) in pixels, and the detector's score.
Candidate = tuple[tuple[float, float, float, float], float]
#: (x, y) in pixels of a face's key points, in the order of `POINTS`; empty where a detector gives none.
Points = tuple[tuple[float, float], ...]
#: Key points by name; right and left are the person's own.
POINTS = ("right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear")


class Detection(NamedTuple):
    """A face that was found.

    Attributes
    ----------
    box : Box
        In pixels of the image.
    confidence : float
        The detector's own score: no probability, larger is surer.
    points : tuple of (float, float)
        Its key points, see `POINTS`; empty where the detector gives none.
    """

    box: Box
    confidence: float
    points: Points = ()


class Detector:
    """Find faces. A subclass gives the class attributes and `_make` with `_find`, or a `_search`."""

    name: ClassVar[str]
    #: Side in pixels of the smallest box it finds in an image as it is.
    smallest: ClassVar[int]
    #: Score from which a box is believed: the detector's own default.
    threshold: ClassVar[float]
    framing: ClassVar[Framing]
    #: Whether nothing is searched: every image is one face.
    whole: ClassVar[bool] = False

    def __init__(self) -> None:
        # Neither dlib's nor OpenCV's detectors may be shared by threads: each takes one and gives it back.
        self._free: deque[Any] = deque()

    @contextmanager
    def _borrowed(self) -> Iterator[Any]:
        try:
            engine = self._free.pop()
        except IndexError:
            engine = self._make()
        try:
            yield engine
        finally:
            self._free.append(engine)

    @final
    def __call__(self, image: Image, smallest: float = 0) -> list[Detection]:
        """Return the faces of an image, the largest first.

        Parameters
        ----------
        image : (h, w) or (h, w, 3) uint8
        smallest : float
            Side in pixels of the smallest face looked for; the image is reduced or enlarged (at most
            `MAX_ENLARGE` times) so that this is the smallest the detector can find. 0: the image is taken
            as it is.

        Returns
        -------
        list of Detection
            Boxes may reach over the image's edge.

        Raises
        ------
        TypeError, ValueError
            If it is no image (`featurize.checks.check_image`), or `smallest` is negative or no finite number.
        """
        # dlib takes arrays in C order only, as image[..., ::-1] of OpenCV's BGR is not.
        image = np.ascontiguousarray(check_image(image))
        if not 0 <= smallest < np.inf:
            raise ValueError(f"smallest={smallest}: give the side of the smallest face in pixels, 0 or more")
        return sorted(
            self._search(image, smallest), key=lambda d: (d.box.left - d.box.right, d.box.left, d.box.top)
        )

    def _search(self, image: Image, smallest: float) -> list[Detection]:
        """Return the faces of a checked image; here, as the library's detector finds them at one size."""
        scale = min(self.smallest / smallest, MAX_ENLARGE) if smallest and not self.whole else 1.0
        work = _scaled(image, scale)
        with self._borrowed() as engine:
            found = self._find(engine, work)
        back = image.shape[1] / work.shape[1], image.shape[0] / work.shape[0]
        return [Detection(_unscaled(box, *back), score) for box, score in found if score >= self.threshold]

    @final
    def near(self, image: Image, last: Detection) -> Detection | None:
        """Return a face of an earlier frame in this one, None if it is not around where it was.

        Parameters
        ----------
        image : (h, w) or (h, w, 3) uint8
        last : Detection
            Where it was. Of the faces around there, the one that overlaps it most is taken.

        Raises
        ------
        TypeError, ValueError
            If one is no image or its box is none; see `featurize.checks`.
        """
        image = check_image(image)
        check_box(last.box)
        side = max(last.box.right - last.box.left, last.box.bottom - last.box.top)
        x, y = (last.box.left + last.box.right) // 2, (last.box.top + last.box.bottom) // 2
        left, top = max(0, x - round(AROUND * side)), max(0, y - round(AROUND * side))
        part = image[top : max(0, y + round(AROUND * side)), left : max(0, x + round(AROUND * side))]
        if not part.size:
            return None
        around = [_moved(d, left, top) for d in self._search_near(np.ascontiguousarray(part), side)]
        best = max(around, key=lambda d: iou(d.box, last.box), default=None)
        return best if best is not None and iou(best.box, last.box) >= OVERLAP else None

    def _search_near(self, part: Image, side: int) -> list[Detection]:
        """Return the faces of a part of an image that shows one of this side in its middle."""
        return self._search(part, 0.7 * side)

    def crop(self, image: Image, box: Box, side: int, angle: float = 0.0) -> Image:
        """Return the (side, side[, 3]) crop around a box it found, framed as FER2013's faces are.

        `angle` is that of the face's eye line, see `crop_face` and `tilt`.
        """
        return crop_face(image, box, self.framing, side, angle)

    def _make(self) -> Any:
        """Return the library's detector."""
        raise NotImplementedError(f"{type(self).__name__} gives neither _make nor a _search of its own")

    def _find(self, engine: Any, image: Image) -> list[Candidate]:
        """Return ((left, top, right, bottom), score) of every candidate."""
        raise NotImplementedError(f"{type(self).__name__} gives neither _find nor a _search of its own")


def crop_face(image: Image, box: Box, framing: Framing, side: int | None = None, angle: float = 0.0) -> Image:
    """Return the square crop around a detector's box, framed as FER2013's faces are.

    Parameters
    ----------
    image : (h, w) or (h, w, 3) uint8
    box : Box
    framing : Framing
        Of the detector that found the box.
    side : int, optional
        Of the crop returned (area mean when shrinking, bicubic when enlarging); by default as large as it is.
    angle : float
        Of the face's eye line in radians, clockwise as seen in the image: the crop is turned with it.

    Returns
    -------
    ndarray of shape (side, side[, 3]), uint8
        Beyond the image its edge is repeated.

    Raises
    ------
    TypeError, ValueError
        If it is no image (`featurize.checks.check_image`), no box of finite sides around at least a pixel, or
        `side` no whole number above 0.
    """
    image = check_image(image)
    check_box(box)
    if side is not None:
        check_side(side, "side")
    size = max(2, round(framing.side * max(box.right - box.left, box.bottom - box.top)))
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    down = framing.down * (box.bottom - box.top)
    if angle:
        crop = _turned_window(image, x - down * math.sin(angle), y + down * math.cos(angle), size, angle)
    else:
        crop = _window(image, round(x - size / 2), round(y + down - size / 2), size)
    return crop if side is None else resize(crop, side)


def _window(image: Image, left: int, top: int, size: int) -> Image:
    """Return image[top:top + size, left:left + size], edges repeated where it reaches out."""
    rows = np.arange(top, top + size).clip(0, image.shape[0] - 1)
    columns = np.arange(left, left + size).clip(0, image.shape[1] - 1)
    return np.ascontiguousarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][
        np.ix_(rows - rows[0], columns - columns[0])
    ])  # fmt: skip


def _turned_window(image: Image, x: float, y: float, size: int, angle: float) -> Image:
    """Return the square around (x, y) that is turned by an angle, edges repeated where it reaches out."""
    cos, sin = math.cos(angle), math.sin(angle)
    middle = (size - 1) / 2
    back = np.array(
        [[cos, -sin, x - cos * middle + sin * middle], [sin, cos, y - sin * middle - cos * middle]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(image, back, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def tilt(points: Points) -> float:
    """Return the angle of the eye line in radians, clockwise as seen in the image; 0 without points."""
    if not points:
        return 0.0
    (right_x, right_y), (left_x, left_y) = points[:2]
    return math.atan2(left_y - right_y, left_x - right_x)


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes, 0..1."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    inner = width * height
    return inner / (_area(a) + _area(b) - inner)


def _area(box: Box) -> int:
    return (box.right - box.left) * (box.bottom - box.top)


def _scaled(image: Image, scale: float) -> Image:
    """Return an image at another size: area mean when shrinking, linear when enlarging."""
    if abs(scale - 1) < 0.02:  # not worth a pass over the image
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=how)  # type: ignore[return-value]


def _unscaled(sides: tuple[float, float, float, float], across: float, down: float) -> Box:
    left, top, right, bottom = sides
    return Box(round(left * across), round(top * down), round(right * across), round(bottom * down), True)


def _moved(found: Detection, right: int, down: int) -> Detection:
    """Return a detection in a part of an image as one in the image."""
    left, top, far, bottom, seen = found.box
    points = tuple((x + right, y + down) for x, y in found.points)
    return Detection(
        Box(left + right, top + down, far + right, bottom + down, seen), found.confidence, points
    )
