"""Several data sets as one: their classes joined, and for each sample the set it comes from."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.suggest import hint
from pipelines.datasets.base import COPIES, Dataset, Samples
from pipelines.datasets.label_words import label_key, mapping
from pipelines.datasets.listing import Reading
from pipelines.datasets.published.about import WORDS
from pipelines.datasets.split_names import PARTS

log = logging.getLogger(__name__)


class JoinedSamples:
    """The samples of several sets, one set after the other.

    Parameters
    ----------
    sets : sequence of Samples
    """

    def __init__(self, sets: Sequence[Samples]) -> None:
        self.sets = tuple(sets)
        self.ends = np.cumsum([len(one) for one in sets])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        which = int(np.searchsorted(self.ends, index, side="right"))
        return self.sets[which][int(index) - int(self.ends[which] - len(self.sets[which]))]


def load(
    sets: Sequence[Any],
    *,
    labels: str | Mapping[str, str] | None = None,
    allow_leaks: bool = False,
    how: Reading | None = None,
) -> Dataset:
    """Load several data sets and join them; see `joined`.

    Parameters
    ----------
    sets : sequence of str, mapping or Dataset
        Each as `pipelines.datasets.registry.load` takes it; a mapping has its ``name`` and ``options``.
    labels, allow_leaks
        See `joined`.
    how : Reading, optional
        The rest of how each is read.

    Returns
    -------
    Dataset
    """
    from pipelines.datasets import registry

    if isinstance(sets, str | bytes) or not isinstance(sets, Sequence):
        raise ValueError(f"joined: sets={sets!r:.60}; give a list of data sets")
    how = how or Reading()
    found = []
    for one in sets:
        given = dict(one) if isinstance(one, Mapping) else {"name": one}
        options = given.get("options", {}) | {"strict": how.strict, "cache": how.cache}
        found.append(registry.load(given.get("name", ""), progress=how.progress, **options))
    return joined(found, labels, allow_leaks=allow_leaks or how.allow_leaks)


def joined(
    sets: Sequence[Dataset], labels: str | Mapping[str, str] | None = None, *, allow_leaks: bool = False
) -> Dataset:
    """Join data sets; `split` is the set that each sample comes from, which is what "lodo" leaves out.

    Classes of the same name are one, whatever their case; so are the usual words of one emotion, such as
    anger and angry. The first set's spelling stays. Names of samples and of subjects begin with their set's.

    Parameters
    ----------
    sets : sequence of Dataset
        Two or more, of one kind.
    labels : str or mapping, optional
        Class -> class of the joined set, ``happiness=happy,others=``; an empty one is left out. Classes that
        are not in it keep their names.
    allow_leaks : bool
        An image may be in two sets; figures are then marked.

    Returns
    -------
    Dataset
        `groups` where every set knows its subjects, `votes` where every set has votes, `joined_from` says
        what it was made of.

    Raises
    ------
    ValueError
        One line: there is one set only, one is there twice, they are of several kinds, one lacks a class of
        another and the map does not say what becomes of it, or an image is in two of them.
    """
    names = _names(sets)
    kinds = {name: one.kind for name, one in zip(names, sets, strict=True)}
    if len(set(kinds.values())) > 1:
        raise ValueError(
            f"sets of one kind can be joined; {', '.join(f'{n}: {k}s' for n, k in kinds.items())}"
        )
    maps = _class_maps(sets, names, mapping(labels, "labels"))
    classes = tuple(dict.fromkeys(word for one in maps for word in one.values() if word))
    kept = [_kept(one, to) for one, to in zip(sets, maps, strict=True)]
    marks = _copies(sets, names, kept, allow_leaks)
    lists = list(zip(sets, names, maps, kept, strict=True))
    grouped = all(one.groups is not None for one in sets)
    return Dataset(
        name="+".join(names),
        classes=classes,
        ids=np.concatenate([_within(one.ids[at], name) for one, name, _, at in lists]),
        labels=np.concatenate([_labels(one, to, classes)[at] for one, _, to, at in lists]),
        split=np.concatenate([np.full(len(at), name) for _, name, _, at in lists]),
        samples=_samples(sets, kept),
        digests=np.concatenate([one.digests[at] for one, _, _, at in lists]),
        groups=np.concatenate([_within(one.groups[at], name) for one, name, _, at in lists  # type: ignore[index]
                               ]) if grouped else None,
        kind=sets[0].kind,
        faults=tuple(fault for one in sets for fault in one.faults),
        synthetic=any(one.synthetic for one in sets),
        notes=_notes(lists, grouped),
        ignored=dict(sum((Counter(one.ignored) for one in sets), Counter())),
        votes=_votes(sets, maps, kept, classes),
        marks=tuple(dict.fromkeys([*(mark for one in sets for mark in one.marks), *marks])),
        joined_from=tuple(_record(one, name, to, at) for one, name, to, at in lists),
    )  # fmt: skip


def _names(sets: Sequence[Dataset]) -> list[str]:
    """Return one name a set; of several that are called alike, later ones are numbered."""
    if len(sets) < 2:
        raise ValueError(f"{len(sets)} data set to join; give two or more")
    prints = [one.fingerprint for one in sets]
    for i, found in enumerate(prints):
        if found in prints[:i]:
            raise ValueError(f"{sets[i].name}: the same samples are given twice; give each data set once")
    names: list[str] = []
    for one in sets:
        name = f"{one.name}-data" if one.name in PARTS else one.name
        n = sum(name == other.partition("#")[0] for other in names)
        names.append(f"{name}#{n + 1}" if n else name)
    return names


def _word(name: str) -> str:
    """Return what spellings of one class share."""
    key = label_key(name)
    return WORDS.get(key, key)


def _class_maps(
    sets: Sequence[Dataset], names: Sequence[str], given: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return class -> class of the joined set, of each set; an empty one is left out."""
    known = {label_key(name): name for one in sets for name in one.classes}
    if unknown := [key for key in given if key not in known]:
        raise ValueError(f"labels: no set has a class {unknown[0]!r}; {hint(unknown[0], known)}")
    spelt: dict[str, str] = {_word(word): word for word in given.values() if word}
    maps = []
    for one in sets:
        words = {name: given.get(label_key(name), name) for name in one.classes}
        maps.append({name: word and spelt.setdefault(_word(word), word) for name, word in words.items()})
    _check_lacking(sets, names, maps, set(given.values()))
    return maps


def _check_lacking(
    sets: Sequence[Dataset], names: Sequence[str], maps: Sequence[Mapping[str, str]], meant: set[str]
) -> None:
    """Refuse a class that one set has and another lacks, unless the map names it."""
    counts: dict[str, dict[str, int]] = {}
    for one, name, to in zip(sets, names, maps, strict=True):
        sizes = np.bincount(one.labels, minlength=len(one.classes)).tolist()
        for found, n in zip(one.classes, sizes, strict=True):
            if n and to[found]:
                of = counts.setdefault(to[found], {})
                of[name] = of.get(name, 0) + n
    for word, of in counts.items():
        lacking = [name for name in names if name not in of]
        if lacking and word not in meant:
            have = ", ".join(f"{n:,} of {name}" for name, n in of.items())
            raise ValueError(
                f"class {word!r} ({have}) is not in {' and '.join(lacking)}; say what becomes of it: "
                f"--labels {word}=CLASS, {word}= to leave it out, or {word}={word} to keep it"
            )
    if len(counts) < 2:
        raise ValueError(f"the joined sets have one class only ({', '.join(counts)}); leave in two or more")


def _kept(dataset: Dataset, to: Mapping[str, str]) -> NDArray[np.intp]:
    inside = np.array([bool(to[name]) for name in dataset.classes])
    return np.flatnonzero(inside[dataset.labels])


def _labels(dataset: Dataset, to: Mapping[str, str], classes: Sequence[str]) -> NDArray[np.int64]:
    numbers = [classes.index(to[name]) if to[name] else -1 for name in dataset.classes]
    return np.array(numbers, np.int64)[dataset.labels]


def _within(names: NDArray[np.str_], place: str) -> NDArray[np.str_]:
    return np.array([f"{place}/{name}" for name in names.tolist()], dtype=np.str_)


def _samples(sets: Sequence[Dataset], kept: Sequence[NDArray[np.intp]]) -> JoinedSamples:
    from pipelines.datasets.subset import SubsetSamples

    parts = zip(sets, kept, strict=True)
    return JoinedSamples(
        [d.samples if len(at) == len(d) else SubsetSamples(d.samples, at) for d, at in parts]
    )


def _copies(
    sets: Sequence[Dataset], names: Sequence[str], kept: Sequence[NDArray[np.intp]], allowed: bool
) -> tuple[str, ...]:
    """Refuse, or mark, exact copies of one sample in two sets: what is trained on would test."""
    first: dict[str, str] = {}
    shared: Counter[tuple[str, str]] = Counter()
    for one, name, at in zip(sets, names, kept, strict=True):
        for digest in set(one.digests[at].tolist()):
            if (other := first.setdefault(digest, name)) != name:
                shared[other, name] += 1
    if not shared:
        return ()
    words = ", ".join(f"{n:,} samples of {b} are exact copies of ones of {a}" for (a, b), n in shared.items())
    if not allowed:
        raise ValueError(
            f"{words}: what is trained on would test; leave them out of one, or give --allow-leaks, and "
            "every figure is marked"
        )
    log.warning("%s; every figure is marked %s", words, COPIES)
    return (COPIES,)


def _votes(
    sets: Sequence[Dataset],
    maps: Sequence[Mapping[str, str]],
    kept: Sequence[NDArray[np.intp]],
    classes: Sequence[str],
) -> NDArray[np.float32] | None:
    """Return the votes, where every set has some and no face loses all of its votes."""
    found = []
    for one, to, at in zip(sets, maps, kept, strict=True):
        if one.votes is None:
            return None
        votes = np.zeros((len(at), len(classes)), np.float32)
        for i, name in enumerate(one.classes):
            if to[name]:
                votes[:, classes.index(to[name])] += one.votes[at, i]
        found.append(votes)
    return np.concatenate(found)


def _notes(lists: Sequence[Any], grouped: bool) -> tuple[str, ...]:
    notes = [f"{name}: {note}" for one, name, _, _ in lists for note in one.notes]
    for one, name, to, at in lists:
        who = "subjects not known" if one.groups is None else f"{len(np.unique(one.groups[at])):,} subjects"
        renamed = ", ".join(f"{a} as {b or 'left out'}" for a, b in to.items() if a != b)
        notes.append(f"{name}: {len(at):,} samples, {who}" + (f"; {renamed}" if renamed else ""))
    if not grouped and any(one.groups is not None for one, *_ in lists):
        notes.append("not every set names its subjects: inner folds hold out samples, not subjects")
    return tuple(notes)


def _record(dataset: Dataset, name: str, to: Mapping[str, str], at: NDArray[np.intp]) -> dict[str, Any]:
    return {
        "name": name,
        "fingerprint": dataset.fingerprint,
        "samples": len(at),
        "left_out": len(dataset) - len(at),
        "subjects": None if dataset.groups is None else len(np.unique(dataset.groups[at])),
        "classes": dict(to),
    }
