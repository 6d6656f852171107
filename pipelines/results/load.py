"""A folder of results as a report sees it: runs with rows and predictions, and all that lies beside."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.registry import OLD_HEADS
from featurize.json_files import read_mapping
from featurize.suggest import hint
from pipelines.metrics.scores import confusion
from pipelines.results.frames import Rows
from pipelines.results.predictions import Predictions, load_predictions
from pipelines.results.rows import SELECTED_ON_TEST, Candidate, Row, as_json, new_title, read_grid, read_rows
from pipelines.utils.paths import as_path


@dataclass(frozen=True)
class Cell:
    """One extractor with one head: its rows by split, and its predictions where they were kept.

    Attributes
    ----------
    rows : dict
        Split -> row; there is always a "test".
    title : str
        Extractor and head, and what tells the run apart where another has the same.
    predictions_path : Path
    grid : tuple of Candidate
        What was tried on validation.
    """

    rows: Mapping[str, Row]
    title: str
    predictions_path: Path
    grid: tuple[Candidate, ...] = ()

    @property
    def run(self) -> str:
        """The name of the run in ``rows.csv``."""
        return self.test.run

    @property
    def test(self) -> Row:
        """The row of the whole test split."""
        return self.rows["test"]

    @property
    def validation(self) -> float:
        """Accuracy on validation; NaN where there is none."""
        return self.rows["validation"].accuracy if "validation" in self.rows else float("nan")

    @property
    def chosen_by(self) -> float:
        """Accuracy on validation, where it may choose; NaN where a mark says that it may not."""
        return self.validation if self.test.may_be_chosen else float("nan")

    @cached_property
    def predictions(self) -> Predictions | None:
        """What the head said of each test sample; None where the file is gone."""
        return load_predictions(self.predictions_path) if self.predictions_path.exists() else None

    @cached_property
    def confusion(self) -> NDArray[np.int64] | None:
        """(k, k) counts, true by predicted."""
        p = self.predictions
        return None if p is None else confusion(p.true, p.predicted, len(p.classes))


@dataclass(frozen=True, repr=False)
class Results(Rows):
    """What one folder holds of one comparison.

    Attributes
    ----------
    folder : Path
    cells : tuple of Run
        In the recipe's order.
    failed : tuple of Row
    about : dict
        ``recipe.json``; empty where there is none.
    left_out : int
        Runs of the folder that belong to another comparison.
    timed : int
        Runs on random weights, which are for timing: they are no results, and none of `cells`.
    """

    folder: Path
    cells: tuple[Cell, ...]
    failed: tuple[Row, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    left_out: int = 0
    timed: int = 0

    def _rows(self) -> list[Row]:
        return [row for cell in self.cells for row in cell.rows.values()]

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.cells[0].test.dataset

    @property
    def synthetic(self) -> bool:
        """Whether the data is drawn: the report says so wherever it names it."""
        return bool(self.about.get("data", {}).get("synthetic")) or "synthetic" in self.dataset

    @property
    def question(self) -> str:
        """What the comparison was to answer."""
        return str(self.about.get("recipe", {}).get("question", ""))

    @property
    def name(self) -> str:
        """Name of the recipe, else of the folder."""
        return str(self.about.get("recipe", {}).get("name", "") or self.folder.resolve().name)

    @property
    def validated(self) -> bool:
        """Whether any run may be chosen by validation: nested folds leave none to choose among runs by."""
        return any(c.chosen_by == c.chosen_by for c in self.cells)

    @property
    def marked(self) -> int:
        """How many runs have a network that learned from validation samples."""
        return sum(c.test.seen_validation for c in self.cells)

    @cached_property
    def by_validation(self) -> list[Cell]:
        """The runs, the best on validation first; of equals, honest ones first, in the recipe's order.

        Those whose network has learned from validation samples follow, in the recipe's order.
        """

        def place(cell: Cell) -> tuple[float, int]:
            known = cell.chosen_by == cell.chosen_by
            return (-cell.chosen_by if known else np.inf), len(marks(cell.test))

        return sorted(self.cells, key=place)

    @property
    def chosen(self) -> Cell:
        """The run that validation chooses, the test split having no say in it; else the first honest one."""
        return self.by_validation[0]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, as the predictions have them; empty where none were kept."""
        kept = next((c.predictions for c in self.cells if c.predictions is not None), None)
        return () if kept is None else tuple(str(name) for name in kept.classes)

    def find(self, words: str) -> Cell:
        """Return the run of a run or a title.

        Raises
        ------
        ValueError
            If no run, or more than one, is meant.
        """
        exact = [c for c in self.cells if words in (c.run, c.title)]
        found = exact or [c for c in self.cells if c.run.startswith(words) or words in c.title]
        if len(found) == 1:
            return found[0]
        if not found and (current := new_title(words)) != words:
            return self.find(current)
        known = _some(c.title for c in (found or self.cells))
        if found:
            raise ValueError(f"more than one run is meant by {words!r}: {known}; write the whole title")
        near = hint(words, (c.title for c in self.cells), otherwise=f"there are: {known}")
        raise ValueError(f"no run is {words!r}; {near}")


def _some(names: Iterable[str], most: int = 8) -> str:
    """Return the first names in quotes, and how many more there are."""
    listed = [repr(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def load_results(folder: Path | str) -> Results:
    """Read what ``mueca compare --out FOLDER`` or ``mueca fit --out FOLDER`` wrote.

    Of a folder that several comparisons wrote to, the last one's runs are taken.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no rows in it.
    ValueError
        If a file in it cannot be read, or every run failed.
    """
    folder = as_path(folder, "results")
    if not (folder / "rows.csv").is_file():
        raise FileNotFoundError(
            f"no results in {folder}; make some with: mueca compare RECIPE --out {folder}"
        )
    about, rows = _about(folder), read_rows(folder / "rows.csv")
    kept = _of_one_comparison(rows, about)
    grids: dict[str, list[Candidate]] = {}
    for candidate in [*read_grid(folder / "grid.csv"), *about.get("candidates", [])]:
        grids.setdefault(candidate.run, []).append(candidate)
    cells = [_cell(folder, run, found, grids) for run, found in _by_run(kept).items() if _is_whole(found)]
    timed = len({row.run for row in kept if row.status == "timing"})
    if not cells:
        why = "has a result: random weights are for timing" if timed else "of the comparison succeeded"
        raise ValueError(f"{folder}: no run {why}; see status and error in rows.csv")
    whole = {cell.run for cell in cells}
    failed = tuple(row for row in kept if not row.done and row.run not in whole)
    others = len({row.run for row in rows} - {row.run for row in kept})
    return Results(folder, tuple(_titled(cells)), failed, about, others, timed)


def _about(folder: Path) -> dict[str, Any]:
    """Return ``recipe.json``, or what the card of a fitted model says in its stead."""
    file = next((folder / name for name in ("recipe.json", "card.json") if (folder / name).is_file()), None)
    if file is None:
        return {}
    rows = read_rows(folder / "rows.csv")  # what is wrong with these is said of these
    try:
        content = read_mapping(file)
        return content if file.name == "recipe.json" else _about_model(content, rows)
    except ValueError as error:
        raise ValueError(f"{file} cannot be read: {error}; {_REMOVE}") from None
    except (TypeError, KeyError, AttributeError):
        raise ValueError(
            f"{file} cannot be read: a part of it is gone or of another kind; {_REMOVE}"
        ) from None


#: What to do about a damaged file beside the rows.
_REMOVE = "run the same command again, or take that file away"


def _about_model(card: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    (run, *_) = [row.run for row in rows] or [""]
    head = OLD_HEADS.get(card["head"]["name"], card["head"]["name"])
    candidates = [
        Candidate(run, head, _params(tried), float(tried["validation"]), float(tried["fit_s"]))
        for tried in card["chosen_from"]
    ]
    return {
        "written": card["created"],
        "machine": card["machine"],
        "data": {**card["data"], "classes": card["classes"]},
        "candidates": candidates,
    }


def _params(tried: Mapping[str, Any]) -> str:
    return as_json({k: v for k, v in tried.items() if k not in ("validation", "fit_s")})


def _of_one_comparison(rows: Sequence[Row], about: Mapping[str, Any]) -> list[Row]:
    """Return the rows of the recipe's runs, in its order; without a recipe those on the last row's data.

    Runs of the folder that differ from one of the recipe's in nothing but the seed follow it.
    """
    if order := {str(run): i for i, run in enumerate(about.get("runs", []))}:
        places = {_but_seed(r): order[r.run] for r in rows if r.run in order}
        seeds = {_with_seed(r) for r in rows if r.run in order}
        more = {
            r.run: places[_but_seed(r)]
            for r in rows
            if r.run not in order and _but_seed(r) in places and _with_seed(r) not in seeds
        }
        order = {**more, **order}
        return sorted((r for r in rows if r.run in order), key=lambda r: (order[r.run], r.run in more))
    return [r for r in rows if r.fingerprint == rows[-1].fingerprint]


def _but_seed(row: Row) -> tuple[str, ...]:
    """Return what makes two rows those of one question asked with two seeds."""
    return row.fingerprint, row.spec or row.extractor, row.extractor, row.head, _marked(row)


def _with_seed(row: Row) -> tuple[object, ...]:
    return *_but_seed(row), row.seed


def _marked(row: Row) -> str:
    return " ".join(marks(row))


def _by_run(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.run, []).append(row)
    return found


def _is_whole(rows: Iterable[Row]) -> bool:
    return any(row.split == "test" and row.status == "ok" for row in rows)


def _cell(folder: Path, run: str, rows: Iterable[Row], grids: Mapping[str, Sequence[Candidate]]) -> Cell:
    """Return a run; of several folds, each split's row over the most samples (the pooled one) counts."""
    splits: dict[str, Row] = {}
    for row in rows:
        if row.status == "ok" and (row.split not in splits or row.n_test > splits[row.split].n_test):
            splits[row.split] = row
    title = f"{splits['test'].extractor} + {splits['test'].head}"
    path = folder / "predictions" / f"{run}.npz"
    alone = folder / "predictions.npz"
    return Cell(
        splits, title, alone if alone.exists() and not path.exists() else path, tuple(grids.get(run, ()))
    )


def _titled(cells: Sequence[Cell]) -> list[Cell]:
    """Give runs with one title another that tells them apart: what leaks, seed, parameters, or the run."""
    named = [replace(c, title=" ".join([c.title, *(f"[{m}]" for m in marks(c.test))])) for c in cells]
    for more in (_by_seed, _by_params, _by_number):
        count, seeds = Counter(cell.title for cell in named), _seeds(named)
        named = [
            replace(c, title=f"{c.title} {more(c, seeds[c.title])}".strip()) if count[c.title] > 1 else c
            for c in named
        ]
    return named


def _by_seed(cell: Cell, seeds: set[int]) -> str:
    return f"(seed {cell.test.seed})" if len(seeds) > 1 else ""


def _by_params(cell: Cell, seeds: set[int]) -> str:
    return f"({short_params(cell.test)})"


def _by_number(cell: Cell, seeds: set[int]) -> str:
    return f"#{cell.run[:6]}"


def _seeds(cells: Sequence[Cell]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for cell in cells:
        found.setdefault(cell.title, set()).add(cell.test.seed)
    return found


def marks(row: Row) -> list[str]:
    """Return what makes a row's figures too good: its marks, and what folds put before the protocol."""
    before, colon, _ = row.protocol.partition(":")
    flattered = [mark for mark in ("random-leaky", SELECTED_ON_TEST) if colon and mark in before]
    return [*flattered, *row.marks.split()]


def short_params(row: Row) -> str:
    """Return the chosen parameters as ``C=10, gamma=scale``; the seed has a place of its own.

    Where every fold chose for itself, the most frequent ones, and in how many folds.
    """
    try:
        params = json.loads(row.params)
        if folds := params.get("chosen in folds"):
            often = max(folds, key=folds.__getitem__)
            return f"{_listed(json.loads(often))} in {folds[often]} of {sum(folds.values())} folds"
        return _listed(params)
    except (ValueError, AttributeError):
        return row.params


def _listed(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={v}" for k, v in params.items() if k != "random_state")


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the lines of a CSV file; an empty list where there is none.

    Raises
    ------
    ValueError
        If a line is shorter than the header, or the file is no text.
    """
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            records = list(csv.DictReader(file, strict=True))
    except (csv.Error, UnicodeDecodeError):
        raise ValueError(f"{path} cannot be read: it is no CSV, or damaged; copy it again") from None
    for number, record in enumerate(records, start=2):
        if None in record or None in record.values():
            raise ValueError(f"{path}, line {number}: another number of columns than the header")
    return records
