"""The third round of the fine-tuned face network, in eight bits, beside the second: MB, what each gets right.

Run: python benchmarks/eight_bits.py, with FER2013 where `mueca data add fer2013` put it.
Their own softmax, computed in f32 on both sides. PublicTest chose the epochs, and which of both ships in
eight bits. The second round in eight bits, which shipped before: docs/results/eight-bits-28.txt.
"""

import numpy as np
from recording import recording

from featurize.backbones.extractor import SHIPPED
from featurize.registry import parse
from pipelines.datasets.audit import clean_test
from pipelines.datasets.registry import load
from pipelines.embedding.near_copies import known_near_copies

NAMES = ("vggface2-mobilenet-fer2013-28", "vggface2-mobilenet-fer2013-37-int8")


def main():
    faces = load("fer2013")
    tests = {"PublicTest": faces.split == "public", "PrivateTest": faces.split == "private"}
    tests["test-clean"] = tests["PrivateTest"] & clean_test(faces)
    if found := known_near_copies(faces):  # what mueca data audit --near-copies left in the cache
        tests["test-distinct"] = tests["PrivateTest"] & found.distinct(len(faces))
    asked = np.flatnonzero(faces.split != "train")
    print(f"{'weights':38}{'MB':>6}{'views':>7}" + "".join(f"{name:>15}" for name in tests))
    for name in NAMES:
        for views in ("one", "flip", "six"):
            text = f'vggface2-mobilenet(layer="scores", weights="{name}", views="{views}", precision="f32")'
            (network,) = parse(text)
            said = network.transform(faces.samples[int(i)] for i in asked).argmax(axis=1)
            right = np.zeros(len(faces.labels))
            right[asked] = said == faces.labels[asked]
            megabytes = (SHIPPED / f"{name}.npz").stat().st_size / 1e6
            shares = "".join(f"{100 * right[mask].mean():>15.2f}" for mask in tests.values())
            print(f"{name:38}{megabytes:>6.2f}{views:>7}{shares}", flush=True)


if __name__ == "__main__":
    with recording("eight-bits"):
        main()
