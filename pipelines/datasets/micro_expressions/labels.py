"""From the emotions that a coding sheet names to the classes of a comparison."""

from __future__ import annotations

from pipelines.utils.cells import clean

#: MEGC 2019 (See, Yap, Li, Hong and Wang, FG 2019): the three classes that CASME II, SMIC and SAMM share.
MEGC2019 = ("negative", "positive", "surprise")

#: Emotion -> class of MEGC 2019; one that maps to None has none there and is left out. The 442 clips that the
#: challenge scored are a selection by its organisers: `pipelines.datasets.micro_expressions.megc2019` loads
#: them by their index.
_MEGC2019: dict[str, str | None] = {
    "negative": "negative",
    "anger": "negative",
    "contempt": "negative",
    "disgust": "negative",
    "fear": "negative",
    "repression": "negative",
    "sadness": "negative",
    "positive": "positive",
    "happiness": "positive",
    "happy": "positive",
    "sad": "negative",
    "surprise": "surprise",
    "others": None,
    "other": None,
}

#: Classes of each set as its authors code them, in the order that results are reported in.
OWN: dict[str, tuple[str, ...]] = {
    "casme2": ("happiness", "disgust", "repression", "surprise", "fear", "sadness", "others"),
    "smic": MEGC2019,
    "samm": ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise", "other"),
    "casme3": ("happiness", "disgust", "surprise", "fear", "anger", "sadness", "others"),
    "cas(me)2": ("negative", "positive", "surprise", "others"),
    "samm-lv": ("macro", "micro"),
    "mmew": ("happiness", "anger", "surprise", "disgust", "fear", "sadness", "others"),
    "4dme": ("negative", "positive", "surprise", "repression", "others"),
}

#: Other spellings of emotions in the sheets of one set.
_SAME = {"happy": "happiness", "sad": "sadness", "other": "others", "angry": "anger"}


class LabelMap:
    """Which class an emotion belongs to.

    Parameters
    ----------
    dataset : str
        A key of `OWN`, or any other name for a set whose emotions are not known beforehand.
    scheme : {"own", "megc2019"}
        The classes of the set itself, or the three of MEGC 2019.

    Raises
    ------
    ValueError
        If there is no such scheme.
    """

    def __init__(self, dataset: str, scheme: str) -> None:
        if scheme not in ("own", "megc2019"):
            raise ValueError(f"{dataset}: labels={scheme!r}; use 'own' or 'megc2019'")
        self.dataset, self.scheme = dataset, scheme

    def classes(self, present: set[str]) -> tuple[str, ...]:
        """Return the classes that occur, in the order they are reported in."""
        order = MEGC2019 if self.scheme == "megc2019" else OWN.get(self.dataset, tuple(sorted(present)))
        return tuple(name for name in order if name in present)

    def of(self, emotion: str) -> str | None:
        """Return the class of an emotion, None if the scheme leaves it out.

        Raises
        ------
        ValueError
            If the emotion is not one that the set is known to have: it would be mislabelled.
        """
        name = clean(emotion).lower()
        if self.scheme == "megc2019":
            if name in _MEGC2019:
                return _MEGC2019[name]
            known: tuple[str, ...] = tuple(_MEGC2019)
        else:
            known = OWN.get(self.dataset, (name,))
            found = name if name in known else _SAME.get(name, "")
            if found in known and found:
                return found
        raise ValueError(f"unknown emotion {emotion!r}; known: {', '.join(known)}")
