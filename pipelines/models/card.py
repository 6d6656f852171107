"""What a fitted model says of itself, and its folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from classifiers import persist
from classifiers.registry import head_spec
from featurize.atomic import atomic_folder
from pipelines.evaluation.evaluate import EvaluationResult
from pipelines.evaluation.experiment import Experiment
from pipelines.metrics.scores import recall_by_class
from pipelines.models.folders import NAME, write_manifest
from pipelines.models.model import FORMAT, PARTS, Model
from pipelines.recipe import Features
from pipelines.results.rows import append_rows
from pipelines.utils.kept_warnings import from_text
from pipelines.utils.paths import as_path, check_target
from pipelines.utils.provenance import library_versions, machine

#: What a card says of each split.
SCORES = (
    "n_test", "accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "auc_ovr", "ci_low", "ci_high",
)  # fmt: skip


def card_of(outcome: EvaluationResult, features: Features, bench: Experiment) -> dict[str, Any]:
    """Return what a reader must know of a fitted head."""
    first = outcome.rows[0]
    timed = first.status == "timing"
    return {
        "format": FORMAT,
        "title": f"{first.head} on {first.extractor}, {first.dataset}"
        + " [random weights, for timing only]" * timed,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": _data_of(bench),
        "classes": list(bench.dataset.classes),
        "protocol": first.protocol,
        "extractor": {
            "expression": outcome.embedding.spec,
            "dim": int(outcome.embedding.X.shape[1]),
            "parts": [asdict(part.spec) for part in outcome.embedding.extractors],
            "fallbacks": outcome.embedding.fallbacks,
        },
        "preprocess": features.preprocess.model_dump(exclude={"mirror"})
        | {"mirrored_copies": features.mirror},
        "head": {"name": first.head, "params": outcome.choice.params},
        **_drawn_of(outcome),
        "chosen_from": outcome.choice.tried,
        "scores": {} if timed else {row.split: {n: getattr(row, n) for n in SCORES} for row in outcome.rows},
        "marks": first.marks.split(),
        "warnings": from_text(first.warnings),
        "recall": recall_by_class(
            outcome.predictions.true, outcome.predictions.predicted, bench.dataset.classes
        ),
        "fit_s": outcome.rows[-1].fit_s,
        "versions": library_versions(),
        "git_sha": first.git_sha,
        "machine": machine(),
        "limits": "Labels are annotators' views of posed or web faces. An expression is not a feeling.",
    }


def _drawn_of(outcome: EvaluationResult) -> dict[str, Any]:
    """Return how training samples were drawn, where not as they come, and the error against votes."""
    params = json.loads(outcome.rows[0].params)
    drawn = {name: value for name, value in params.items() if name not in outcome.choice.params}
    errors = {r.split: round(r.ece_votes, 5) for r in outcome.rows if r.ece_votes == r.ece_votes}
    found = {"training_samples": drawn, "calibration_error": errors}
    return {name: value for name, value in found.items() if value}


def _data_of(bench: Experiment) -> dict[str, Any]:
    return {
        "name": bench.dataset.name,
        "fingerprint": bench.dataset.fingerprint,
        "synthetic": bench.dataset.synthetic,
        "left_out": len(bench.dataset.faults),
        "not_looked_at": bench.dataset.ignored,
        "side": _side_of(bench),
        "largest": _largest_of(bench),
        "notes": list(bench.dataset.notes),
    }


def _side_of(bench: Experiment) -> int | None:
    """Return the side of the training faces, so that predicting reduces a face to what training saw.

    None where it is not known from the first of them: they are no squares, or clips.
    """
    shape = bench.dataset.samples[0].shape
    return int(shape[0]) if bench.dataset.kind == "image" and shape[0] == shape[1] else None


def _largest_of(bench: Experiment) -> int | None:
    """Return the longest side of all images of the data set, so that none of them is reduced in predicting.

    None for clips and motion maps.
    """
    if bench.dataset.kind != "image":
        return None
    samples = bench.dataset.samples
    return max(max(samples[i].shape[:2]) for i in range(len(samples)))


def model_of(outcome: EvaluationResult, features: Features, bench: Experiment) -> Model:
    """Return a finished run as a model."""
    return Model(
        outcome.embedding.spec, features.preprocess, outcome.estimator, card_of(outcome, features, bench)
    )


def save_model(model: Model, outcome: EvaluationResult, folder: Path | str) -> None:
    """Write head, card, rows and predictions to one folder, replacing an older model there.

    Raises
    ------
    ValueError
        If the folder holds something that is no model.
    OSError
        If it cannot be written; an older model is then left as it was.
    """
    folder = as_path(folder)
    check_target(folder, parts=PARTS)
    with atomic_folder(folder) as temporary:
        _fill(temporary, outcome, model.card)


def _fill(folder: Path, outcome: EvaluationResult, card: dict[str, Any]) -> None:
    meta = {
        "extractor": card["extractor"]["expression"],
        "dim": card["extractor"]["dim"],
        "classes": card["classes"],
    }
    trusted = head_spec(card["head"]["name"]).trusted
    persist.save(outcome.estimator, folder / "head.skops", meta, trusted)
    card = {**card, "weights": _copy_weights(outcome.embedding.extractors, folder), "manifest": NAME}
    text = json.dumps(card, indent=1, ensure_ascii=False, default=_plain)
    (folder / "card.json").write_text(text, "utf-8")
    append_rows(folder / "rows.csv", outcome.rows)
    (folder / "rows.lock").unlink(missing_ok=True)
    outcome.predictions.save(folder / "predictions.npz")
    write_manifest(folder)


def _copy_weights(extractors: Sequence[Any], folder: Path) -> dict[str, str]:
    """Copy weight files that were given as paths, so that one folder holds all; return path -> name in it.

    Published files are found again by their name: several may belong together, and their hashes are known.
    """
    copied = {}
    for extractor in extractors:
        given = getattr(extractor.params, "weights", None)
        if isinstance(given, str) and given not in ("auto", "random", "published"):
            source = extractor.weights_path
            copied[given] = f"weights-{extractor.name}-{extractor.weights_sha256[:12]}{source.suffix}"
            shutil.copyfile(source, folder / copied[given])
    return copied


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
