"""What each model that ships costs: milliseconds a face on this processor, and megabytes with its networks.

Run: python benchmarks/shipped_models.py [--write]
Faces of FER2013, or synthetic ones where it is not there, are classified in batches of 64 and one by one. The
least of three rounds counts. --write puts milliseconds and machine into the models' cards, where `mueca list`
reads them.
"""

import argparse
import json
import time

from recording import recording

from pipelines.datasets.registry import list_datasets, load
from pipelines.models.catalogue import megabytes
from pipelines.models.folders import write_manifest
from pipelines.models.model import load_model, shipped_models
from pipelines.utils.provenance import machine

FACES, BATCH, ROUNDS = 512, 64, 3


def milliseconds(model, faces, batch):
    """Return the milliseconds a face of the fastest of some rounds."""
    model.predict(faces[:batch])
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for first in range(0, len(faces), batch):
            model.predict(faces[first : first + batch])
        took.append(time.perf_counter() - started)
    return 1000 * min(took) / len(faces)


def main(write):
    there = list_datasets()["fer2013"].startswith("present")
    data = load("fer2013" if there else "synthetic")
    faces = [data.samples[i] for i in range(min(FACES, len(data)))]
    print(f"{len(faces)} faces of {data.name}")
    print("model      PrivateTest %  test-clean %   MB  ms a face: batches of 64, alone")
    for name, folder in shipped_models().items():
        model = load_model(name)
        many, alone = milliseconds(model, faces, BATCH), milliseconds(model, faces[:BATCH], 1)
        scores = {part: 100 * model.card["scores"][part]["accuracy"] for part in ("test", "test-clean")}
        print(f"{name:<10} {scores['test']:13.2f} {scores['test-clean']:13.2f} "
              f"{megabytes(folder, model.card):4.1f}  {many:20.2f}, {alone:.2f}", flush=True)  # fmt: skip
        if write:
            card = json.loads((folder / "card.json").read_text("utf-8"))
            card["cost"] = {"ms": round(many, 2), "ms_alone": round(alone, 2), "machine": machine()}
            (folder / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False), "utf-8")
            write_manifest(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with recording("shipped-models"):
        main(options.write)
