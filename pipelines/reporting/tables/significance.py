"""Paired significance tests between runs, as records and in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from pipelines.metrics.significance import Paired, compare_hits, corrected, verdict
from pipelines.reporting.names import short_titles
from pipelines.reporting.tables.columns import Column, Record, p_value, percent, whole
from pipelines.reporting.tables.network_cost import is_learned
from pipelines.results.load import Cell, Results

#: Runs that are tested each against each: the best on validation, which the test split did not pick.
BEST_FEW = 5
_SAME = "not distinguishable"

TESTS = (
    Column("a", "a"),
    Column("b", "b"),
    Column("only_a", "only a right", whole, "samples that a alone is right on"),
    Column("only_b", "only b right", whole, "samples that b alone is right on"),
    Column("difference", "a - b, points", percent, "difference of the test accuracies"),
    Column("interval", "95 % interval", str, "of the difference, paired bootstrap"),
    Column("p", "p", p_value, "of the test by itself"),
    Column("p_holm", "p, Holm", p_value, "corrected for the number of tests in this table"),
    Column("verdict", "in words"),
)


@dataclass(frozen=True)
class Family:
    """Tests that were made together, and that p-values are corrected for together."""

    name: str
    title: str
    words: str
    records: list[Record]


def families(results: Results, pairs: Sequence[tuple[str, str]] = ()) -> list[Family]:
    """Return the pairs asked for, the best few each against each, and every head against the softmax.

    That is the softmax on the same vectors and, where the vectors are a network's, the network's own. Where
    there are hand-crafted and learned vectors, the best of each are a family by themselves.

    Parameters
    ----------
    results : Results
    pairs : sequence of (str, str)
        Titles or runs, as `Results.find` takes them.

    Raises
    ------
    ValueError
        If a pair names no run, more than one, twice the same, or runs that cannot be tested in pairs.
    """
    best = [c for c in results.by_validation if c.predictions is not None][:BEST_FEW]
    found = [
        Family("asked", "The pairs that were asked for", "", _tested(_asked(results, pairs))),
        Family(
            "hand-crafted-or-learned",
            "The best hand-crafted against the best learned vectors, by validation",
            "",
            _tested(_kinds(results)),
        ),
        Family(
            "best",
            f"{_best_words(results, best)}, each against each",
            "",
            _tested(list(combinations(best, 2))),
        ),
        Family(
            "softmax",
            "Every head against the softmax on the same vectors",
            "",
            _tested(_against(results, ("softmax",), lambda cell: cell.test.extractor)),
        ),
        Family(
            "network-softmax",
            "Every head against the network's own softmax",
            "",
            _tested(_against(results, ("network-softmax",), _network)),
        ),
    ]
    return [Family(f.name, f.title, _summary(f.records), f.records) for f in found if f.records]


def in_short(family: Family, results: Results) -> Family:
    """Return tests for readers: the short titles of runs in records and words."""
    titles = short_titles(results.cells)
    longest = sorted(results.cells, key=lambda cell: -len(cell.title))
    short = {cell.title: titles[cell.run] for cell in longest if cell.title != titles[cell.run]}

    def said(text: str) -> str:
        for title, name in short.items():
            text = text.replace(title, name).replace(_begun(title), _begun(name))
        return text

    kept = ("a", "b", "verdict")
    records = [{**r, **{key: said(str(r[key])) for key in kept}} for r in family.records]
    return replace(family, words=said(family.words), records=records)


def _begun(text: str) -> str:
    """Return a text as a sentence begins with it."""
    return text[:1].upper() + text[1:]


def _asked(results: Results, pairs: Sequence[tuple[str, str]]) -> list[tuple[Cell, Cell]]:
    """Return the runs of each pair; one that is given twice, in whatever order, is one test."""
    found: dict[frozenset[str], tuple[Cell, Cell]] = {}
    for first, second in pairs:
        a, b = _named(results, first), _named(results, second)
        found.setdefault(frozenset((a.run, b.run)), (a, b))
        if a is b:
            raise ValueError(f"--test-pairs {a.title!r} against itself: give two runs")
        if not same_samples(a, b):
            raise ValueError(
                f"{a.title!r} and {b.title!r} have no predictions of the same test samples, so no paired test"
            )
    return list(found.values())


def _named(results: Results, words: str) -> Cell:
    try:
        return results.find(words)
    except ValueError as error:
        raise ValueError(f"--test-pairs: {error}") from None


def _kinds(results: Results) -> list[tuple[Cell, Cell]]:
    """Return the best run without a network and the best with one, where there are both."""
    ranked = [c for c in results.by_validation if c.predictions is not None]
    crafted = next((c for c in ranked if not is_learned(c)), None)
    learned = next((c for c in ranked if is_learned(c)), None)
    return [(crafted, learned)] if crafted and learned else []


def _best_words(results: Results, best: Sequence[Cell]) -> str:
    """Return what the best few are: those that validation ranks, and others where these are fewer."""
    ranked = sum(cell.chosen_by == cell.chosen_by for cell in best)
    if not ranked:
        return f"The first {len(best)}"
    others = f" and {len(best) - ranked} that validation does not rank" if ranked < len(best) else ""
    return f"The {ranked} best on validation{others}"


def _against(results: Results, heads: tuple[str, ...], key: Callable[[Cell], str]) -> list[tuple[Cell, Cell]]:
    """Return each run with the run of a head of `heads` that has the same key and, of several, its seed."""
    found: dict[str, list[Cell]] = {}
    for cell in results.cells:
        if cell.test.head in heads:
            found.setdefault(key(cell), []).append(cell)
    pairs = [(c, _of_seed(found[key(c)], c.test.seed)) for c in results.cells if key(c) in found]
    return [(a, b) for a, b in pairs if a.test.head not in heads and a.predictions and b.predictions]


def _of_seed(cells: Sequence[Cell], seed: int) -> Cell:
    """Return the last run with the seed, else the last."""
    return next((c for c in reversed(cells) if c.test.seed == seed), cells[-1])


def _network(cell: Cell) -> str:
    """Return the extractor without the layer that is taken of it: a network with its weights."""
    return re.sub(r"""layer=(["']).*?\1""", "layer", cell.test.spec or cell.test.extractor)


def _tested(pairs: Sequence[tuple[Cell, Cell]]) -> list[Record]:
    usable = [(a, b) for a, b in pairs if same_samples(a, b)]
    tests = corrected([paired_test(a, b) for a, b in usable])
    return [record_of(a.title, b.title, test) for (a, b), test in zip(usable, tests, strict=True)]


def same_samples(a: Cell, b: Cell) -> bool:
    """Return whether two runs were tested on the same samples in the same order."""
    p, q = a.predictions, b.predictions
    return p is not None and q is not None and np.array_equal(p.ids, q.ids) and np.array_equal(p.true, q.true)


def paired_test(a: Cell, b: Cell) -> Paired:
    """Test two runs against each other, by subject where subjects are known."""
    p, q = a.predictions, b.predictions
    assert p is not None and q is not None  # noqa: S101, PT018
    return compare_hits(p.predicted == p.true, q.predicted == q.true, p.groups)


def record_of(a: str, b: str, test: Paired) -> Record:
    """Return a test as a record of a table."""
    return {
        "a": a,
        "b": b,
        "only_a": test.only_a,
        "only_b": test.only_b,
        "difference": test.difference,
        "ci_low": test.low,
        "ci_high": test.high,
        "interval": f"{100 * test.low:.2f} to {100 * test.high:.2f}",
        "p": test.p,
        "p_holm": test.p_holm,
        "distinguishable": "yes" if test.distinguishable else "no",
        "test": test.test,
        "verdict": _short(a, b, test),
        "sentence": verdict(a, b, test),
    }


def _short(a: str, b: str, test: Paired) -> str:
    return f"{a if test.difference > 0 else b} is better" if test.distinguishable else _SAME


def _summary(records: Sequence[Record]) -> str:
    if not records:
        return ""
    told = sum(r["distinguishable"] == "yes" for r in records)
    first = str(records[0]["sentence"])
    counted = (
        f"{told} of {len(records)} pairs are told apart at 5 % after Holm's correction, "
        f"{len(records) - told} are not distinguishable on these test samples. "
    )
    return (
        f"{counted if len(records) > 1 else ''}{_begun(first)}. Test: "
        f"{records[0]['test']}; intervals "
        "by paired bootstrap, 10,000 draws, seed 0."
    )


def _not_by(results: Results) -> str:
    """Return how many runs validation does not choose among, since their networks learned from it."""
    n = results.marked
    cells = "1 run whose network has" if n == 1 else f"{n} runs whose networks have"
    return f" Validation does not choose among {cells} learned from its samples." if n else ""


def headline(results: Results, found: Sequence[Family]) -> str:
    """Return the answer in a sentence: what validation chooses, and what it cannot be told apart from."""
    chosen = results.chosen
    how, after = "is chosen by validation and", "the next {} on validation"
    if results.marked:
        after = "the {} after it"
    if not results.validated:
        how, after = (
            "stands first in the list, nothing but the test comparing the runs; it",
            "the {} after it",
        )
    said = (
        f"{chosen.title} {how} is right on {100 * chosen.test.accuracy:.2f} % of the "
        f"{chosen.test.n_test:,} test samples.{_not_by(results)}"
    )
    pairs = [r for f in found if f.name == "best" for r in f.records if chosen.title in (r["a"], r["b"])]
    better = [r for r in pairs if r["verdict"] not in (_SAME, f"{chosen.title} is better")]
    if better:
        names = ", ".join(str(r["verdict"]).removesuffix(" is better") for r in better)
        said += f" On the test, better than it: {names}."
    like = [r["b"] if r["a"] == chosen.title else r["a"] for r in pairs if r["distinguishable"] == "no"]
    if not pairs:
        return said
    if not like:
        return f"{said} Each of {after.format(len(pairs))} can be told apart from it on the test."
    return f"{said} Of {after.format(len(pairs))}, not distinguishable from it: {', '.join(like)}."
