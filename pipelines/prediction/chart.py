"""The time line of a video: as JSON lines or CSV, written as it comes, and as a chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pipelines.prediction.faces import FrameResult, TrackedFace, WindowRow
from pipelines.prediction.faces import span

#: A chart has at most so many instants, so that its memory does not grow with the video: then two become one.
BINS = 600


#: The faces a chart shows: those longest in view. Of so many times more the numbers are kept until then.
SHOWN, KEPT = 4, 16


class Chart:
    """The numbers of the longest seen faces over time, in constant memory.

    Parameters
    ----------
    classes : sequence of str
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.width = 1 / 60  # seconds of a bin, doubled as needed
        self.meaning = "probability"
        self._bins: dict[int, dict[int, NDArray[np.float64]]] = {}  # track -> bin -> sums and a count
        self._seen: dict[int, Counter[str]] = {}  # track -> its rows by label
        self._end = 0.0

    def add(self, row: FrameResult | WindowRow) -> None:
        """Take a row."""
        begin, end = span(row)
        self._end = max(self._end, end)
        while end / self.width >= BINS:
            self._halve()
        for face in row.faces:
            self._add(face, int((begin + end) / 2 / self.width))
        if len(self._bins) > SHOWN * KEPT:
            self._prune()

    def _add(self, face: TrackedFace, at: int) -> None:
        self.meaning = face.meaning
        row = np.array([*(face.probabilities[name] for name in self.classes), 1.0])
        bins = self._bins.setdefault(face.track, {})
        bins[at] = bins[at] + row if at in bins else row
        self._seen.setdefault(face.track, Counter())[face.label] += 1

    def _halve(self) -> None:
        self.width *= 2
        for track, bins in self._bins.items():
            joined: dict[int, NDArray[np.float64]] = {}
            for at, row in bins.items():
                joined[at // 2] = joined[at // 2] + row if at // 2 in joined else row
            self._bins[track] = joined

    def longest(self) -> list[int]:
        """Return the tracks that were seen most often, the first to appear first."""
        return sorted(self._by_length()[:SHOWN])

    def _by_length(self) -> list[int]:
        return sorted(self._seen, key=lambda t: (-self._seen[t].total(), t))

    def _prune(self) -> None:
        kept = self._by_length()[: SHOWN * KEPT // 2]
        self._bins = {t: self._bins[t] for t in kept}
        self._seen = {t: self._seen[t] for t in kept}

    def series(self, track: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (n,) seconds and (n, k) means of a track; a gap in view is a row of NaN."""
        bins = self._bins[track]
        rows: list[tuple[float, NDArray[np.float64]]] = []
        before = None
        for at in sorted(bins):
            if before is not None and (at - before) * self.width > max(1.0, 2 * self.width):
                rows.append(((before + 1) * self.width, np.full(len(self.classes), np.nan)))
            rows.append(((at + 0.5) * self.width, bins[at][:-1] / bins[at][-1]))
            before = at
        return np.array([t for t, _ in rows]), np.array([row for _, row in rows])

    def save(self, folder: Path, name: str) -> list[Path]:
        """Write ``NAME.svg`` and ``NAME.png``; nothing if no face was seen."""
        tracks = self.longest()
        if not tracks:
            return []
        from pipelines.utils.figures import WIDE, FigureWriter, plain

        album = FigureWriter(folder, endings=(".svg", ".png"))
        size = (WIDE, 0.9 + 1.4 * len(tracks))
        with album.drawing(name, plain(name), size, rows=len(tracks)) as (drawing, axes, said):
            for ax, track in zip(np.atleast_1d(axes), tracks, strict=True):
                self._draw(ax, track)
            drawing.legend(
                *np.atleast_1d(axes)[0].get_legend_handles_labels(), loc="outside upper center", ncols=7
            )
            np.atleast_1d(axes)[-1].set_xlabel("seconds")
            said.append(self._words(tracks))
        return [folder / f"{name}.svg", folder / f"{name}.png"]

    def _draw(self, axes: Any, track: int) -> None:
        from pipelines.utils.figures import colour, dash
        from pipelines.utils.palette import EMOTION_PLACES, places

        seconds, rows = self.series(track)
        place = places(self.classes, EMOTION_PLACES)
        for i, label in enumerate(self.classes):
            k = place[label]
            axes.plot(
                seconds, rows[:, i], color=colour(k), linestyle=dash(k // 4), label=label,
                marker="." if len(seconds) < 3 else None,
            )  # fmt: skip
        axes.set(xlim=(0, self._end or 1), ylim=(-0.02, 1.02), ylabel=self.meaning, title=f"track {track}")

    def _words(self, tracks: Sequence[int]) -> str:
        return "; ".join(f"track {t}: mostly {self._seen[t].most_common(1)[0][0]}" for t in tracks)
