"""In which order of channels MobileNet of VGGFace2 takes colours, and what colour does to its vectors.

Run: python benchmarks/channel_order.py PHOTOS
PHOTOS is a folder of colour photos with faces.csv (photo, left, top, width, height). Needs the published
files (mueca weights get vggface2-mobilenet): their classifiers of gender and age say how sure the network is
of what it sees. A face is cut out by its box, with nothing, .15 and .3 of its side around it.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from recording import recording

from featurize import extractor, weights
from featurize.backbones import graphmodel
from featurize.images import decode, to_grey

NAME = "vggface2-mobilenet"


def main(folder):
    published = graphmodel.read(weights.path_of(NAME).with_suffix(".json"))
    given = {"precision": "f32", "norm": "none"}
    grey, colour = extractor(NAME, **given), extractor(NAME, colour=True, **given)
    print(
        "around  order  faces  cosine to the grey copy: mean, least  length  gender .5 +-  age: largest share"
    )
    for around in (0.0, 0.15, 0.3):
        faces = list(crops(folder, around))
        copies = grey.transform([to_grey(face) for face in faces])
        swapped = [np.ascontiguousarray(face[..., ::-1]) for face in faces]
        found = {"BGR": colour.transform(faces), "RGB": colour.transform(swapped), "grey": copies}
        for order, X in found.items():
            print(f"{around:6.2f}  {order:<5}  {len(X):5}  {line(X, copies, published)}", flush=True)
        nearer = cosine(found["RGB"], copies) > cosine(found["BGR"], copies)
        print(f"{around:6.2f}  RGB is nearer to the grey copy in {nearer.sum()} of {len(nearer)} faces")


def crops(folder, around):
    with (folder / "faces.csv").open() as file:
        for row in csv.DictReader(file):
            image = decode((folder / row["photo"]).read_bytes(), row["photo"])
            left, top, width, height = (int(row[k]) for k in ("left", "top", "width", "height"))
            x, y = int(width * around), int(height * around)
            yield image[max(top - y, 0) : top + height + y, max(left - x, 0) : left + width + x]


def cosine(X, Y):
    return (X * Y).sum(1) / np.linalg.norm(X, axis=1) / np.linalg.norm(Y, axis=1)


def line(X, copies, published):
    near, length = cosine(X, copies), np.linalg.norm(X, axis=1).mean()
    gender, age = sureness(X, published)
    return f"{near.mean():28.3f}, {near.min():5.3f}  {length:6.1f}  {gender:13.3f}  {age:18.3f}"


def sureness(X, published):
    """Return how far gender's probability is from .5 and how large the largest of ages is, on average."""
    hidden = np.maximum(_dense(X, "feats", published), 0)
    gender = 1 / (1 + np.exp(-_dense(hidden, "gender_pred", published)))
    age = np.exp(_dense(hidden, "age_pred", published))
    return abs(gender - 0.5).mean(), (age / age.sum(1, keepdims=True)).max(1).mean()


def _dense(X, name, published):
    return X @ published[f"{name}/kernel"] + published[f"{name}/bias"]


if __name__ == "__main__":
    with recording("channel-order"):
        main(Path(sys.argv[1]))
