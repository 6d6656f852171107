"""Put trained weights into the package in half precision with their card; check what that moves.

Run: python benchmarks/ship_weights.py TRAINING NETWORK [NAME], with the folder that mueca train wrote and a
registered network's name. Writes featurize/backbones/weights/NAME.npz and NAME.json. NAME is the network's,
which then takes these weights by itself, or another, for weights="NAME".
"""

import json
import sys
from pathlib import Path

import numpy as np

from featurize.backbones import weightfile
from featurize.backbones.extractor import SHIPPED
from featurize.registry import extractor
from pipelines.datasets.registry import load


def main():
    training, network = Path(sys.argv[1]), sys.argv[2]
    name = sys.argv[3] if len(sys.argv) > 3 else network
    weights = weightfile.load(training / "weights.npz")
    target = SHIPPED / f"{name}.npz"
    weightfile.save(target, weights.tensors, weights.card, weights.seen, dtype=np.float16)
    card = json.loads((training / "card.json").read_text())
    target.with_suffix(".json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    faces = load("fer2013")
    public = np.flatnonzero(faces.split == "public")[:1000]
    pictures = [faces.samples[i] for i in public]
    full = extractor(network, weights=str(training / "weights.npz"), layer="scores", precision="f32")
    half = extractor(network, weights=str(target), layer="scores", precision="f32")
    a, b = full.transform(pictures), half.transform(pictures)
    megabytes, apart = target.stat().st_size / 1e6, abs(a - b).max()
    differ = (a.argmax(1) != b.argmax(1)).sum()
    print(f"{name}: {megabytes:.2f} MB; largest difference of a score {apart:.1e}")
    print(f"{differ} of {len(pictures)} answers differ")


if __name__ == "__main__":
    main()
