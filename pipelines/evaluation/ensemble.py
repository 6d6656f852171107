"""Runs of a comparison that answer together: votes, pools and stacks, learned on validation, tested once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from classifiers.combine import COMBINATIONS, Combination, Scores, as_scores, out_of_fold
from featurize.store import key_of
from featurize.suggest import first_unknown
from pipelines.evaluation.evaluate import experiment_row, masked_scores, test_parts
from pipelines.evaluation.experiment import Experiment
from pipelines.evaluation.recipe import Ensemble
from pipelines.metrics.scores import evaluate
from pipelines.results.folder import FAILURES, ResultsFolder, RunOutput
from pipelines.results.predictions import Predictions
from pipelines.results.rows import Row, as_json
from pipelines.utils.kept_warnings import as_text, from_text, kept_warnings

log = logging.getLogger(__name__)

#: Raised whenever the same members would give other rows.
VERSION = 1
#: Runs that a warning names, at most so many.
MOST_NAMED = 3


def check_members(wanted: Sequence[Ensemble], runs: Sequence[tuple[str, str]]) -> None:
    """Raise a `ValueError` if an ensemble names an extractor or a head that no run, a pair of them, has."""
    extractors, heads = ([*dict.fromkeys(names)] for names in zip(*runs, strict=True))
    for ensemble in wanted:
        for asked, there in ((ensemble.extractors, extractors), (ensemble.heads, heads)):
            if found := first_unknown(asked, there):
                title = f"ensemble {ensemble.combine} of {ensemble.name}"
                raise ValueError(f"{title}: no run has {found[0]!r}; {found[1]}")


def ensembles(
    wanted: Sequence[Ensemble], experiment: Experiment, runs: Sequence[str], folder: ResultsFolder
) -> Iterator[tuple[str, str]]:
    """Compute and write the ensembles that a folder does not hold; yield the run of each and how it went.

    Parameters
    ----------
    wanted : sequence of Ensemble
    experiment : Experiment
    runs : sequence of str
        The runs under the holdout, computed by now.
    folder : ResultsFolder
    """
    single = [r for r in folder.rows(runs) if r.split == "test" and r.status == "ok"] if wanted else []
    done = folder.finished() if wanted else {}
    for ensemble in wanted:
        asked = [r for r in single if ensemble.takes(r.extractor, r.head)]
        members = [r for r in asked if not r.seen_validation]
        base = _base(ensemble, members, experiment, _left_out([r for r in asked if r.seen_validation]))
        whole = base.run in done and folder.has_predictions(base.run)
        how = "reused" if whole else _run(ensemble, base, members, experiment, folder)
        yield base.run, how


def _left_out(rows: Sequence[Row]) -> list[str]:
    """Return a warning of runs whose networks know the samples that ensembles learn from."""
    if not rows:
        return []
    named = ", ".join(map(_title, rows[:MOST_NAMED]))
    more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    return [f"left out, since their networks learned from the validation samples: {named}{more}"]


def _base(
    ensemble: Ensemble, members: Sequence[Row], experiment: Experiment, warnings: Sequence[str] = ()
) -> Row:
    """Return the row of an ensemble as far as it is known before anything is learned."""
    decides = {"version": VERSION, "combine": ensemble.combine, "members": [m.run for m in members]}
    return Row(
        **experiment_row(experiment),
        run=key_of(experiment.identity() | decides | {"name": ensemble.name})[:16],
        extractor=ensemble.name,
        spec=" | ".join(map(_title, members)),
        head=ensemble.combine,
        warnings=as_text(warnings),
    )


def _title(member: Row) -> str:
    return f"{member.extractor} {member.head}"


def _run(
    ensemble: Ensemble, base: Row, members: Sequence[Row], experiment: Experiment, folder: ResultsFolder
) -> str:
    title, known = f"{ensemble.combine} of {ensemble.name}", from_text(base.warnings)
    for warning in known:
        log.warning("%s: %s", title, warning)
    try:
        with kept_warnings() as heard:
            rows, said = combined(COMBINATIONS[ensemble.combine], base, members, experiment, folder)
        rows = [replace(row, warnings=as_text([*known, *experiment.left_out, *heard])) for row in rows]
    except FAILURES as error:
        folder.fail(base, error, known)
        return "failed"
    log.info("%s of %d: validation %.4f, test %.4f", base.head, len(members), *(r.accuracy for r in rows[:2]))
    folder.save(RunOutput(rows, said))
    return "computed"


def combined(
    kind: type[Combination],
    base: Row,
    members: Sequence[Row],
    experiment: Experiment,
    folder: ResultsFolder,
) -> tuple[list[Row], Predictions]:
    """Learn to combine on validation, answer for the test.

    The row of validation is of five folds of it, each answered for by what the others taught: the same
    samples cannot both train and test it.

    Raises
    ------
    ValueError
        If there are no two members.
    """
    if len(members) < 2:
        gone = "".join(f"; {one}" for one in from_text(base.warnings))
        raise ValueError(f"an ensemble needs two runs that went well, and has {len(members)}{gone}")
    known, _ = _answers(members, [folder.predictions(m.run, validation=True) for m in members])
    asked, test = _answers(members, [folder.predictions(m.run) for m in members])
    y = experiment.dataset.labels[experiment.split.validation]
    started = time.perf_counter()
    learned = kind().fit(known, y)
    fit_s, started = time.perf_counter() - started, time.perf_counter()
    P = learned.predict_proba(asked)
    own_ms = (time.perf_counter() - started) / len(P) * 1000
    said = replace(test, scores=P.astype(np.float32), predicted=P.argmax(1), probabilistic=True)
    base = replace(base, params=as_json(learned.description([_title(m) for m in members])))
    held = out_of_fold(lambda fit, held: _held(kind, known, y, fit, held), y, P.shape[1])
    evaluated: dict[str, Any] = evaluate(y, held, True)
    rows = [replace(base, split="validation", n_train=len(y), n_test=len(y), fit_s=fit_s, **evaluated)]
    base = replace(
        base, n_train=members[0].n_train, fit_s=fit_s + sum(m.fit_s for m in members),
        predict_ms_per_sample=own_ms + sum(m.predict_ms_per_sample for m in members),
        model_bytes=sum(m.model_bytes for m in members),
    )  # fmt: skip
    for name, mask in test_parts(experiment, said).items():
        rows.append(replace(base, split=name, **masked_scores(said, mask)))
    return rows, said


def _answers(members: Sequence[Row], found: Sequence[Predictions]) -> tuple[list[Scores], Predictions]:
    """Return each member's scores, and the last member's answers with what is known of the samples."""
    for row, one in zip(members, found, strict=True):
        if not np.array_equal(one.ids, found[0].ids):
            raise ValueError(f"{row.extractor} with {row.head} answered for other samples; compute it again")
    return [as_scores(p.scores, p.probabilistic) for p in found], found[-1]


def _held(kind: type[Combination], members: Sequence[Scores], y: Any, fit: Any, held: Any) -> Scores:
    return kind().fit([s[fit] for s in members], y[fit]).predict_proba([s[held] for s in members])
