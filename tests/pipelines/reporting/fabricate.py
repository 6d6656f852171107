"""Folders of results made up from a seed: what a comparison would have written, without fitting."""

import itertools
import json

import numpy as np

from pipelines.metrics.scores import evaluate
from pipelines.results.predictions import Predictions
from pipelines.results.rows import Row, append_grid, append_rows, as_json

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
EXTRACTORS = ("pixels", "lbp", "hog", "hog [mirror]", "hog+lbp")
HEADS = ("softmax", "svm", "forest", "knn", "bagged-svm")
GRIDS = {
    "softmax": [{"C": 1.0}],
    "svm": [{"C": c, "gamma": g} for c in (1, 10, 100) for g in (0.001, 0.01, 0.1)],
    "forest": [{"n_estimators": n} for n in (100, 300, 1000)],
    "knn": [{"n_neighbors": k, "weights": w} for k in (1, 5, 30) for w in ("uniform", "distance")],
    "bagged-svm": [{"C": 10, "n_estimators": 5}],
}


def fabricate(
    folder,
    extractors=EXTRACTORS,
    heads=HEADS,
    classes=EMOTIONS,
    n=600,
    dataset="synthetic faces (synthetic)",
    synthetic=True,
    subjects=0,
    better=0.0,
    seed=0,
    ids=None,
    question="Which <features> & which head tell emotions apart?",
):
    """Write rows, grid, predictions and recipe.json of made-up runs; return the folder."""
    rng = np.random.default_rng(seed)
    true = rng.choice(len(classes), n)
    ids = np.array([f"test/{classes[y]}/{i:05d}.png" for i, y in enumerate(true)] if ids is None else ids)
    shared = rng.normal(size=(n, len(classes)))  # what is hard about a face is hard for every head
    clean = rng.random(n) > 0.08
    groups = np.array([f"s{i % subjects}" for i in range(n)] if subjects else [], dtype=np.str_)
    runs = []
    for i, (extractor, head) in enumerate(itertools.product(extractors, heads)):
        run = f"{seed:08x}{i:08x}"
        runs.append(run)
        quality = 1.2 + 0.15 * (i // len(heads)) + 0.1 * (i % len(heads)) + better
        logits = quality * np.eye(len(classes))[true] + 0.8 * shared + 0.6 * rng.normal(size=shared.shape)
        probabilistic = head in ("softmax", "forest", "knn")
        scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) if probabilistic else logits
        predictions = Predictions(
            ids,
            true,
            scores.argmax(axis=1),
            scores.astype(np.float32),
            np.array(classes),
            clean,
            probabilistic,
            groups,
        )
        predictions.save(folder / "predictions" / f"{run}.npz")
        tried = [
            {**p, "validation": float(0.3 + 0.05 * j % 0.3), "fit_s": 1.5 + j}
            for j, p in enumerate(GRIDS.get(head, [{}]))
        ]
        append_grid(folder / "grid.csv", run, head, tried)
        append_rows(folder / "rows.csv", _rows(run, dataset, extractor, head, predictions, tried, i))
    recipe = {"name": "made-up", "question": question, "data": {"name": dataset}, "scoring": "accuracy"}
    counts = {"train": [100 * (k + 1) for k in range(len(classes))], "test": np.bincount(true).tolist()}
    data = {"name": dataset, "fingerprint": "f" * 64, "synthetic": synthetic, "classes": list(classes),
            "counts": counts, "subjects": subjects or None, "left_out": 2}  # fmt: skip
    about = {
        "written": "2026-01-02T03:04:05+00:00",
        "machine": "a machine, 2 cores",
        "recipe": recipe,
        "runs": runs,
        "data": data,
    }
    (folder / "recipe.json").write_text(json.dumps(about))
    return folder


def _rows(run, dataset, extractor, head, p, tried, i):
    known = {
        "run": run, "dataset": dataset, "fingerprint": "f" * 64, "extractor": extractor,
        "spec": extractor,
        "protocol": "fitted on 2800 samples, hyperparameters chosen on 300 (10%), tested once on 'test'",
        "head": head, "seed": 0, "n_train": 2800, "extract_s": 1.5 + i, "fit_s": 2.25 * (i + 1),
        "predict_ms_per_sample": 0.01 * (i + 1), "model_bytes": 1_000_000 * (i + 1), "git_sha": "abc123",
        "params": as_json({k: v for k, v in tried[0].items() if k not in ("validation", "fit_s")}),
        "versions": '{"numpy": "2.1.0", "scikit-learn": "1.9.1"}', "embedding_key": "0" * 64,
    }  # fmt: skip
    test = evaluate(p.true, p.scores, p.probabilistic, p.predicted)
    c = p.clean
    clean = evaluate(p.true[c], p.scores[c], p.probabilistic, p.predicted[c])
    return [
        Row(**known, split="validation", n_test=300, accuracy=test["accuracy"] - 0.01),
        Row(**known, split="test", n_test=len(p.true), **test),
        Row(**known, split="test-clean", n_test=int(c.sum()), **clean),
    ]
