"""Built-in data: faces drawn by our own code, for the demo and the tests.

Each face shows the action units of one of the seven emotions, at intensities that vary, on a person, in a
pose and under a light drawn from the seed. Accuracy on it says that the machinery works, and nothing about
real faces.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.action_units import EMOTION_UNITS, UNITS
from pipelines.datasets.base import EMOTIONS, Dataset, sample_digest
from pipelines.datasets.synthetic.draw_face import draw_face
from pipelines.datasets.synthetic.identity import Identity, Light, Pose

SIZE = 48
#: One identity in four is for testing; no identity is in both halves.
TEST_SHARE = 0.25


def load(
    n_per_class: int = 60, seed: int = 0, root: Path | str | None = None, *, n_identities: int = 20, **_: Any
) -> Dataset:
    """Draw the data set.

    Parameters
    ----------
    n_per_class : int
        Faces of each emotion, at least 2.
    seed : int
        Decides every face; the same seed gives the same images.
    root : ignored
        Taken because every data set takes one.
    n_identities : int
        People, at least 2; each shows every emotion about as often. No more than `n_per_class` are drawn.

    Returns
    -------
    Dataset
        48x48 grey, splits "train" and "test" by identity (about three to one), `groups` the identity.

    Raises
    ------
    ValueError
        If there would be nobody left to train or test on, or the seed is negative.
    """
    people = _people(n_per_class, n_identities, seed)
    rows = [(y, i, i % len(people)) for y in range(len(EMOTIONS)) for i in range(n_per_class)]
    images = np.stack([draw_one(seed, y, i, people[p]) for y, i, p in rows])
    tested = max(1, round(TEST_SHARE * len(people)))
    who = np.array([p for _, _, p in rows])
    return Dataset(
        name="synthetic",
        classes=EMOTIONS,
        ids=np.array([f"{EMOTIONS[y]}/s{p:02d}_{i:05d}" for y, i, p in rows]),
        labels=np.array([y for y, _, _ in rows], np.int64),
        split=np.where(who >= len(people) - tested, "test", "train"),
        samples=images,
        digests=np.array([sample_digest(p) for p in images]),
        groups=np.array([f"s{p:02d}" for p in who]),
        synthetic=True,
    )


def _people(n_per_class: int, n_identities: int, seed: int) -> list[Identity]:
    if n_per_class < 2 or n_identities < 2:
        raise ValueError(
            "synthetic: n_per_class and n_identities must be at least 2, one to train and one to test"
        )
    if seed < 0:
        raise ValueError(f"synthetic: seed={seed}: must be 0 or more")
    return [
        Identity.random(np.random.default_rng([seed, 1, p])) for p in range(min(n_identities, n_per_class))
    ]


def draw_one(seed: int, emotion: int, index: int, who: Identity) -> NDArray[np.uint8]:
    """Draw one face (48, 48) of ``EMOTIONS[emotion]``."""
    rng = np.random.default_rng([seed, 2, emotion, index])
    units = expression(EMOTIONS[emotion], rng)
    return draw_face(who, units, Pose.random(rng), Light.random(rng), size=SIZE, rng=rng)


def expression(emotion: str, rng: np.random.Generator) -> dict[str, float]:
    """Return the action units of one showing of an emotion: some weak, some missing, some that do not belong.

    Parameters
    ----------
    emotion : str
        One of `EMOTIONS`.
    rng : numpy Generator

    Returns
    -------
    dict of str to float
        Unit -> intensity in 0..1.
    """
    strength = rng.uniform(0.6, 1.0)
    stray = np.maximum(0.0, rng.uniform(-1.0, 0.2, len(UNITS)))
    units = dict(zip(UNITS, stray.tolist(), strict=True))
    for name in EMOTION_UNITS[emotion]:
        shown = rng.random() > 0.04
        units[name] = max(units[name], float(shown * strength * rng.uniform(0.7, 1.0)))
    return units
