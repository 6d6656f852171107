"""What a comparison found: its rows, one record a run, and the table of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.cross_validation.table import PooledRow
from pipelines.results.frames import Rows
from pipelines.results.rows import Row
from pipelines.utils.csv_files import write_csv
from pipelines.utils.kept_warnings import from_text

#: The columns of ``summary.csv``.
SUMMARY = (
    "extractor", "head", "params", "validation", "test", "ci_low", "ci_high", "test_clean", "test_distinct",
    "uar", "uf1", "ece_votes", "fit_s", "predict_ms", "chosen", "error", "data", "marks", "warnings",
)  # fmt: skip
#: What a summary says where weights are random: the times stand.
_NO_RESULT = dict.fromkeys(
    ("validation", "test", "ci_low", "ci_high", "test_clean", "test_distinct", "uar", "uf1", "ece_votes"),
    float("nan"),
) | {"error": "random weights, for timing only"}


@dataclass(frozen=True, repr=False)
class Comparison(Rows):
    """What a comparison found.

    Attributes
    ----------
    rows : list of Row
        Of this recipe's runs only, in the recipe's order, whether computed now or before.
    computed, reused, failed : int
        Runs.
    faults : int
        Samples that were left out of the data set.
    folder : Path
    notes : tuple of str
        What a user should know of the samples.
    ignored : mapping
        What was not looked at, see `pipelines.datasets.base.Dataset`.
    pooled : list of PooledRow
        The table of folds: for each run the whole, then each set that the data is made of.
    """

    rows: list[Row]
    computed: int
    reused: int
    failed: int
    faults: int
    folder: Path
    notes: tuple[str, ...] = ()
    ignored: dict[str, int] = field(default_factory=dict)
    pooled: list[PooledRow] = field(default_factory=list)

    def _rows(self) -> list[Row]:
        return self.rows

    @property
    def best(self) -> Row | None:
        """The validation row of the combination that validation chooses; of equals, the first.

        A run is not chosen by samples that its network has learned from, or that test. None where no other
        run has gone well.
        """
        chosen = [r for r in self.rows if r.split == "validation" and r.status == "ok"]
        return max((r for r in chosen if r.may_be_chosen), key=lambda r: r.accuracy, default=None)


def summarize(comparison: Comparison) -> list[dict[str, Any]]:
    """Return one record a run under a holdout: what validation said, what the test said."""
    runs: dict[str, dict[str, Row]] = {}
    folds = {row.run for row in comparison.pooled}
    for row in (row for row in comparison.rows if row.run not in folds):
        runs.setdefault(row.run, {})[row.split] = row
    best = comparison.best
    return [_record(splits, chosen=best is not None and run == best.run) for run, splits in runs.items()]


def _record(splits: dict[str, Row], chosen: bool) -> dict[str, Any]:
    test = splits["test"]
    record = {
        "extractor": test.extractor,
        "head": test.head,
        "params": test.params,
        "test": test.accuracy,
        "ci_low": test.ci_low,
        "ci_high": test.ci_high,
        "uar": test.balanced_accuracy,
        "uf1": test.f1_macro,
        "ece_votes": test.ece_votes,
        "fit_s": test.fit_s,
        "predict_ms": test.predict_ms_per_sample,
        "chosen": "yes" if chosen else "",
        "error": test.error,
        "data": test.dataset,
        "marks": test.marks,
        "warnings": "; ".join(from_text(test.warnings)),
    }
    for split in ("validation", "test-clean", "test-distinct"):
        found = splits[split].accuracy if split in splits else float("nan")
        record[split.replace("-", "_")] = found
    return record if test.status != "timing" else record | _NO_RESULT


def write_summary(comparison: Comparison, path: Path) -> None:
    """Write the summary as CSV, replacing an older one."""
    write_csv(path, summarize(comparison), SUMMARY)
