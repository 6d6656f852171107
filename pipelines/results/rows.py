"""The files of results: long CSV rows, and the predictions behind them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from classifiers.registry import OLD_HEADS
from pipelines.results import appended

#: The mark of a run one of whose networks has learned from the samples that validate.
SEEN_VALIDATION = "validation-seen"
#: The mark of a run whose candidates were selected on the samples that test.
SELECTED_ON_TEST = "select-on-test"


@dataclass(frozen=True)
class Row:
    """One line of ``rows.csv``: a data set x extractor x head x fold, on one split.

    Times are in seconds, but `predict_ms_per_sample` in milliseconds; `model_bytes` is the size of the fitted
    head in memory. `params`, `versions` are JSON. Scores that are not defined are empty in the file.
    `status` is "ok", "timing" (the vectors come from random weights: times are good, scores are no result,
    and nothing shows them as such), or "error". `marks` names what makes a figure of the run too good, see
    `SEEN_VALIDATION`; `warnings` is a JSON list of what was warned of while it ran. Both are empty as a rule,
    and in files from before they were kept. `ece_votes` is the expected calibration error against the votes
    of annotators, where there are any.
    """

    run: str
    dataset: str
    fingerprint: str
    protocol: str
    split: str
    extractor: str
    spec: str
    head: str
    params: str = "{}"
    seed: int = 0
    fold: int = 0
    n_train: int = 0
    n_test: int = 0
    accuracy: float = math.nan
    balanced_accuracy: float = math.nan
    f1_macro: float = math.nan
    f1_weighted: float = math.nan
    auc_ovr: float = math.nan
    log_loss: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    extract_s: float = math.nan
    fit_s: float = math.nan
    predict_ms_per_sample: float = math.nan
    model_bytes: int = 0
    embedding_key: str = ""
    git_sha: str = ""
    versions: str = "{}"
    status: str = "ok"
    error: str = ""
    marks: str = ""
    warnings: str = ""
    ece_votes: float = math.nan

    @property
    def done(self) -> bool:
        """Whether the run needs no second try."""
        return self.status != "error"

    @property
    def seen_validation(self) -> bool:
        """Whether a network of the run has learned from validation samples, so that these choose nothing."""
        return SEEN_VALIDATION in self.marks.split()

    @property
    def may_be_chosen(self) -> bool:
        """Whether its validation figure can choose among runs."""
        return not {SEEN_VALIDATION, SELECTED_ON_TEST} & set(self.marks.split())


COLUMNS = tuple(f.name for f in fields(Row))


#: Columns that files of older versions end before.
_ADDED = ("marks", "warnings", "ece_votes")


_TYPES = {f.name: f.type for f in fields(Row)}


@dataclass(frozen=True)
class Candidate:
    """One line of ``grid.csv``: what a head was tried with, and what validation said.

    `params` is JSON, `validation` the score that the recipe chooses by, `fit_s` seconds.
    """

    run: str
    head: str
    params: str
    validation: float
    fit_s: float


#: What to do about a line that is none.
_REMOVE = "remove that line, or give another --out folder"
GRID_COLUMNS = tuple(f.name for f in fields(Candidate))


def append_rows(path: Path, rows: Iterable[Row]) -> None:
    """Append rows to a CSV file, whole or not at all, also when several runs write to it.

    A file of an older version, which lacks the last columns, gets them first.

    Raises
    ------
    ValueError
        If the file is there and is no file of result rows.
    OSError
        If it cannot be written.
    """
    appended.append(path, COLUMNS, map(asdict, rows), _ADDED)


def append_grid(path: Path, run: str, head: str, tried: Iterable[Mapping[str, Any]]) -> None:
    """Append the candidates of a run (`SelectionResult.tried`) to a CSV file; as `append_rows`."""
    records = []
    for candidate in tried:
        params = {k: v for k, v in candidate.items() if k not in ("validation", "fit_s")}
        records.append(
            Candidate(run, head, as_json(params), float(candidate["validation"]), float(candidate["fit_s"]))
        )
    appended.append(path, GRID_COLUMNS, map(asdict, records))


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a CSV file; of several with one `run`, `split` and `fold`, the last.

    Raises
    ------
    ValueError
        If the file is no file of result rows; the message names the line.
    """
    columns = appended.header_of(path, COLUMNS, _ADDED)
    latest: dict[tuple[str, str, int], Row] = {}
    for number, record in appended.read(path, COLUMNS, _ADDED):
        row = _row(record, path, number, columns)
        latest.pop((row.run, row.split, row.fold), None)
        latest[row.run, row.split, row.fold] = row
    return list(latest.values())


def _row(record: Mapping[str, str | None], path: Path, number: int, columns: tuple[str, ...]) -> Row:
    try:
        return _current(Row(**{name: _value(name, record[name]) for name in columns}))
    except (TypeError, ValueError, KeyError):
        raise ValueError(f"{path}, line {number}: not a result row; {_REMOVE}") from None


#: A head by the name that an older version gave it, at the end of a run's title.
_OLD_HEAD = re.compile(rf" ({'|'.join(map(re.escape, OLD_HEADS))})(?=\"| [|[(]|$)")


def new_title(text: str) -> str:
    """Return the title of a run, or several in one text, with the names that heads have now."""
    return _OLD_HEAD.sub(lambda found: f" {OLD_HEADS[found[1]]}", text)


def _current(row: Row) -> Row:
    """Return a row of an older version with the names that heads have now; an ensemble names its members."""
    if " | " in row.spec:
        row = replace(row, spec=new_title(row.spec), params=new_title(row.params))
    return replace(row, head=OLD_HEADS[row.head]) if row.head in OLD_HEADS else row


def read_grid(path: Path) -> list[Candidate]:
    """Return the candidates of a ``grid.csv``; of several of one `run` with the same `params`, the last.

    Raises
    ------
    ValueError
        If the file is no such file; the message names the line.
    """
    latest: dict[tuple[str, str], Candidate] = {}
    for number, record in appended.read(path, GRID_COLUMNS):
        try:
            scores = {name: float(record[name] or "nan") for name in ("validation", "fit_s")}
            texts = {name: _text(record[name]) for name in ("run", "head", "params")}
            texts["head"] = OLD_HEADS.get(texts["head"], texts["head"])
            found = Candidate(**texts, **scores)  # type: ignore[arg-type]
        except (TypeError, ValueError, KeyError):
            raise ValueError(f"{path}, line {number}: not a candidate of a grid; {_REMOVE}") from None
        latest.pop((found.run, found.params), None)
        latest[found.run, found.params] = found
    return list(latest.values())


def _text(value: str | None) -> str:
    if value is None:
        raise ValueError("no text")
    return value


def _value(name: str, text: str | None) -> Any:
    if text is None:
        raise ValueError(name)
    if _TYPES[name] == "float":
        return float(text) if text else math.nan
    return int(text) if _TYPES[name] == "int" else text


def as_json(value: Mapping[str, Any]) -> str:
    """Return a mapping as one line of JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
