"""A folder of results: the one that writes it, and what it holds of earlier runs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from featurize.atomic import write_text
from featurize.hashes import file_sha256
from featurize.suggest import error_words
from pipelines.results.predictions import Predictions, load_predictions
from pipelines.results.rows import Row, append_grid, append_rows, read_rows
from pipelines.utils.kept_warnings import as_text, from_text
from pipelines.utils.paths import as_path, check_parents

log = logging.getLogger(__name__)

#: What makes a run a row with an error, and not the end of a comparison.
FAILURES = (ValueError, ArithmeticError, MemoryError, RuntimeError, OSError)


#: The checksums of the predictions, beside their folder.
SUMS = "predictions.sha256"
#: What a comparison writes into its folder.
WRITTEN = (
    "rows.csv", "grid.csv", SUMS, "summary.csv", "cross-validation.csv", "recipe.json", "predictions",
    "folds", "audit",
)  # fmt: skip


@dataclass(frozen=True)
class RunOutput:
    """What a run gives.

    Attributes
    ----------
    rows : list of Row
    predictions : Predictions
        Of the samples that test.
    validation : Predictions, optional
        Of those that select, by the fit on train alone.
    tried : sequence of mapping
        The candidates that were scored by validation: parameters, `validation`, `fit_s`.
    """

    rows: list[Row]
    predictions: Predictions
    validation: Predictions | None = None
    tried: Sequence[Mapping[str, Any]] = ()


def files_of(folder: Path | str) -> list[Path]:
    """Return the files and folders that a comparison writes into a folder of results."""
    return [as_path(folder, "out") / name for name in WRITTEN]


class ResultsFolder:
    """Rows, predictions and candidates of runs on disk.

    Parameters
    ----------
    path : path
        Made when the first run is saved.

    Raises
    ------
    TypeError, OSError
        If it is no path, or a file is in its way.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = as_path(path, "out")
        check_parents(self.path)

    def finished(self) -> dict[str, list[Row]]:
        """Return the rows of each run that needs no second try."""
        found: dict[str, list[Row]] = {}
        for row in read_rows(self.path / "rows.csv"):
            if row.done:
                found.setdefault(row.run, []).append(row)
        return {run: rows for run, rows in found.items() if any(row.split == "test" for row in rows)}

    def rows(self, runs: Sequence[str]) -> list[Row]:
        """Return the rows of `runs`, in that order: of one computed twice the later, no mended error."""
        order = {run: i for i, run in enumerate(runs)}
        found = [row for row in read_rows(self.path / "rows.csv") if row.run in order]
        mended = {row.run for row in found if row.done}
        kept = [row for row in found if row.done or row.run not in mended]
        latest = {(row.run, row.split): row for row in kept}
        return sorted(latest.values(), key=lambda row: order[row.run])

    def predictions(self, run: str, *, validation: bool = False) -> Predictions:
        """Return what a run predicted; errors as `load_predictions`."""
        return load_predictions(self._file(run, validation))

    def has_predictions(self, run: str, *, validation: bool = False) -> bool:
        """Say whether the predictions of a run are there, as they were written, and can be read.

        What older versions wrote has no checksum, and is taken where it can be read.
        """
        path = self._file(run, validation)
        try:
            load_predictions(path)
        except ValueError:
            return False
        return self._sums.get(path.name) in (None, file_sha256(path))

    @property
    def _sums(self) -> dict[str, str]:
        """The SHA-256 of each file of predictions, as ``sha256sum -c`` reads them."""
        try:
            lines = (self.path / SUMS).read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return {}
        pairs = [line.partition("  ") for line in lines]
        return {name.removeprefix("predictions/"): d for d, _, name in pairs if len(d) == 64 and name}

    def _keep_sums(self, paths: Sequence[Path]) -> None:
        from filelock import FileLock

        with FileLock(self.path / "rows.lock"):
            sums = self._sums | {path.name: file_sha256(path) for path in paths}
            text = "".join(f"{digest}  predictions/{name}\n" for name, digest in sorted(sums.items()))
            write_text(self.path / SUMS, text)

    def _file(self, run: str, validation: bool) -> Path:
        return self.path / "predictions" / f"{run}{'.validation' * validation}.npz"

    def save(self, output: RunOutput) -> None:
        """Write a run; its rows last, since these say that all of it is there."""
        first = output.rows[0]
        made = [self._file(first.run, validation=False)]
        output.predictions.save(made[0])
        if output.validation is not None:
            made.append(self._file(first.run, validation=True))
            output.validation.save(made[1])
        self._keep_sums(made)
        if output.tried:
            append_grid(self.path / "grid.csv", first.run, first.head, output.tried)
        append_rows(self.path / "rows.csv", output.rows)

    def fail(self, row: Row, error: Exception | str, warnings: Sequence[str] = ()) -> None:
        """Write the row of a run that failed, and log why."""
        words = error_words(error)
        log.warning("%s with %s failed: %s", row.extractor, row.head, words)
        failed = replace(row, status="error", error=words, warnings=as_text(warnings))
        append_rows(self.path / "rows.csv", [failed])

    def mark(self, rows: Sequence[Row], marks: str, warnings: Sequence[str]) -> None:
        """Write rows anew that an older version has not marked; their figures stay."""
        if any(row.marks != marks for row in rows):
            warned = [as_text([*warnings, *from_text(row.warnings)]) for row in rows]
            marked = [replace(row, marks=marks, warnings=w) for row, w in zip(rows, warned, strict=True)]
            append_rows(self.path / "rows.csv", marked)

    def write_recipe(self, record: Mapping[str, Any]) -> None:
        """Write ``recipe.json``, whole or not at all."""
        write_text(self.path / "recipe.json", json.dumps(record, indent=1, ensure_ascii=False, default=str))
