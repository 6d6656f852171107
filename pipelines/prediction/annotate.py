"""Boxes and labels drawn on images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.checks import check_image
from pipelines.utils.palette import BOXES, EMOTION_PLACES, places

if TYPE_CHECKING:
    from featurize.faces import Box
    from featurize.images import Image
    from pipelines.prediction.faces import Face

#: Of the text on them.
_TEXT = (0, 0, 0)


def draw(image: Image, faces: Sequence[Face]) -> Image:
    """Return a copy of an image with a box, a label and its number for each face.

    A percentage stands only where it is a probability; a score is written as a number such as 0.62.

    Parameters
    ----------
    image : (h, w) or (h, w, 3) uint8
        Grey or RGB.
    faces : sequence of Face

    Returns
    -------
    ndarray of shape (h, w, 3), uint8
        RGB.

    Raises
    ------
    TypeError, ValueError
        If it is no image; see `featurize.checks.check_image`.
    """
    canvas = _rgb_copy(check_image(image))
    for face in faces:
        colour = BOXES[places(face.probabilities, EMOTION_PLACES)[face.label] % len(BOXES)]
        label(canvas, face.box, words_of(face), colour)
    return canvas


def words_of(face: Face) -> str:
    """Return ``happy 87 %``, or ``happy 0.87`` where the number is a score."""
    value = face.probabilities[face.label]
    return f"{face.label} {value:.2f}" if face.meaning == "score" else f"{face.label} {100 * value:.0f} %"


def label(canvas: Image, box: Box, text: str, colour: tuple[int, int, int]) -> None:
    """Draw a box and a text above it (inside where there is no room) on an RGB image, in place."""
    import cv2

    side = max(canvas.shape[:2])
    thick = max(1, round(side / 500))
    cv2.rectangle(canvas, (box.left, box.top), (box.right, box.bottom), colour, thick)
    tag = _tag(text, max(11, round(side / 55)), colour)
    top = box.top - len(tag)
    paste(canvas, tag, box.left, top if top >= 0 else max(box.top, 0))


def note(canvas: Image, text: str) -> None:
    """Write a text in the top left corner of an RGB image, in place."""
    paste(canvas, _tag(text, max(11, round(max(canvas.shape[:2]) / 55)), (255, 255, 255)), 0, 0)


def paste(canvas: Image, patch: NDArray[np.uint8], left: int, top: int) -> None:
    """Put a patch on an image, in place; it is shifted or cut so that it lies inside."""
    height, width = canvas.shape[:2]
    left = max(0, min(left, width - patch.shape[1]))
    top = max(0, min(top, height - patch.shape[0]))
    part = patch[: height - top, : width - left]
    canvas[top : top + part.shape[0], left : left + part.shape[1]] = part


@lru_cache(maxsize=512)
def _tag(text: str, size: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the text on a ground of the box's colour; Pillow's font has the letters OpenCV's lack."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    margin = max(2, size // 5)
    tag = Pillow.new("RGB", (int(right - left) + 2 * margin, size + 2 * margin), colour)
    ImageDraw.Draw(tag).text((margin - left, margin + size), text, fill=_TEXT, font=font, anchor="ls")
    return np.array(tag)


def _rgb_copy(image: Image) -> Image:
    return image.copy() if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
