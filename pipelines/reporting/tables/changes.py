"""Two folders of results: which runs changed, by how much, and whether that is more than chance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.metrics.significance import corrected
from pipelines.reporting.tables.columns import Column, Record, p_value, percent
from pipelines.reporting.tables.significance import paired_test, record_of, same_samples
from pipelines.results.load import Cell, Results

CHANGES = (
    Column("extractor", "extractor"),
    Column("head", "head"),
    Column("before", "before %", percent, "test accuracy in the other folder"),
    Column("after", "here %", percent, "test accuracy in this folder"),
    Column("difference", "change, points", percent),
    Column("interval", "95 % interval", str, "of the change, paired bootstrap"),
    Column("p_holm", "p, Holm", p_value, "corrected for the number of runs in this table"),
    Column("verdict", "in words"),
)


@dataclass(frozen=True)
class Change:
    """What changed between two folders.

    Attributes
    ----------
    other : str
        The folder it is compared with.
    settings : list of dict
        What was set differently: name, before, here.
    records : list of dict
        The runs that both have.
    only_here, only_there : list of str
        Titles of the others.
    sentence : str
    """

    other: str
    settings: list[Record]
    records: list[Record]
    only_here: list[str]
    only_there: list[str]
    sentence: str


def compare_folders(here: Results, there: Results) -> Change:
    """Compare the runs of two folders that have the same extractor and head.

    Runs whose predictions are of other samples are set side by side, not tested.
    """
    mine, theirs = _by_name(here), _by_name(there)
    both = [name for name in mine if name in theirs]
    records = _records([(mine[name], theirs[name]) for name in both])
    return Change(
        str(there.folder),
        _settings(here, there),
        records,
        [" + ".join(n) for n in mine if n not in theirs],
        [" + ".join(n) for n in theirs if n not in mine],
        _words(records),
    )


def _by_name(results: Results) -> dict[tuple[str, str], Cell]:
    """Return the runs by extractor and head; of several, the one validation prefers."""
    found: dict[tuple[str, str], Cell] = {}
    for cell in results.by_validation:
        found.setdefault((cell.test.extractor, cell.test.head), cell)
    return {(c.test.extractor, c.test.head): found[c.test.extractor, c.test.head] for c in results.cells}


def _records(pairs: Sequence[tuple[Cell, Cell]]) -> list[Record]:
    testable = [same_samples(a, b) for a, b in pairs]
    tests = iter(corrected([paired_test(a, b) for (a, b), same in zip(pairs, testable, strict=True) if same]))
    records = []
    for (a, b), same in zip(pairs, testable, strict=True):
        tested = (
            record_of("here", "before", next(tests))
            if same
            else {"verdict": "other test samples: not tested"}
        )
        known = {
            "extractor": a.test.extractor,
            "head": a.test.head,
            "before": b.test.accuracy,
            "after": a.test.accuracy,
        }
        records.append({**tested, **known, "difference": a.test.accuracy - b.test.accuracy})
    return records


def _settings(here: Results, there: Results) -> list[Record]:
    before, after = _facts(there), _facts(here)
    names = dict.fromkeys([*after, *before])
    return [
        {"name": name, "before": before.get(name, ""), "here": after.get(name, "")}
        for name in names
        if before.get(name) != after.get(name)
    ]


def _facts(results: Results) -> dict[str, str]:
    row = results.chosen.test
    facts: dict[str, Any] = {
        "data": row.dataset,
        "fingerprint": row.fingerprint[:12],
        "protocol": row.protocol,
        "seed": row.seed,
        "commit": row.git_sha,
        "machine": results.about.get("machine", ""),
        "chosen": results.chosen.title,
    }
    facts |= {f"version of {k}": v for k, v in json.loads(row.versions or "{}").items()}
    return {k: str(v) for k, v in facts.items()}


def _words(records: Sequence[Record]) -> str:
    tested = [r for r in records if "distinguishable" in r]
    if not tested:
        return (
            "No run of both folders was tested on the same samples: accuracies stand side by side, untested."
        )
    told = [r for r in tested if r["distinguishable"] == "yes"]
    better = sum(r["difference"] > 0 for r in told)
    largest = max(tested, key=lambda r: abs(r["difference"]))
    return (
        f"Of {len(tested)} combinations in both folders {better} are better here, {len(told) - better} "
        "worse, and "
        f"{len(tested) - len(told)} not distinguishable (5 %, Holm). The largest change is "
        f"{100 * largest['difference']:+.2f} points, of {largest['extractor']} + {largest['head']}."
    )
