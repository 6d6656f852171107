"""What the models that ship reach and cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from featurize.backbones.extractor import SHIPPED
from pipelines.models.folders import read_card, shipped_models


def described() -> list[dict[str, str]]:
    """Return what is known of each model that ships: accuracy in percent, milliseconds a face, megabytes."""
    return [_described(name, folder) for name, folder in shipped_models().items()]


def _described(name: str, folder: Path) -> dict[str, str]:
    card = read_card(folder)
    scores, cost = card["scores"], card.get("cost", {})
    return {
        "name": name,
        "accuracy": f"{100 * scores['test']['accuracy']:.1f} %" if "test" in scores else "-",
        "ms": f"{cost['ms']:.1f}" if "ms" in cost else "-",
        "MB": f"{megabytes(folder, card):.1f}",
        "extractor": " + ".join(part["name"] for part in card["extractor"]["parts"]),
        "head": card["head"]["name"],
        "trained on": f"{card['data']['name']}, {len(card['classes'])} classes",
    }


def megabytes(folder: Path, card: dict[str, Any]) -> float:
    """Return what a model that ships takes on disk, with the weights of its networks."""
    files = [path for path in folder.iterdir() if path.is_file()]
    for part in card["extractor"]["parts"]:
        weights = str(part["params"].get("weights", ""))
        name = part["name"] if weights == "auto" else weights
        files += [path for path in [SHIPPED / f"{name}.npz"] if path.is_file()]
    return sum(path.stat().st_size for path in set(files)) / 1e6
