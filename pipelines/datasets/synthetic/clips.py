"""Built-in clips: subtle onset-apex-offset motion of the synthetic faces, for the demo and the tests.

A drawn person shows a few action units of one emotion weakly, rising from the onset to the apex and falling
to the offset, while the head drifts a little and the camera adds noise. Classes are those of MEGC 2019.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.action_units import EMOTION_UNITS
from pipelines.datasets.base import Dataset, sample_digest
from pipelines.datasets.micro_expressions.labels import MEGC2019
from pipelines.datasets.synthetic.draw_face import draw_face
from pipelines.datasets.synthetic.identity import Identity, Light, Pose

SIZE = 64
#: Which emotions a class is drawn from.
_EMOTIONS = {
    "negative": ("angry", "disgust", "sad", "fear"),
    "positive": ("happy",),
    "surprise": ("surprise",),
}
#: Shortest and longest clip, frames.
_LENGTHS = (12, 28)


def load(
    n_subjects: int = 12, clips_per_subject: int = 6, seed: int = 0, root: Path | str | None = None, **_: Any
) -> Dataset:
    """Draw the data set.

    Parameters
    ----------
    n_subjects : int
        People, at least 2.
    clips_per_subject : int
        At least 1; the classes take turns.
    seed : int
        Decides every frame.
    root : ignored
        Taken because every data set takes one.

    Returns
    -------
    Dataset
        Kind "clip": (t, 64, 64) uint8 grey, t in 12..28; classes negative, positive, surprise; `groups` the
        subject; every split "train" (`pipelines.cross_validation.nested` divides by subject).

    Raises
    ------
    ValueError
        If there are too few subjects or clips, or the seed is negative.
    """
    if n_subjects < 2 or clips_per_subject < 1 or seed < 0:
        raise ValueError("synthetic-clips: need n_subjects >= 2, clips_per_subject >= 1 and seed >= 0")
    rows = [(s, c) for s in range(n_subjects) for c in range(clips_per_subject)]
    labels = [(s + c) % len(MEGC2019) for s, c in rows]
    clips = [draw_clip(seed, s, c, y) for (s, c), y in zip(rows, labels, strict=True)]
    return Dataset(
        name="synthetic-clips",
        classes=MEGC2019,
        ids=np.array([f"s{s:02d}/{c:03d}_{MEGC2019[y]}" for (s, c), y in zip(rows, labels, strict=True)]),
        labels=np.array(labels, np.int64),
        split=np.full(len(rows), "train"),
        samples=clips,
        digests=np.array([sample_digest(clip) for clip in clips]),
        groups=np.array([f"s{s:02d}" for s, _ in rows]),
        kind="clip",
        synthetic=True,
    )


def draw_clip(seed: int, subject: int, number: int, label: int) -> NDArray[np.uint8]:
    """Draw one clip (t, 64, 64) of class ``MEGC2019[label]``."""
    who = Identity.random(np.random.default_rng([seed, 3, subject]))
    rng = np.random.default_rng([seed, 4, subject, number])
    emotions = _EMOTIONS[MEGC2019[label]]
    units = EMOTION_UNITS[emotions[int(rng.integers(len(emotions)))]]
    strength = {u: float(rng.uniform(0.15, 0.4)) for u in units}
    frames = int(rng.integers(_LENGTHS[0], _LENGTHS[1] + 1))
    course = envelope(frames, float(rng.uniform(0.35, 0.65)))
    pose, light = (
        Pose.random(rng, 0.5),
        replace(Light.random(rng), blur=0.0, noise=float(rng.uniform(0.5, 1.5))),
    )
    drift = rng.normal(0, 0.0008, (frames, 2)).cumsum(axis=0)
    drawn = [
        draw_face(
            who,
            {u: float(v * level) for u, v in strength.items()},
            replace(pose, dx=pose.dx + dx, dy=pose.dy + dy),
            light,
            size=SIZE,
            rng=rng,
        )
        for level, (dx, dy) in zip(course, drift, strict=True)
    ]
    return np.stack(drawn)


def envelope(frames: int, apex: float) -> NDArray[np.float64]:
    """Return the course of an expression: 0 at the onset and the offset, 1 at the apex, smooth between.

    Parameters
    ----------
    frames : int
    apex : float
        Where in 0..1 the apex lies.
    """
    t = np.linspace(0.0, 1.0, frames)
    rise = np.where(t < apex, t / apex, (1 - t) / (1 - apex))
    rise /= rise.max()
    return rise * rise * (3 - 2 * rise)
