"""The colours of charts, boxes and the web page: Okabe and Ito, Color universal design, 2008.

People who do not see all colours tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

RGB = tuple[int, int, int]

BLUE: RGB = (0, 114, 178)
SKY: RGB = (86, 180, 233)
GREEN: RGB = (0, 158, 115)
YELLOW: RGB = (240, 228, 66)
ORANGE: RGB = (230, 159, 0)
VERMILION: RGB = (213, 94, 0)
PURPLE: RGB = (204, 121, 167)
#: Text and rules of charts; the page replaces them by colours of its own, so that a chart is light and dark.
INK: RGB = (31, 35, 40)
RULE: RGB = (212, 216, 221)

BROWN: RGB = (140, 86, 75)
VIOLET: RGB = (118, 78, 200)
OLIVE: RGB = (140, 140, 0)
TEAL: RGB = (0, 95, 95)
#: Of lines: without the yellow, which vanishes on white, and with the ink in place of black. The last four
#: are none of theirs: a head has a marker as well.
LINES: tuple[RGB, ...] = (
    BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK, (127, 127, 127), BROWN, VIOLET, OLIVE, TEAL,
)  # fmt: skip
#: Of the boxes on images, by class: with black text on them, so a light grey in place of black.
BOXES: tuple[RGB, ...] = (VERMILION, GREEN, PURPLE, YELLOW, (200, 200, 200), BLUE, SKY, ORANGE)


def hex_of(colour: RGB) -> str:
    """Return a colour as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


#: Place of a head and of an emotion among the colours and the markers: the same in all charts and images.
#: Names that stand for one emotion in different sets share a place.
HEAD_PLACES: dict[str, int] = {
    "softmax": 0, "svm": 1, "forest": 2, "knn": 3, "bagged-svm": 4, "network-softmax": 5,
    "local-svm": 6, "vote": 7, "stack": 8, "pool": 9, "linear-svm": 10, "nystroem-svm": 11,
}  # fmt: skip
EMOTION_PLACES: dict[str, int] = {
    "angry": 0, "anger": 0, "disgust": 1, "disgusted": 1, "fear": 2, "fearful": 2, "afraid": 2,
    "happy": 3, "happiness": 3, "joy": 3, "neutral": 4, "sad": 5, "sadness": 5, "surprise": 6, "surprised": 6,
    "contempt": 7, "others": 4, "other": 4, "negative": 1, "positive": 3,
}  # fmt: skip


def places(names: Iterable[str], known: Mapping[str, int]) -> dict[str, int]:
    """Return the place of each name: its own where it has one, else the first that no other has taken.

    Parameters
    ----------
    names : iterable of str
        Heads or classes, in the order in which those without a place take one.
    known : mapping
        `HEAD_PLACES` or `EMOTION_PLACES`.

    Returns
    -------
    dict
        Name -> place from 0 on. Two names have one place only where `known` says so of both.
    """
    wanted = list(dict.fromkeys(names))
    found = {name: known[name.lower()] for name in wanted if name.lower() in known}
    free = (place for place in count() if place not in found.values())
    return {name: found[name] if name in found else next(free) for name in wanted}
