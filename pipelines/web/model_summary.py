"""What the page says of the model in use, from its card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.utils.palette import BOXES, EMOTION_PLACES, hex_of, places


def facts_of(card: Mapping[str, Any], folder: Path | None = None) -> dict[str, Any]:
    """Return what a reader must know of a model.

    Parameters
    ----------
    card : mapping
        A model's ``card.json``.
    folder : Path, optional
        Its folder, for the predictions that ``mueca fit`` leaves there.

    Returns
    -------
    dict
        title, classes (name, colour as "#rrggbb", recall 0..1 or None), scores (by split: accuracy, ci_low,
        ci_high, uar, n), data, synthetic.
    """
    recall, place = by_class(card, folder), places(card["classes"], EMOTION_PLACES)
    return {
        "title": card.get("title", "a model"),
        "classes": [
            {"name": name, "colour": hex_of(BOXES[place[name] % len(BOXES)])} | {"recall": recall.get(name)}
            for name in card["classes"]
        ],
        "scores": {
            split: {
                "accuracy": scores["accuracy"],
                "low": scores["ci_low"],
                "high": scores["ci_high"],
                "uar": scores["balanced_accuracy"],
                "n": scores["n_test"],
            }
            for split, scores in card.get("scores", {}).items()
            if split in ("test", "test-clean")
        },
        "data": card.get("data", {}).get("name", "unknown"),
        "synthetic": bool(card.get("data", {}).get("synthetic")),
    }


def by_class(card: Mapping[str, Any], folder: Path | None = None) -> dict[str, float]:
    """Return the share of each class's test faces that a model recognised; empty where it is not known.

    From the card's "recall", else from the predictions in its folder.
    """
    if kept := card.get("recall"):
        return {str(name): float(value) for name, value in kept.items()}
    path = folder / "predictions.npz" if folder else None
    if path is None or not path.is_file():
        return {}
    from pipelines.metrics.scores import recall_by_class
    from pipelines.results.predictions import load_predictions

    try:
        found = load_predictions(path)
        return recall_by_class(found.true, found.predicted, found.classes)
    except (ValueError, OSError):
        return {}
