"""Put a fitted model into the package, without copies of weights that ship beside it.

Run: python benchmarks/ship_model.py FOLDER NAME, with what mueca fit --out wrote; then
benchmarks/shipped_models.py --write, which says what it costs.
"""

import json
import shutil
import sys
from pathlib import Path

from featurize.backbones.extractor import SHIPPED
from pipelines.models.folders import FOLDER, write_manifest
from pipelines.models.model import load_model


def main(fitted, name):
    target = FOLDER / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    card = json.loads((fitted / "card.json").read_text("utf-8"))
    kept = {
        given: file for given, file in card["weights"].items() if not (SHIPPED / f"{given}.npz").is_file()
    }
    (target / "card.json").write_text(
        json.dumps(card | {"weights": kept}, indent=1, ensure_ascii=False), "utf-8"
    )
    for part in ("head.skops", "head.skops.json", *kept.values()):
        shutil.copy(fitted / part, target / part)
    write_manifest(target)
    model = load_model(target)
    print(f"{target}: {model.card['title']}; {sum(p.stat().st_size for p in target.iterdir()):,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
