"""Labels as people write them, to classes; splits as people write them, to splits."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from featurize.suggest import hint
from pipelines.datasets.split_names import split_of
from pipelines.utils.cells import clean, whole_number

log = logging.getLogger(__name__)

#: Splits that FER2013 brings beside the usual three; together they test.
_FER2013 = {"publictest": "public", "privatetest": "private", "public": "public", "private": "private"}
#: Labels that are named in a message.
_NAMED = 8


def mapping(given: str | Mapping[str, str] | None, option: str) -> dict[str, str]:
    """Read ``1=surprise,2=fear``, or take a mapping.

    Parameters
    ----------
    given : str or mapping or None
    option : str
        What it is called, for a message.

    Returns
    -------
    dict
        As `label_key` -> word, empty where nothing was given. An empty word leaves a label out.

    Raises
    ------
    ValueError
        If a part is no ``name=word``, or a name stands there twice.
    """
    if not given:
        return {}
    pairs = list(given.items()) if isinstance(given, Mapping) else [_pair(p, option) for p in _parts(given)]
    found: dict[str, str] = {}
    for name, word in pairs:
        key = label_key(str(name))
        if key in found:
            raise ValueError(f"{option}: {clean(str(name))!r} is there twice; give it once")
        found[key] = clean(str(word))
    return found


def _parts(text: str) -> list[str]:
    return [part for part in text.split(",") if part.strip()]


def _pair(part: str, option: str) -> tuple[str, str]:
    name, equals, word = part.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"{option}: cannot read {part.strip()!r}; write {option}='NAME=WORD,NAME=WORD'")
    return name, word


def label_key(text: str) -> str:
    """Return what spellings of one label share: case, spaces, and 0.0 or 00 for 0 do not matter."""
    text = clean(text)
    try:
        return str(whole_number(text))
    except ValueError:
        return text.casefold()


class Labels:
    """Which class a label belongs to.

    Parameters
    ----------
    given : str or mapping, optional
        Label -> class, as `mapping` reads it; a label may be given an empty class, to be left out. Without a
        map every label is a class of its own.
    what : str
        What is mapped, for messages.
    option : str
        What the map is called, for messages.
    """

    def __init__(
        self, given: str | Mapping[str, str] | None = None, what: str = "label", option: str = "labels"
    ) -> None:
        self.map, self.what, self.option = mapping(given, option), what, option

    def check(self, labels: Iterable[str]) -> None:
        """Refuse labels that a map misses, with how many samples have each.

        Raises
        ------
        ValueError
        """
        if not self.map:
            return
        keys = Counter({label: n for label, n in Counter(labels).items() if label_key(label) not in self.map})
        if not keys:
            return
        shown = ", ".join(f"{label!r} ({n:,})" for label, n in keys.most_common(_NAMED))
        more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        first = keys.most_common(1)[0][0]
        near = hint(label_key(first), self.map, f"known: {', '.join(self.map)}")
        raise ValueError(
            f"the map of {self.what}s misses {shown}{more}; {near} Add {first}=CLASS to {self.option}, or "
            f"{first}= to leave it out".replace("? Add", "? or add").replace(". Add", "; add")
        )

    def classes(self, labels: Sequence[str]) -> dict[str, str]:
        """Return label as written -> class; an empty class is left out.

        Several spellings of one label become one class, in lower case.
        """
        self.check(labels)
        distinct = list(dict.fromkeys(labels))
        if self.map:
            return {label: self.map[label_key(label)] for label in distinct}
        spelt: dict[str, list[str]] = {}
        for label in distinct:
            spelt.setdefault(label_key(label), []).append(label)
        for key, several in spelt.items():
            if len(several) > 1:
                log.info("%s are taken for one class %r", ", ".join(map(repr, several)), key)
        return {label: several[0] if len(several) == 1 and not _number(key) else key
                for key, several in spelt.items() for label in several}  # fmt: skip


def _number(key: str) -> bool:
    return key.lstrip("+-").isdigit()


def split_word(text: str, given: Mapping[str, str]) -> str | None:
    """Return the split that a word names, by a map or by what splits are usually called; None if unknown."""
    key = label_key(text)
    if key in given:
        return split_of(given[key]) or given[key]
    return split_of(text) or _FER2013.get(key)


def test_splits(splits: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the named unions for testing of a set with these splits."""
    present = set(splits)
    parts: tuple[str, ...] = tuple(s for s in ("test", "public", "private") if s in present)
    return {"test": parts or ("test",)} | {s: (s,) for s in parts if s != "test"}
