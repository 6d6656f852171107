"""What is known of a published set, and what adding one says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from featurize.walk import Fault, not_looked_at
from pipelines.datasets.base import EMOTIONS, Dataset

#: The seven emotions and contempt, in order of name.
EMOTIONS8 = tuple(sorted((*EMOTIONS, "contempt")))
#: What published sets call the emotions -> what they are called here.
WORDS = {
    "anger": "angry", "angry": "angry", "contempt": "contempt", "disgust": "disgust", "disgusted": "disgust",
    "fear": "fear", "fearful": "fear", "afraid": "fear", "happiness": "happy", "happy": "happy",
    "neutral": "neutral", "neutrality": "neutral", "sad": "sad", "sadness": "sad", "surprise": "surprise",
    "surprised": "surprise",
}  # fmt: skip


@dataclass(frozen=True)
class About:
    """A published set.

    Attributes
    ----------
    title : str
        Its paper, in short.
    ask_at : str
        Where it is to be had.
    licence : str
        Under what.
    counts : mapping
        Split -> number of samples, or split -> class -> number, as published; empty where no numbers are.
    tried : str
        What the loader has been run on: "the real set", or "synthetic trees of its form".
    """

    title: str
    ask_at: str
    licence: str
    counts: Mapping[str, int | Mapping[str, int]] = field(default_factory=dict)
    tried: str = "synthetic trees of its form"


def count(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Return split -> class -> number of samples."""
    names = np.array(dataset.classes)[dataset.labels].tolist()
    pairs = Counter(zip(dataset.split.tolist(), names, strict=True))
    splits = dict.fromkeys(dataset.split.tolist())
    return {s: {c: pairs[s, c] for c in dataset.classes if pairs[s, c]} for s in splits}


def differences(
    counts: Mapping[str, Mapping[str, int]], published: Mapping[str, int | Mapping[str, int]]
) -> tuple[str, ...]:
    """Say in words where counts differ from the published ones, one line each."""
    found = []
    for split, expected in published.items():
        here = counts.get(split, {})
        total = expected if isinstance(expected, int) else sum(expected.values())
        if not here:
            found.append(f"split {split}: nothing, published {total:,}")
        elif isinstance(expected, int):
            found += differs(f"split {split}", sum(here.values()), expected)
        else:
            for name, n in expected.items():
                found += differs(f"{split}/{name}", here.get(name, 0), n)
    return tuple(found)


def differs(what: str, n: int, published: int, unit: str = "") -> list[str]:
    """Say in words that a number is not the published one; nothing if it is."""
    words = f"{abs(n - published):,} {'more' if n > published else 'fewer'}"
    return [] if n == published else [f"{what}: {n:,}{unit}, published {published:,} ({words})"]


def not_written(root: Path, error: OSError) -> OSError:
    """Return the error of one line for a folder of sets that cannot be written."""
    what = error.strerror or str(error)
    return OSError(f"cannot write {root} ({what}); free some space, or set MUECA_DATA to another folder")


def check_replacing(report: Report, there: Mapping[str, Mapping[str, int]] | None, force: bool) -> None:
    """Refuse to put a set in the place of another where it is not whole, or less than that one.

    Parameters
    ----------
    report : Report
        Of the set that is to be put there.
    there : mapping, optional
        Counts of the set that is there: split -> class -> number; None where there is none that can be read.
    force : bool
        Whether it is meant all the same.

    Raises
    ------
    ValueError
        One line that says what would be lost, and what to do.
    """
    if force or there is None or _filled(there) == _filled(report.counts):
        return
    before = sum(sum(classes.values()) for classes in there.values())
    what = report.differences[0] if report.differences else ""
    if not what and report.total >= before:
        return
    why = f" and is not as published ({what})" if what else ""
    raise ValueError(
        f"{report.source} has {report.total:,} samples{why}, and would take the place of {before:,} that are "
        "there; nothing was changed; add --force if that is meant"
    )


def _filled(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return counts without those that are zero."""
    found = {split: {c: n for c, n in classes.items() if n} for split, classes in counts.items()}
    return {split: classes for split, classes in found.items() if classes}


class Report:
    """What the reports of imported sets have in common; their fields are those of `AddReport`."""

    path: Path
    source: str
    counts: dict[str, dict[str, int]]
    differences: tuple[str, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    ignored: dict[str, int]

    @property
    def complete(self) -> bool:
        """True if every published sample is there and readable."""
        return not self.differences and not self.faults

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON types."""
        return asdict(self) | {"path": str(self.path), "complete": self.complete}  # type: ignore[call-overload]

    @property
    def total(self) -> int:
        """Samples in all splits."""
        return sum(sum(classes.values()) for classes in self.counts.values())

    def lines(self, opening: str, as_published: str) -> str:
        """Return the report in words: how it opens, and what is said where no count differs."""
        splits = ", ".join(f"{split} {sum(classes.values()):,}" for split, classes in self.counts.items())
        lines = [f"{opening} ({splits})", *([] if self.differences or not as_published else [as_published])]
        lines += [f"differs: {line}" for line in self.differences]
        lines += [f"note: {line}" for line in self.notes]
        if words := not_looked_at(Counter(self.ignored)):
            lines.append(f"not looked at: {words}")
        return "\n".join([*lines, f"written to {self.path}"])


@dataclass(frozen=True)
class AddReport(Report):
    """What adding a set did.

    Attributes
    ----------
    name, source : str
        The set; where it came from.
    path : Path
        What was written.
    counts : mapping
        Split -> class -> number.
    differences : tuple of str
        Where the counts differ from the published ones; empty if nowhere.
    published : bool
        Whether there are published counts.
    faults : tuple of Fault
    notes : tuple of str
    ignored : mapping
    """

    name: str
    source: str
    path: Path
    counts: dict[str, dict[str, int]]
    differences: tuple[str, ...] = ()
    published: bool = True
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    ignored: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """Return the report in words, one fact a line."""
        opening = f"{self.name}: {self.total:,} samples in {self.source}"
        return self.lines(opening, "every count is as published" if self.published else "")
