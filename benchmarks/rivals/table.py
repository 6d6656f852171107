"""From the packages' numbers to the lines of the as-shipped table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics.calibration import reliability
from pipelines.metrics.scores import accuracy_interval

#: Words of the packages -> classes of FER2013 here. Spellings are compared in lower case.
WORDS = {
    "anger": "angry", "angry": "angry",
    "disgust": "disgust", "disgusted": "disgust",
    "fear": "fear", "fearful": "fear",
    "happy": "happy", "happiness": "happy",
    "neutral": "neutral",
    "sad": "sad", "sadness": "sad",
    "surprise": "surprise", "surprised": "surprise",
}  # fmt: skip
#: Rows that sum to 1 within this are distributions: `fer` and `human` round to hundredths.
SUMS = 0.05
#: A face counts as found where the middle of a box lies this near to its middle, in sides of the face.
NEAR = 1 / 3


class Truth(NamedTuple):
    """(n,) positions of the classes, and which faces have one."""

    labels: NDArray[np.int64]
    has: NDArray[np.bool_]


class Scores(NamedTuple):
    """Of one set of faces: accuracy, mean recall, recall by class, calibration error, number of faces.

    The calibration error is NaN where the numbers are no distribution.
    """

    accuracy: float
    uar: float
    recalls: NDArray[np.float64]
    ece: float
    count: int


def ordered(numbers: Any, labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.float64]:
    """Return (n, k) numbers in the order of the classes.

    Raises
    ------
    ValueError
        If a word is unknown, or the words are not the classes, each once.
    """
    unknown = [label for label in labels if label.lower() not in WORDS]
    if unknown:
        raise ValueError(f"no class for {', '.join(unknown)}; add it to WORDS in benchmarks/rivals/table.py")
    named = [WORDS[label.lower()] for label in labels]
    if sorted(named) != sorted(classes):
        raise ValueError(f"the labels {', '.join(labels)} are not the classes {', '.join(classes)}")
    return np.asarray(numbers, np.float64).reshape(-1, len(labels))[:, [named.index(c) for c in classes]]


def scored(numbers: NDArray[np.float64], labels: NDArray[np.int64]) -> Scores:
    """Return the scores of (n, k) numbers against (n,) labels; a row's first largest is its prediction."""
    predicted = numbers.argmax(axis=1)
    right = predicted == labels
    recalls = np.array(
        [right[labels == k].mean() if (labels == k).any() else math.nan for k in range(numbers.shape[1])]
    )
    return Scores(
        float(right.mean()), float(np.nanmean(recalls)), recalls, calibration(numbers, right), len(labels)
    )


def calibration(numbers: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error of rows that are distributions, NaN where one is not."""
    sums = numbers.sum(axis=1)
    if numbers.min() < 0 or np.abs(sums - 1).max() > SUMS:
        return math.nan
    return reliability(np.minimum(numbers.max(axis=1), 1.0), right).error


def matches(
    found: Sequence[tuple[Sequence[float], Sequence[float]]], truth: Sequence[Any]
) -> Iterable[Sequence[float] | None]:
    """Yield the numbers of the face found at each true box, None where none is; each is taken once.

    Boxes of detectors differ in what they frame, so their middles are compared, not their areas.
    """
    left = list(found)
    for box in truth:
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        far = [np.hypot((b[0] + b[2]) / 2 - x, (b[1] + b[3]) / 2 - y) / (box[2] - box[0]) for b, _ in left]
        best = int(np.argmin(far)) if far else -1
        yield left.pop(best)[1] if far and far[best] <= NEAR else None


def faces_line(title: str, version: str, megabytes: float, parts: dict[str, Scores], tests: str) -> str:
    """Return the line of a package on faces that are given."""
    private, votes = parts["private"], parts["ferplus"]
    low, high = accuracy_interval(private.accuracy, private.count)
    shares = [parts["train"].accuracy, parts["public"].accuracy, private.accuracy]
    interval = f"{100 * low:.1f}-{100 * high:.1f}"
    return (
        f"{title:<44}{version:>9}{megabytes:>7.2f}"
        + "".join(f"{100 * share:>8.2f}" for share in shares)
        + f"{interval:>12}{100 * private.uar:>7.2f}{100 * parts['clean'].accuracy:>7.2f}"
        + f"{number(private.ece, 3):>7}{100 * votes.accuracy:>8.2f}{100 * votes.uar:>7.2f}"
        + f"{number(votes.ece, 3):>7}  {tests}"
    )


FACES_HEAD = (
    f"{'':<44}{'version':>9}{'MB':>7}{'train':>8}{'public':>8}{'private':>8}{'95 %':>12}{'UAR':>7}"
    f"{'clean':>7}{'ECE':>7}{'FER+':>8}{'UAR':>7}{'ECE':>7}  FER2013's tests"
)


def number(value: float, digits: int) -> str:
    """Return a number, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def recalls_line(title: str, scores: Scores) -> str:
    """Return a package's recall of each class, in %."""
    return f"{title:<44}" + "".join(f"{number(100 * r, 1):>10}" for r in scores.recalls)


def photos_line(title: str, shares: Sequence[tuple[float, float, float]]) -> str:
    """Return a package's faces found, right of all, right of those found, in % for each tilt."""
    return f"{title:<44}" + "".join(
        "".join(f"{number(100 * v, 1):>7}" for v in each).rjust(24) for each in shares
    )


def shares(
    rows: Sequence[NDArray[np.float64] | None], labels: NDArray[np.int64]
) -> tuple[float, float, float]:
    """Return the shares of faces found, right of all, right of those found (NaN where none is found)."""
    there = np.array([row is not None for row in rows])
    right = np.array(
        [row is not None and int(np.argmax(row)) == t for row, t in zip(rows, labels, strict=True)]
    )
    return float(there.mean()), float(right.mean()), float(right[there].mean()) if there.any() else math.nan


def speed_line(title: str, faces: int, seconds: Sequence[Sequence[float]], ours: float, photo: float) -> str:
    """Return faces a second, that as a multiple of `ours`, processor time a face, and images a second.

    Parameters
    ----------
    title : str
    faces : int
        Classified in each repeat.
    seconds : (repeats, 2) float
        On the wall and of the processor; the least of each counts.
    ours : float
        Faces a second of the model that ships, in the same run.
    photo : float
        Seconds on the wall for an image with faces; NaN without a detector.
    """
    wall, processor = np.min(seconds, axis=0)
    return (
        f"{title:<44}{faces / wall:>10,.0f}{faces / wall / ours:>11.3f}{1000 * processor / faces:>18.2f}"
        f"{number(1 / photo, 2):>14}"
    )


SPEED_HEAD = f"{'':<44}{'faces / s':>10}{'to mueca':>11}{'processor ms/face':>18}{'photos / s':>14}"
