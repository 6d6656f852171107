"""What is wrong with a data set: unreadable and blank images, copies; and the split test-clean."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import AtomicFile
from featurize.paths import expanded
from featurize.walk import not_looked_at
from pipelines.datasets import near_duplicates
from pipelines.datasets.base import BLANK_STD, Dataset, grey_std, is_blank
from pipelines.utils.progress import SILENT, Progress


@dataclass(frozen=True)
class Finding:
    """One line of findings.csv.

    Attributes
    ----------
    kind : str
        "unreadable"; "constant" (one value everywhere) or "blank" (not constant, but below `BLANK_STD`);
        "copy" (the same pixels as an earlier sample of the same part), "copy-across" (the same pixels as a
        sample of an earlier part); "near" and "near-mirrored" (see `pipelines.datasets.near_duplicates`).
        The parts of a set are train, validation and test.
    id, split, label : str
        The sample; of an unreadable one only the path is known.
    other_id, other_split, other_label : str
        What it is a copy of: of several, one with the same label if there is one, else the first.
    distance : int or None
        Bits in which the hashes of near duplicates differ; 0 for copies.
    note : str
        The reason, or the correlation of near duplicates.
    """

    kind: str
    id: str
    split: str = ""
    label: str = ""
    other_id: str = ""
    other_split: str = ""
    other_label: str = ""
    distance: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Count:
    """One line of summary.csv.

    Attributes
    ----------
    key : str
        A short name that stays, such as "copies-test-of-train".
    words : str
        What is counted.
    count : int
    other_label : int or None
        How many of them carry another label than what they are a copy of.
    """

    key: str
    words: str
    count: int
    other_label: int | None = None


@dataclass(frozen=True)
class Audit:
    """What `audit` found.

    Attributes
    ----------
    dataset : str
    synthetic : bool
    n : int
        Readable samples.
    counts : tuple of Count
    findings : tuple of Finding
    near_threshold : int
        Bits in which hashes of near duplicates may differ.
    notes : tuple of str
        What else a user should know of the samples; see `pipelines.datasets.registry.base.Dataset`.
    """

    dataset: str
    synthetic: bool
    n: int
    counts: tuple[Count, ...]
    findings: tuple[Finding, ...]
    near_threshold: int
    notes: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> Count:
        """Return a line of the summary by its key."""
        return {count.key: count for count in self.counts}[key]

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as JSON types."""
        return {
            "dataset": self.dataset,
            "synthetic": self.synthetic,
            "samples": self.n,
            "near_threshold": self.near_threshold,
            "counts": [vars(count) for count in self.counts],
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """Return the summary in words, one finding a line."""
        drawn = " (synthetic)" if self.synthetic else ""
        lines = [f"{self.dataset}{drawn}: {self.n:,} samples"]
        for c in self.counts:
            other = f" ({c.other_label:,} with another label)" if c.other_label is not None else ""
            lines.append(f"{c.count:>8,}  {c.words}{other}")
        return "\n".join(lines)

    def write_csv(self, folder: Path | str) -> tuple[Path, Path]:
        """Write summary.csv and findings.csv into `folder`; return their paths."""
        summary, findings = audit_files(folder)
        return (
            _written(summary, self.dataset, Count, self.counts),
            _written(findings, self.dataset, Finding, self.findings),
        )


def audit_files(folder: Path | str) -> tuple[Path, Path]:
    """Return the files that `Audit.write_csv` writes into a folder."""
    return expanded(folder) / "summary.csv", expanded(folder) / "findings.csv"


def _written(path: Path, dataset: str, kind: type[Any], records: Iterable[Any]) -> Path:
    names = [field.name for field in fields(kind)]
    with AtomicFile(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["dataset", *names])
        # None is written as nothing.
        writer.writerows([dataset, *(getattr(record, name) for name in names)] for record in records)
    return path


def audit(
    dataset: Dataset, near_threshold: int = near_duplicates.DISTANCE, progress: Progress = SILENT
) -> Audit:
    """Find unreadable, constant and blank images, exact copies and near duplicates.

    Images are decoded one by one; FER2013 takes about ten seconds, most of it for near duplicates.

    Parameters
    ----------
    dataset : Dataset
    near_threshold : int
        Bits of 64 in which the perceptual hashes of near duplicates may differ; their pixels must also
        correlate, see `pipelines.datasets.near_duplicates`. They are looked for among the first copies of
        images that are not blank, and not among clips: those of one person are all alike.
    progress : Progress

    Returns
    -------
    Audit
        Its summary counts, for every part of the set (train, validation, test), the copies within it: samples
        less distinct images; and for every two parts the samples of the later one that are copies of a
        sample of the earlier one. A copy has "another label" if no sample that it is a copy of has its label.

    Raises
    ------
    ValueError
        If the threshold is not 0 to 64.
    """
    if not 0 <= near_threshold <= 64:
        raise ValueError(f"near_threshold={near_threshold}: give a number of bits from 0 to 64")
    unreadable = [Finding("unreadable", fault.path, note=fault.reason) for fault in dataset.faults]
    low, std = _looked_at(dataset, progress)
    blank = [_blank(dataset, int(i), float(std[i])) for i in np.flatnonzero(std < BLANK_STD)]
    copies = list(_copies(dataset))
    clips = dataset.kind == "clip"
    near_ones, complete = (
        ([], True) if clips else _near(dataset, low, std >= BLANK_STD, near_threshold, progress)
    )
    counts = [
        Count("unreadable", "unreadable samples, left out", len(unreadable)),
        *_not_looked_at(dataset),
        Count("blank", f"blank (grey values have a standard deviation below {BLANK_STD:g})", len(blank)),
        Count("constant", "of these, constant (one value)", sum(f.kind == "constant" for f in blank)),
        *_copy_counts(dataset, copies),
        *(() if clips else _near_counts(dataset, near_ones, near_threshold, complete)),
        Count("test", "samples in test", int(_test(dataset).sum())),
        Count("test-clean", "samples in test-clean", int(clean_test(dataset).sum())),
    ]
    findings = (*unreadable, *blank, *copies, *near_ones)
    return Audit(
        dataset.name, dataset.synthetic, len(dataset), tuple(counts), findings, near_threshold, dataset.notes
    )


def _not_looked_at(dataset: Dataset) -> list[Count]:
    ignored = Counter(dataset.ignored)
    words = f"files not looked at: {not_looked_at(ignored)}"
    return [Count("not-looked-at", words, ignored.total())] if ignored.total() else []


def clean_test(dataset: Dataset) -> NDArray[np.bool_]:
    """Return which samples form the split ``test-clean``.

    They are the test samples (of every split named in ``test_splits``) that

    - are not an exact copy, by pixels, of a sample outside the test splits, whatever the labels;
    - are not the second or a later copy of another test sample, in the set's order;
    - are not blank (`pipelines.datasets.registry.base.is_blank`), constant images included.

    Costs the digests and one look at the test images: 0.2 s on FER2013.

    Returns
    -------
    (n,) bool
        Over all samples; False outside the test splits.
    """
    test = _test(dataset)
    clean = test & ~np.isin(dataset.digests, dataset.digests[~test])
    tested = np.flatnonzero(test)
    _, first = np.unique(dataset.digests[tested], return_index=True)
    again = np.ones(len(tested), dtype=bool)
    again[first] = False
    clean[tested[again]] = False
    known = getattr(dataset.samples, "blank", None)  # a scanned folder has looked already
    for i in np.flatnonzero(clean):
        if known[i] if known is not None else is_blank(dataset.samples[int(i)]):
            clean[i] = False
    return clean


def _test(dataset: Dataset) -> NDArray[np.bool_]:
    names = {part for parts in dataset.test_splits.values() for part in parts}
    return np.isin(dataset.split, sorted(names))


# What one sample is


def _looked_at(dataset: Dataset, progress: Progress) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the low frequencies and the grey standard deviation of every sample, each decoded once.

    The low frequencies of clips are 0: they have near duplicates that nobody looks for.
    """
    low = np.zeros((len(dataset), 8, 8), np.float32)
    std = np.empty(len(dataset))
    with progress.task("looking at images", len(dataset)) as advance:
        for i in range(len(dataset)):
            image = dataset.samples[i]
            std[i] = grey_std(image)
            if dataset.kind != "clip":
                low[i] = near_duplicates.coefficients(image)
            advance(1)
    return low, std


def _blank(dataset: Dataset, index: int, std: float) -> Finding:
    return Finding(
        "constant" if std == 0 else "blank", *_who(dataset, index), note=f"standard deviation {std:.2f}"
    )


def _who(dataset: Dataset, index: int) -> tuple[str, str, str]:
    label = dataset.classes[dataset.labels[index]]
    return str(dataset.ids[index]), str(dataset.split[index]), label


# Copies


def _parts(dataset: Dataset) -> dict[str, NDArray[np.intp]]:
    """Return train, validation and test (all splits of ``test_splits`` together), where the set has them."""
    test = _test(dataset)
    named = {"train": dataset.split == "train", "validation": dataset.split == "validation"}
    parts = {name: np.flatnonzero(mask & ~test) for name, mask in named.items()} | {
        "test": np.flatnonzero(test)
    }
    return {name: indices for name, indices in parts.items() if len(indices)}


def _copies(dataset: Dataset) -> Iterator[Finding]:
    earlier: dict[str, dict[str, list[int]]] = {}
    digests = dataset.digests.tolist()
    for name, indices in _parts(dataset).items():
        own: dict[str, list[int]] = defaultdict(list)
        for i in indices.tolist():
            if digests[i] in own:
                yield _copy(dataset, "copy", i, own[digests[i]])
            for seen in earlier.values():
                if digests[i] in seen:
                    yield _copy(dataset, "copy-across", i, seen[digests[i]])
            own[digests[i]].append(i)
        earlier[name] = dict(own)


def _copy(dataset: Dataset, kind: str, index: int, originals: list[int]) -> Finding:
    same = (j for j in originals if dataset.labels[j] == dataset.labels[index])
    return Finding(kind, *_who(dataset, index), *_who(dataset, next(same, originals[0])), distance=0)


def _copy_counts(dataset: Dataset, copies: list[Finding]) -> Iterator[Count]:
    names = list(_parts(dataset))
    part_of = _part_names(dataset)
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in copies:
        groups[part_of[finding.other_split], part_of[finding.split]].append(finding)
    for name in names:
        yield _tally(f"copies-{name}", f"exact copies within {name}", groups[name, name])
    for first, second in combinations(names, 2):
        words = f"{second} samples that are exact copies of a {first} sample"
        yield _tally(f"copies-{second}-of-{first}", words, groups[first, second])


def _part_names(dataset: Dataset) -> dict[str, str]:
    return {
        split: name
        for name, indices in _parts(dataset).items()
        for split in set(dataset.split[indices].tolist())
    }


def _tally(key: str, words: str, findings: list[Finding]) -> Count:
    return Count(key, words, len(findings), sum(f.label != f.other_label for f in findings))


# Near duplicates


def _near(
    dataset: Dataset, low: NDArray[np.float32], shown: NDArray[np.bool_], threshold: int, progress: Progress
) -> tuple[list[Finding], bool]:
    """Return near duplicates among the first copies of the `shown` samples, and whether they are all."""
    _, first = np.unique(dataset.digests, return_index=True)
    chosen = np.sort(first[shown[first]])
    plain = near_duplicates.hashes(low[chosen])
    turned = near_duplicates.hashes(near_duplicates.mirrored(low[chosen]))
    found: list[Finding] = []
    complete = True
    for other, mirror, least in (
        (plain, False, near_duplicates.CORRELATION),
        (turned, True, near_duplicates.CORRELATION_MIRRORED),
    ):
        pairs = near_duplicates.close_pairs(plain, other, threshold, progress=progress)
        complete &= len(pairs) < near_duplicates.MAX_PAIRS
        pairs[:, :2] = chosen[pairs[:, :2]]
        alike = near_duplicates.correlations(dataset.samples, pairs, mirror)
        kept = alike >= least
        found += [_pair(dataset, *pair, alike=c, mirror=mirror)
                  for pair, c in zip(pairs[kept].tolist(), alike[kept].tolist(), strict=True)]  # fmt: skip
    return found, complete


def _pair(dataset: Dataset, i: int, j: int, distance: int, *, alike: float, mirror: bool) -> Finding:
    kind = "near-mirrored" if mirror else "near"
    return Finding(kind, *_who(dataset, j), *_who(dataset, i), distance, f"correlation {alike:.3f}")


def _near_counts(
    dataset: Dataset, findings: list[Finding], threshold: int, complete: bool
) -> Iterator[Count]:
    part_of = _part_names(dataset)
    for kind, words, least in (
        ("near", "pairs of near duplicates", near_duplicates.CORRELATION),
        ("near-mirrored", "pairs of mirrored near duplicates", near_duplicates.CORRELATION_MIRRORED),
    ):
        rule = f"hash distance <= {threshold}, correlation >= {least:.2f}"
        more = "" if complete else f"; the search stopped at {near_duplicates.MAX_PAIRS:,} candidates"
        yield _tally(kind, f"{words} ({rule}{more})", [f for f in findings if f.kind == kind])
    across = [f for f in findings if part_of.get(f.split) != part_of.get(f.other_split)]
    yield _tally("near-across", "of all these pairs, between two of train, validation and test", across)
