"""Runs under a holdout: selected on validation, fitted again, tested once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from classifiers.candidates import Scores
from featurize.store import key_of
from pipelines.cross_validation.network_candidates import NetworkCandidates
from pipelines.cross_validation.protocol import Protocol
from pipelines.cross_validation.systems import HeadSystem, Prepared, Resources, System
from pipelines.evaluation.evaluate import base_row, evaluate_run, experiment_row, run_id, split_rows
from pipelines.evaluation.experiment import FeatureMatrix, make_experiment
from pipelines.evaluation.selection import predictions_of
from pipelines.metrics.scores import evaluate
from pipelines.results.folder import ResultsFolder, RunOutput
from pipelines.results.predictions import Predictions
from pipelines.results.rows import Row, as_json
from pipelines.utils.kept_warnings import as_text, kept_warnings


class Holdout:
    """A holdout on a data set.

    Parameters
    ----------
    protocol : Protocol
    resources : Resources
    seed : int
    keeps_validation : bool
        A run is whole only with its predictions of validation: ensembles learn from these.

    Raises
    ------
    ValueError
        If the data set cannot be divided so.
    """

    def __init__(
        self, protocol: Protocol, resources: Resources, seed: int = 0, *, keeps_validation: bool = False
    ) -> None:
        self.protocol, self.keeps_validation = protocol, keeps_validation
        self.experiment = make_experiment(resources, protocol, seed)
        self._last: tuple[HeadSystem, FeatureMatrix] | None = None

    @property
    def known_warnings(self) -> list[str]:
        """What was warned of by now, and what every run is warned of."""
        return [*self.experiment.said, *self.experiment.left_out]

    def takes(self, system: System) -> bool:
        """Say that every system can be tested."""
        return True

    def matrix(self, system: HeadSystem) -> FeatureMatrix:
        """Return the vectors of a system; those of the last one are in memory."""
        experiment = self.experiment.for_candidates(len(system.plan.candidates()))
        last = self._last
        if last is None or last[1].experiment is not experiment or not same_vectors(last[0], system):
            last = system, FeatureMatrix(system.features, experiment, pretrained=system.pretrained)
        self._last = last
        return last[1]

    def run_id(self, system: System) -> str:
        """Return the first 16 hex digits of the SHA-256 of all that decides a run's rows."""
        if isinstance(system, HeadSystem):
            return run_id(system.plan, self.matrix(system))
        decides = {"system": system.title, "decides": system.decides(self.experiment.dataset)}
        return key_of(self.experiment.identity() | decides)[:16]

    def base_row(self, system: System) -> dict[str, Any]:
        """Return the fields of a run's rows that are known before anything is computed."""
        if isinstance(system, HeadSystem):
            return base_row(system.plan, self.matrix(system))
        named = {"extractor": system.extractor, "spec": system.spec, "head": system.head}
        return experiment_row(self.experiment) | named

    def is_whole(self, run: str, folder: ResultsFolder) -> bool:
        """Say whether what is needed of a finished run is there."""
        there = folder.has_predictions(run)
        return there and (not self.keeps_validation or folder.has_predictions(run, validation=True))

    def mark(self, system: System, rows: Sequence[Row], folder: ResultsFolder) -> None:
        """Mark rows of an older version as they would be now."""
        if isinstance(system, HeadSystem):
            matrix = self.matrix(system)
            folder.mark(rows, matrix.known["marks"], matrix.leaks)

    def evaluate(self, prepared: Prepared) -> RunOutput:
        """Select on validation, fit again, test once.

        Raises
        ------
        ValueError
            If the system cannot be fitted on this data.
        """
        system = prepared.system
        if not isinstance(system, HeadSystem):
            return self._candidates(prepared)
        found = evaluate_run(system.plan, self.matrix(system))
        return RunOutput(found.rows, found.predictions, found.choice.validation, found.choice.tried)

    def _candidates(self, prepared: Prepared) -> RunOutput:
        """Do the same with candidates that know their samples: of a network, or of a named system."""
        experiment = self.experiment
        if experiment.folds or experiment.halving:
            raise ValueError(f"{prepared.system.title}: selected on validation; no inner_folds, no halving")
        parts, cells, started = experiment.split, prepared.candidates, time.perf_counter()
        with kept_warnings() as said:
            every = [
                self._predicted(prepared, parts.validation, s)
                for s in cells.scores(parts.train, parts.validation)
            ]
            scores = [evaluate(p.true, p.scores, p.probabilistic, p.predicted) for p in every]
            best = int(np.argmax([s[experiment.scoring] for s in scores]))
            chosen_s, started = time.perf_counter() - started, time.perf_counter()
            train = np.concatenate([parts.train, parts.validation]) if experiment.refit else parts.train
            tested = self._predicted(prepared, parts.test, cells.scores(np.sort(train), parts.test, best)[0])
        tried = [
            {**one, "validation": s[experiment.scoring], "fit_s": chosen_s / len(every)}
            for one, s in zip(cells.candidates, scores, strict=True)
        ]
        known = self.base_row(prepared.system) | {
            "run": self.run_id(prepared.system), "params": as_json(cells.candidates[best]),
            "marks": " ".join(experiment.marks),
            "warnings": as_text([*prepared.warnings, *experiment.left_out, *said]),
        }  # fmt: skip
        fitted = {"n_train": len(train), "fit_s": time.perf_counter() - started}
        first = {"n_train": len(parts.train), "n_test": len(parts.validation), "fit_s": chosen_s}
        rows = split_rows(experiment, known, first | scores[best], fitted, tested)
        return RunOutput(rows, tested, every[best], tried)

    def _predicted(self, prepared: Prepared, indices: Any, scores: Scores) -> Predictions:
        probabilistic = isinstance(prepared.candidates, NetworkCandidates)
        finite = np.nan_to_num(scores, neginf=-1e30)
        return predictions_of(self.experiment, indices, finite.argmax(axis=1), finite, probabilistic)


def same_vectors(a: HeadSystem, b: HeadSystem) -> bool:
    """Say whether two systems are fitted on the same vectors."""
    return (a.features, a.pretrained) == (b.features, b.pretrained)
