"""Cells of a comparison that answer together: votes, pools and stacks, learned on validation, tested once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.combine import COMBINATIONS, Combination, Scores, as_scores, out_of_fold
from featurize.store import key_of
from featurize.suggest import error_words, first_unknown
from pipelines.evaluation.evaluate import FAILURES, bench_row, masked_scores, test_parts
from pipelines.evaluation.experiment import Experiment
from pipelines.evaluation.recipe import Ensemble
from pipelines.metrics.scores import evaluate
from pipelines.results.predictions import Predictions, load_predictions
from pipelines.results.rows import Row, append_rows, as_json, read_rows
from pipelines.utils.kept_warnings import as_text, from_text, kept_warnings

log = logging.getLogger(__name__)

#: Raised whenever the same members would give other rows.
VERSION = 1
#: Cells that a warning names, at most so many.
MOST_NAMED = 3


def held_out(out: Path, run: str) -> Path:
    """Return where a comparison keeps what a cell, fitted on train alone, says of validation."""
    return out / "predictions" / f"{run}.validation.npz"


def check_members(wanted: Sequence[Ensemble], cells: Sequence[tuple[str, str]]) -> None:
    """Raise a `ValueError` if an ensemble names an extractor or a head that no cell, a pair of them, has."""
    extractors, heads = ([*dict.fromkeys(names)] for names in zip(*cells, strict=True))
    for ensemble in wanted:
        for asked, there in ((ensemble.extractors, extractors), (ensemble.heads, heads)):
            if found := first_unknown(asked, there):
                title = f"ensemble {ensemble.combine} of {ensemble.name}"
                raise ValueError(f"{title}: no cell has {found[0]!r}; {found[1]}")


def answers_kept(out: Path, run: str) -> bool:
    """Say whether what an ensemble needs of a cell is there and whole."""
    try:
        for path in (held_out(out, run), out / "predictions" / f"{run}.npz"):
            load_predictions(path)
    except ValueError:
        return False
    return True


def ensembles(wanted: Sequence[Ensemble], bench: Experiment, runs: list[str], out: Path) -> Iterator[str]:
    """Compute and write the ensembles that `out` does not hold; yield how each went, as cells do.

    Parameters
    ----------
    wanted : sequence of Ensemble
    bench : Experiment
    runs : list of str
        The comparison's cells, computed by now; the ensembles are entered, too.
    out : Path
    """
    if not wanted:
        return
    rows = [r for r in read_rows(out / "rows.csv") if r.status == "ok"]
    done, cells = {r.run for r in rows}, [r for r in rows if r.split == "test"]
    single = sorted((r for r in cells if r.run in runs), key=lambda r: runs.index(r.run))
    for ensemble in wanted:
        asked = [r for r in single if ensemble.takes(r.extractor, r.head)]
        members = [r for r in asked if not r.seen_validation]
        base = _base(ensemble, members, bench, _left_out([r for r in asked if r.seen_validation]))
        runs.append(base.run)
        yield "reused" if base.run in done else _run(ensemble, base, members, bench, out)


def _left_out(rows: Sequence[Row]) -> list[str]:
    """Return a warning of cells whose networks know the samples that ensembles learn from."""
    if not rows:
        return []
    named = ", ".join(map(_title, rows[:MOST_NAMED]))
    more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    return [f"left out, since their networks learned from the validation samples: {named}{more}"]


def _base(ensemble: Ensemble, members: Sequence[Row], bench: Experiment, warnings: Sequence[str] = ()) -> Row:
    """Return the row of an ensemble as far as it is known before anything is learned."""
    decides = {"version": VERSION, "combine": ensemble.combine, "members": [m.run for m in members]}
    return Row(
        **bench_row(bench),
        run=key_of(bench.identity() | decides | {"name": ensemble.name})[:16],
        extractor=ensemble.name,
        spec=" | ".join(map(_title, members)),
        head=ensemble.combine,
        warnings=as_text(warnings),
    )


def _title(member: Row) -> str:
    return f"{member.extractor} {member.head}"


def _run(ensemble: Ensemble, base: Row, members: Sequence[Row], bench: Experiment, out: Path) -> str:
    title, known = f"{ensemble.combine} of {ensemble.name}", from_text(base.warnings)
    for warning in known:
        log.warning("%s: %s", title, warning)
    try:
        with kept_warnings() as heard:
            rows, said = combined(COMBINATIONS[ensemble.combine], base, members, bench, out)
        rows = [replace(row, warnings=as_text([*known, *bench.left_out, *heard])) for row in rows]
    except FAILURES as error:
        words = error_words(error)
        log.warning("%s failed: %s", title, words)
        append_rows(out / "rows.csv", [replace(base, status="error", error=words)])
        return "failed"
    log.info("%s of %d: validation %.4f, test %.4f", base.head, len(members), *(r.accuracy for r in rows[:2]))
    said.save(out / "predictions" / f"{base.run}.npz")
    append_rows(out / "rows.csv", rows)
    return "computed"


def combined(
    kind: type[Combination], base: Row, members: Sequence[Row], bench: Experiment, out: Path
) -> tuple[list[Row], Predictions]:
    """Learn to combine on validation, answer for the test.

    The row of validation is of five folds of it, each answered for by what the others taught: the same
    samples cannot both teach and judge.

    Raises
    ------
    ValueError
        If there are no two members.
    """
    if len(members) < 2:
        gone = "".join(f"; {one}" for one in from_text(base.warnings))
        raise ValueError(f"an ensemble needs two cells that went well, and has {len(members)}{gone}")
    known, _ = _answers(members, [held_out(out, m.run) for m in members])
    asked, test = _answers(members, [out / "predictions" / f"{m.run}.npz" for m in members])
    y = bench.dataset.labels[bench.split.validation]
    started = time.perf_counter()
    learned = kind().fit(known, y)
    fit_s, started = time.perf_counter() - started, time.perf_counter()
    P = learned.predict_proba(asked)
    own_ms = (time.perf_counter() - started) / len(P) * 1000
    said = replace(test, scores=P.astype(np.float32), predicted=P.argmax(1), probabilistic=True)
    base = replace(base, params=as_json(learned.told([_title(m) for m in members])))
    held = out_of_fold(lambda fit, held: _held(kind, known, y, fit, held), y, P.shape[1])
    judged: dict[str, Any] = evaluate(y, held, True)
    rows = [replace(base, split="validation", n_train=len(y), n_test=len(y), fit_s=fit_s, **judged)]
    base = replace(
        base, n_train=members[0].n_train, fit_s=fit_s + sum(m.fit_s for m in members),
        predict_ms_per_sample=own_ms + sum(m.predict_ms_per_sample for m in members),
        model_bytes=sum(m.model_bytes for m in members),
    )  # fmt: skip
    for name, mask in test_parts(bench, said).items():
        rows.append(replace(base, split=name, **masked_scores(said, mask)))
    return rows, said


def _answers(members: Sequence[Row], paths: Sequence[Path]) -> tuple[list[Scores], Predictions]:
    """Return each member's scores, and the last member's answers with what is known of the samples."""
    found = [load_predictions(path) for path in paths]
    for row, one in zip(members, found, strict=True):
        if not np.array_equal(one.ids, found[0].ids):
            raise ValueError(f"{row.extractor} with {row.head} answered for other samples; compute it again")
    return [as_scores(p.scores, p.probabilistic) for p in found], found[-1]


def _held(kind: type[Combination], members: Sequence[Scores], y: Any, fit: Any, held: Any) -> Scores:
    return kind().fit([s[fit] for s in members], y[fit]).predict_proba([s[held] for s in members])
