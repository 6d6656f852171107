"""Rows of results as data frames, and in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from pipelines.results.rows import Row


def frame_of(records: Sequence[Mapping[str, Any]]) -> Any:
    """Return records as a `pandas.DataFrame`.

    Raises
    ------
    ImportError
        If pandas is not installed: the message says how to install it.
    """
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("a data frame needs pandas: pip install 'mueca[notebook]'") from None
    return pd.DataFrame.from_records(list(records))


def record_of(row: Row) -> dict[str, Any]:
    """Return a row by its columns, its parameters and versions as mappings."""
    return asdict(row) | {name: json.loads(getattr(row, name) or "{}") for name in ("params", "versions")}


def in_words(row: Row) -> str:
    """Return what a row found: ``svm on hog, synthetic: accuracy 0.81 (0.70 to 0.89), 70 of test``."""
    what = f"{row.head} on {row.extractor}, {row.dataset}"
    if row.status == "error":
        return f"{what}: failed ({row.error})"
    if row.status == "timing":
        return f"{what}: random weights, for timing only"
    interval = f" ({row.ci_low:.3f} to {row.ci_high:.3f})" if row.ci_low == row.ci_low else ""
    return f"{what}: accuracy {row.accuracy:.3f}{interval}, {row.n_test} of {row.split}"


class Rows:
    """What holds rows of results: `to_frame`, and short representations in a terminal and a notebook."""

    def _rows(self) -> Sequence[Row]:
        """Return the rows, in order."""
        raise NotImplementedError

    def to_frame(self) -> Any:
        """Return a `pandas.DataFrame` with one line a row, as ``rows.csv`` has them.

        Raises
        ------
        ImportError
            If pandas is not installed: the message says how to install it.
        """
        return frame_of([record_of(row) for row in self._rows()])

    def __repr__(self) -> str:
        shown = [in_words(row) for row in self._rows() if row.split == "test"]
        more = f"; and {len(shown) - 3} more" if len(shown) > 3 else ""
        return f"{type(self).__name__}({'; '.join(shown[:3])}{more})"

    def _repr_html_(self) -> str:
        """Return a table for a notebook."""
        names = ("extractor", "head", "split", "n_test", "accuracy", "balanced_accuracy", "f1_macro")
        head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
        lines = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(getattr(row, name)))}</td>" for name in names) + "</tr>"
            for row in self._rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


class ResultRows(Rows):
    """The rows of one run, by split."""

    rows: list[Row]

    def _rows(self) -> Sequence[Row]:
        return self.rows

    @property
    def test(self) -> Row:
        """The row of the whole test split."""
        return next(row for row in self.rows if row.split == "test")

    @property
    def validation(self) -> Row | None:
        """The row of validation; None where nothing validated."""
        return next((row for row in self.rows if row.split == "validation"), None)
