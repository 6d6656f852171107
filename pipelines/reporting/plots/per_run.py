"""Charts of one run: where it is right, where it is wrong, and whether its scores can be believed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics.calibration import reliability
from pipelines.metrics.curves import one_against_rest, precision_recall, roc
from pipelines.results.predictions import Predictions
from pipelines.utils.figures import NARROW, WIDE, FigureWriter, colour, dash, heat, legend_outside, plain
from pipelines.utils.palette import EMOTION_PLACES, places

#: Points a curve keeps: more cannot be seen at print size.
CURVE_POINTS = 150


def draw_cell(album: FigureWriter, name: str, p: Predictions, confusion: NDArray[np.int64]) -> None:
    """Draw every chart of one run; their names say what they show, and end with `name`."""
    classes = [str(c) for c in p.classes]
    draw_confusion(album, f"confusion-{name}", confusion, classes)
    draw_counts(album, f"counts-{name}", confusion, classes)
    draw_curves(album, name, p, classes)
    if p.probabilistic:
        draw_reliability(album, f"reliability-{name}", p)


def draw_confusion(
    album: FigureWriter, name: str, confusion: NDArray[np.int64], classes: Sequence[str]
) -> None:
    """Draw the confusion matrix: counts, shaded by the share of each true class."""
    support = confusion.sum(axis=1, keepdims=True)
    share = np.divide(confusion, support, out=np.zeros(confusion.shape), where=support > 0)
    texts = [
        [f"{n:,}\n{100 * s:.0f}%" for n, s in zip(*pair, strict=True)]
        for pair in zip(confusion, share, strict=True)
    ]
    side = max(NARROW, 0.52 * len(classes) + 0.9)
    with album.drawing(name, "Confusion matrix", (side + 0.3, side)) as (_, axes, said):
        heat(axes, share, texts, classes, classes, 0, 1)
        axes.set(xlabel="predicted class", ylabel="true class")
        said.append(
            "Samples of each true class by the class they were given, and their share of the true class."
        )
        said.append(_worst_confusion(confusion, share, classes))


def _worst_confusion(confusion: NDArray[np.int64], share: NDArray[np.float64], classes: Sequence[str]) -> str:
    wrong = share * (1 - np.eye(len(classes)))
    i, j = (int(k) for k in np.unravel_index(np.argmax(wrong), wrong.shape))
    if not wrong[i, j]:
        return "Nothing is confused."
    best = int(np.argmax(np.diag(share)))
    return (
        f"The most frequent confusion is {classes[i]} taken for {classes[j]}: {confusion[i, j]:,} of "
        f"{confusion[i].sum():,} ({100 * share[i, j]:.1f} %); {classes[best]} is recognised best "
        f"({100 * share[best, best]:.1f} %)."
    )


def draw_counts(album: FigureWriter, name: str, confusion: NDArray[np.int64], classes: Sequence[str]) -> None:
    """Draw how many faces have each class and how many were given it."""
    true, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    where = np.arange(len(classes))
    with album.drawing(name, "Predicted against true counts", (WIDE / 2, 2.4)) as (_, axes, said):
        axes.bar(where - 0.2, true, 0.38, color=colour(0), label="true")
        axes.bar(
            where + 0.2,
            predicted,
            0.38,
            color=colour(4),
            label="predicted",
            hatch="////",
            edgecolor="white",
            lw=0,
        )
        axes.set_xticks(where, [plain(c) for c in classes], rotation=30, ha="right")
        axes.set(xlabel="class", ylabel="test samples")
        axes.grid(visible=False, axis="x")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
        ratio = np.divide(predicted, true, out=np.ones(len(true)), where=true > 0)
        much, little = int(np.argmax(ratio)), int(np.argmin(ratio))
        said.append(
            f"Given too often: {classes[much]} ({predicted[much]:,} times, true of {true[much]:,}); "
            f"too rarely: {classes[little]} ({predicted[little]:,}, true of {true[little]:,})."
            if much != little
            else "Every class is given exactly as often as it occurs."
        )


def draw_curves(album: FigureWriter, name: str, p: Predictions, classes: Sequence[str]) -> None:
    """Draw ROC and precision against recall: a line a class, and all of them pooled (micro)."""
    positive = one_against_rest(p.true, len(classes))
    usable = [k for k in range(len(classes)) if positive[:, k].any() and not positive[:, k].all()]
    if not usable:
        return
    with album.drawing(f"roc-{name}", "Receiver operating characteristic", (NARROW + 0.9, 3.3)) as (
        _,
        axes,
        said,
    ):
        axes.plot([0, 1], [0, 1], color=colour(7), lw=0.6, ls=":")
        areas = _lines(axes, roc, positive, p.scores, usable, classes)
        axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.005))
        legend_outside(axes, "area under the curve")
        said.append(
            "One class against the rest, by threshold on its score. " + _extremes(areas, "an area of")
        )
    with album.drawing(f"precision-recall-{name}", "Precision and recall", (NARROW + 0.9, 3.3)) as (
        _,
        axes,
        said,
    ):
        areas = _lines(axes, precision_recall, positive, p.scores, usable, classes)
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.005))
        legend_outside(axes, "average precision")
        said.append(
            "One class against the rest, by threshold on its score. "
            + _extremes(areas, "an average precision of")
        )


def _lines(axes, curve, positive, scores, usable, classes) -> dict[str, float]:  # type: ignore[no-untyped-def]
    areas, place = {}, places(classes, EMOTION_PLACES)
    for k in usable:
        x, y, area = curve(positive[:, k], scores[:, k])
        areas[classes[k]], i = area, place[classes[k]]
        axes.plot(
            *thinned(x, y), color=colour(i), ls=dash(i // 2), lw=1.1, label=f"{plain(classes[k])} {area:.3f}"
        )
    x, y, area = curve(positive[:, usable].ravel(), scores[:, usable].ravel())
    axes.plot(*thinned(x, y), color=colour(7), lw=2.2, alpha=0.8, label=f"micro {area:.3f}", zorder=1)
    return areas


def thinned(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a curve with at most `CURVE_POINTS` of its own points, evenly spread along its length."""
    if len(x) <= CURVE_POINTS:
        return x, y
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    kept = np.unique(np.searchsorted(length, np.linspace(0, length[-1], CURVE_POINTS)).clip(max=len(x) - 1))
    return x[kept], y[kept]


def _extremes(areas: dict[str, float], what: str) -> str:
    best, worst = max(areas, key=lambda k: areas[k]), min(areas, key=lambda k: areas[k])
    return f"Easiest is {best} with {what} {areas[best]:.3f}, hardest {worst} with {areas[worst]:.3f}."


def draw_reliability(album: FigureWriter, name: str, p: Predictions) -> None:
    """Draw accuracy against confidence in 15 bins, and how many faces are in each."""
    confidence = np.clip(p.scores[np.arange(len(p.true)), p.predicted], 0, 1)
    found = reliability(confidence, p.predicted == p.true)
    middle, width = (found.edges[:-1] + found.edges[1:]) / 2, found.edges[1]
    with album.drawing(name, "Reliability", (NARROW, 3.3), rows=2) as (drawing, (upper, lower), said):
        upper.get_gridspec().set_height_ratios([2.6, 1])
        upper.plot([0, 1], [0, 1], color=colour(7), lw=0.8, ls=":")
        filled = found.count > 0
        upper.plot(found.confidence[filled], found.accuracy[filled], "o-", color=colour(0))
        upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
        lower.bar(middle, found.count, width * 0.9, color=colour(5))
        lower.set(xlim=(0, 1), xlabel="confidence (probability of the predicted class)", ylabel="samples")
        gap = float(confidence.mean() - np.mean(p.predicted == p.true))
        side = "overconfident" if gap > 0 else "underconfident"
        said.append(
            f"The expected calibration error is {100 * found.error:.1f} %: on average the head is {side} by "
            f"{100 * abs(gap):.1f} points (mean confidence {100 * confidence.mean():.1f} %). On the dotted "
            "line "
            "confidence equals accuracy."
        )
