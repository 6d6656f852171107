"""Runs under a protocol of folds: every sample is tested once, and the predictions are pooled."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from featurize.store import key_of
from pipelines.cross_validation.nested import CrossValidationResult, cross_validate, marks_of
from pipelines.cross_validation.network_candidates import NetworkCandidates
from pipelines.cross_validation.protocol import Protocol
from pipelines.cross_validation.systems import HeadSystem, Prepared, Resources, System
from pipelines.cross_validation.table import PooledRow, fold_rows, load
from pipelines.datasets.base import COPIES, order_digest
from pipelines.results.folder import ResultsFolder, RunOutput
from pipelines.results.rows import Row
from pipelines.utils.kept_warnings import as_text, kept_warnings

#: Raised whenever the same recipe gives other figures.
VERSION = 1


@dataclass(frozen=True)
class FoldExperiment:
    """A protocol of folds on a data set.

    Attributes
    ----------
    protocol : Protocol
    resources : Resources
    seed : int
        Of the assignment to folds.
    """

    protocol: Protocol
    resources: Resources
    seed: int = 0

    def takes(self, system: System) -> bool:
        """Say whether there is something to fit in a fold."""
        return not (isinstance(system, HeadSystem) and system.pretrained)

    def run_id(self, system: System) -> str:
        """Return the first 16 hex digits of the SHA-256 of all that decides a run's rows."""
        dataset = self.resources.dataset
        decides = {"data": dataset.fingerprint, "ids": order_digest(dataset.ids.tolist()), "seed": self.seed,
                   "version": VERSION}  # fmt: skip
        if self.protocol.protocol == "lodo":
            decides |= {"sources": order_digest(dataset.split.tolist())}
        return key_of(decides | system.identity(dataset, self.protocol))[:16]

    def base_row(self, system: System) -> dict[str, Any]:
        """Return the fields of a run's rows that are known before anything is computed."""
        dataset = self.resources.dataset
        return {"dataset": dataset.name, "fingerprint": dataset.fingerprint, "protocol": self.protocol.title,
                "split": "test", "extractor": system.extractor, "spec": system.spec, "head": system.head,
                "seed": self.seed}  # fmt: skip

    def is_whole(self, run: str, folder: ResultsFolder) -> bool:
        """Say whether what the table needs of a finished run is there."""
        return folder.has_predictions(run)

    def evaluate(self, prepared: Prepared) -> RunOutput:
        """Test every sample once.

        Raises
        ------
        ValueError
            If the protocol or the system does not fit the data.
        """
        candidates, started = prepared.candidates, time.perf_counter()
        with kept_warnings() as said:
            found = cross_validate(candidates, **self.arguments(prepared.system))
        return self.output(prepared, found, time.perf_counter() - started, said)

    def arguments(self, system: System) -> dict[str, Any]:
        """Return what `cross_validate` takes besides the candidates."""
        protocol, r = self.protocol, self.resources
        return {
            "y": r.dataset.labels, "groups": r.dataset.groups, "sources": r.dataset.split,
            "protocol": protocol.protocol, "select_on_test": protocol.on_test, "folds": protocol.folds,
            "inner": system.inner_folds(protocol), "shared": protocol.shared or system.shared > 0,
            "seed": self.seed, "n_jobs": 1 if system.one_by_one else r.n_jobs or -1, "progress": r.progress,
            "name": r.dataset.name,
        }  # fmt: skip

    def output(
        self, prepared: Prepared, found: CrossValidationResult, seconds: float, warnings: Sequence[str]
    ) -> RunOutput:
        """Return the result of all folds as rows and predictions."""
        system = prepared.system
        known = {name: v for name, v in self.base_row(system).items() if name in _NAMED} | {
            "run": self.run_id(system), "fit_s": seconds, "status": system.status,
            "warnings": as_text([*prepared.warnings, *warnings]), "marks": " ".join(self.leaks),
        }  # fmt: skip
        probabilistic = isinstance(prepared.candidates, NetworkCandidates)
        return RunOutput(*fold_rows(self.resources.dataset, found, known, probabilistic=probabilistic))

    def table(self, system: System, row: Row, folder: ResultsFolder) -> list[PooledRow]:
        """Return a run as the table shows it: the whole, then each set that the data is made of."""
        marks = marks_of(self.protocol.protocol, self.protocol.on_test)
        rows = load(self.resources.dataset, row, system.title, self.protocol.title, marks, folder)
        return [replace(one, marks=(*one.marks, *self.leaks)) for one in rows]

    @property
    def leaks(self) -> list[str]:
        """What makes figures of the data too good whatever is left out: copies of one sample in two sets."""
        return [mark for mark in self.resources.dataset.marks if mark == COPIES]


#: Fields of a row that the result of folds does not know.
_NAMED = ("extractor", "spec", "head", "seed")
