"""Put a fitted model into the package, without copies of weights that ship beside it.

Run: python benchmarks/ship_model.py FOLDER NAME [--auto], with what mueca fit --out wrote; then
benchmarks/shipped_models.py --write, which says what it costs. --auto lets each processor compute in the
precision that it is fastest in, where fitting keeps that of this one: for a model that is measured in all.
"""

import json
import shutil
import sys
from pathlib import Path

from featurize.backbones.extractor import SHIPPED
from featurize.base import expression_of
from featurize.registry import parse
from pipelines.models.folders import FOLDER, write_manifest
from pipelines.models.model import load_model


def written(path, content):
    """Write a JSON file as models have them."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")


def free(target):
    """Name no precision in what a model says of its network."""
    card, head = (json.loads((target / name).read_text("utf-8")) for name in ("card.json", "head.skops.json"))
    (network,) = parse(card["extractor"]["expression"])
    made = expression_of(network.name, network.at(precision="auto").params.model_dump())
    card["extractor"]["expression"] = head["meta"]["extractor"] = made
    written(target / "card.json", card)
    written(target / "head.skops.json", head)


def main(fitted, name, auto):
    target = FOLDER / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    card = json.loads((fitted / "card.json").read_text("utf-8"))
    kept = {
        given: file for given, file in card["weights"].items() if not (SHIPPED / f"{given}.npz").is_file()
    }
    written(target / "card.json", card | {"weights": kept})
    for part in ("head.skops", "head.skops.json", *kept.values()):
        shutil.copy(fitted / part, target / part)
    if auto:
        free(target)
    write_manifest(target)
    model = load_model(target)
    print(f"{target}: {model.card['title']}; {sum(p.stat().st_size for p in target.iterdir()):,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], "--auto" in sys.argv[3:])
