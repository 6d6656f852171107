"""The colours of charts, boxes and the web page: Okabe and Ito, Color universal design, 2008.

People who do not see all colours tell them apart.
"""

from __future__ import annotations

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

#: Of lines: without the yellow, which vanishes on white, and with the ink in place of black.
LINES: tuple[RGB, ...] = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK, (127, 127, 127))
#: Of the boxes on images, by class: with black text on them, so a light grey in place of black.
BOXES: tuple[RGB, ...] = (VERMILION, GREEN, PURPLE, YELLOW, (200, 200, 200), BLUE, SKY, ORANGE)


def hex_of(colour: RGB) -> str:
    """Return a colour as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
