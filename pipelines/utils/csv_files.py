"""How mueca writes records as CSV: full numbers, nothing where one is not defined, whole files only."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from featurize.atomic import write_text
from featurize.paths import expanded


def as_csv(
    records: Iterable[Mapping[str, Any]], columns: Iterable[str] | None = None, *, header: bool = True
) -> str:
    """Return records as CSV.

    Parameters
    ----------
    records : iterable of dict
        A number that is not one (NaN) and None become empty.
    columns : iterable of str, optional
        What is written, in this order; by default every key, in the order it is first met.
    header : bool
        Whether a line with the columns' names comes first.
    """
    records = list(records)
    names = list(columns if columns is not None else dict.fromkeys(k for r in records for k in r))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n", extrasaction="ignore")
    if header:
        writer.writeheader()
    writer.writerows({key: _field(value) for key, value in record.items()} for record in records)
    return text.getvalue()


def _field(value: Any) -> Any:
    return "" if isinstance(value, float) and math.isnan(value) else value


def write_csv(
    path: Path | str, records: Iterable[Mapping[str, Any]], columns: Iterable[str] | None = None
) -> Path:
    """Write records as a CSV file, replacing an older one; its folder is made if it is not there.

    Parameters
    ----------
    path : path
    records, columns
        As in `as_csv`.

    Raises
    ------
    OSError
        If it cannot be written; an older file then stays as it was.
    """
    return write_text(expanded(path), as_csv(records, columns))
