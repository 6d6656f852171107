"""Labels beside points that cover neither one another nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Where a label may lie: sides of its point, then distances in points of print.
_SIDES = ((-1, 1), (1, 1), (-1, -1), (1, -1), (0, 1), (0, -1), (-1, 0), (1, 0))
_FAR = (4, 9, 15, 22, 30)
_ALIGNED = {-1: "right", 0: "center", 1: "left"}, {-1: "top", 0: "center", 1: "bottom"}


def place_labels(
    axes: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], others: int
) -> None:
    """Write a text beside each point, in the first place where it covers nothing.

    Parameters
    ----------
    axes : Axes
        Whose limits are set.
    points : sequence of (x, y)
        In data, those with a text first.
    texts : sequence of str
        Of the first points; the rest are only not to be covered.
    others : int
        How many points have no text.
    """
    assert len(points) == len(texts) + others, (len(points), len(texts), others)  # noqa: S101
    drawing = axes.figure
    drawing.canvas.draw()  # the layout: places are known after it
    dots = axes.transData.transform(np.asarray(points, dtype=float).reshape(-1, 2))
    taken: list[NDArray[np.float64]] = []
    for (x, y), text in zip(points, texts, strict=False):
        for far, (across, up) in product(_FAR, _SIDES):
            shift = (across * far, up * far)
            made = axes.annotate(
                text, (x, y), shift, textcoords="offset points", fontsize=6.5,
                ha=_ALIGNED[0][across], va=_ALIGNED[1][up],
            )  # fmt: skip
            box = made.get_window_extent()
            corners = np.array([box.x0 - 1, box.y0 - 1, box.x1 + 1, box.y1 + 1])
            if _inside(corners, axes) and not _covers(corners, dots) and not _meets(corners, taken):
                break
            made.remove()
        else:
            continue  # no room: the key beside the chart says it
        taken.append(corners)


def _inside(box: NDArray[np.float64], axes: Axes) -> bool:
    whole = axes.get_window_extent()
    return bool(box[0] >= whole.x0 and box[1] >= whole.y0 and box[2] <= whole.x1 and box[3] <= whole.y1)


def _covers(box: NDArray[np.float64], dots: NDArray[np.float64]) -> bool:
    within = (dots[:, 0] > box[0] - 3) & (dots[:, 0] < box[2] + 3) & (dots[:, 1] > box[1] - 3)
    return bool(np.any(within & (dots[:, 1] < box[3] + 3)))


def _meets(box: NDArray[np.float64], taken: Sequence[NDArray[np.float64]]) -> bool:
    return any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
