"""Learn the words of the extractor `fisher` from 4,000 training faces of FER2013, without their labels.

Run: python benchmarks/fisher_codebook.py. Writes featurize/handcrafted/fisher.npz.
"""

import numpy as np

from featurize import faces
from featurize.handcrafted import fisher
from featurize.images import fit_to
from pipelines.datasets.registry import load

FACES = 4000


def main():
    data = load("fer2013")
    train = np.flatnonzero(data.split == "train")
    chosen = np.random.default_rng(0).choice(train, FACES, replace=False)
    crops = np.stack([fit_to(data.samples[int(i)], faces.CROP_SIZE, 1) for i in chosen])
    pictures, found = fisher.upright(crops)
    book = fisher.learn(pictures)
    book.save(fisher.CODEBOOK)
    told = f"{len(book.weights)} words from {len(crops)} faces, {found.sum()} found by the detector"
    print(f"{told}; {fisher.CODEBOOK.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
