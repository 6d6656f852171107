"""Put trained weights into the package with their card, in half precision or in eight bits, and check them.

Run: python benchmarks/ship_weights.py TRAINING NETWORK [NAME] [--int8], with the folder that mueca train
wrote and a registered network, with its parameters: 'vggface2-mobilenet(size=128)'. Writes NAME.npz and
NAME.json in featurize/backbones/weights. NAME is the network's, which then takes these weights by itself, or
another, for weights="NAME".
"""

import argparse
import json
from pathlib import Path

import numpy as np

from featurize.backbones import weightfile
from featurize.backbones.extractor import SHIPPED
from featurize.registry import parse
from pipelines.datasets.registry import load


def scores(network, weights, faces):
    """Return what a network with a file of weights says of some faces, computed in full precision."""
    (found,) = parse(network)
    given = {"weights": str(weights), "layer": "scores", "precision": "f32"}
    return type(found)(**(found.params.model_dump() | given)).transform(faces)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("training", type=Path)
    parser.add_argument("network")
    parser.add_argument("name", nargs="?")
    parser.add_argument("--int8", action="store_true", help="kernels in eight bits, a scale a channel")
    asked = parser.parse_args()
    name = asked.name or asked.network.partition("(")[0]
    weights = weightfile.load(asked.training / "weights.npz")
    target = SHIPPED / f"{name}.npz"
    dtype = np.int8 if asked.int8 else np.float16
    weightfile.save(target, weights.tensors, weights.card, weights.seen, dtype=dtype)
    card = json.loads((asked.training / "card.json").read_text())
    target.with_suffix(".json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    faces = load("fer2013")
    public = faces.where("public")
    pictures, labels = [faces.samples[i] for i in public], faces.labels[public]
    full, short = (scores(asked.network, w, pictures) for w in (asked.training / "weights.npz", target))
    right = [100 * (p.argmax(1) == labels).mean() for p in (full, short)]
    differ = (full.argmax(1) != short.argmax(1)).sum()
    apart = abs(full - short).max()
    print(f"{name}: {target.stat().st_size / 1e6:.2f} MB; scores differ by {apart:.1e} at most")
    print(f"PublicTest: {differ} of {len(labels)} answers differ; right {right[0]:.2f} and {right[1]:.2f} %")


if __name__ == "__main__":
    main()
