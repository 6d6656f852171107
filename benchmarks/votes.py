"""What annotators' votes say of FER2013's labels: by themselves, and beside a network that sees the face.

Run: python benchmarks/votes.py, with fer2013 and ferplus where `mueca data add` put them.
Labels are regressed on the votes of the training faces, as `mueca train --votes-from` does, and predicted for
those faces of PublicTest that have votes. Votes and network are joined by their weighted geometric mean.
PrivateTest is not read.
"""

import numpy as np
from recording import recording
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from pipelines.datasets.registry import load
from pipelines.embedding.embed import embed
from pipelines.training.annotators import annotators, features

NETWORKS = ("vggface2-mobilenet-fer2013-28", "vggface2-mobilenet-fer2013-37-int8")
#: Of the network in the geometric mean.
SHARES = (0.3, 0.5, 0.7)


def probabilities(faces, name, views, indices):
    """Return a network's own softmax, (n, classes)."""
    text = f'vggface2-mobilenet(layer="scores", weights="{name}", views="{views}")'
    scores = np.asarray(embed(faces, text, indices=indices).X, np.float64)
    return scores / scores.sum(axis=1, keepdims=True)


def by_votes(faces, voted, split):
    """Return the faces of a split that have votes, and where these stand."""
    place = {digest: i for i, digest in enumerate(voted.digests.tolist())}
    there = [i for i in faces.where(split) if faces.digests[i] in place]
    return np.array(there), np.array([place[faces.digests[i]] for i in there])


def show(name, labels, p):
    print(f"{name:58}{100 * (p.argmax(axis=1) == labels).mean():8.2f}{log_loss(labels, p):10.4f}", flush=True)


def main():
    faces, voted = load("fer2013"), annotators('ferplus(target="all")')
    x = features(voted)
    (train, at), (public, there) = (by_votes(faces, voted, split) for split in ("train", "public"))
    labels = faces.labels[public]
    head = LogisticRegression(max_iter=1000).fit(x[at], faces.labels[train])
    votes = head.predict_proba(x[there])
    print(f"{len(public)} faces of PublicTest that have votes{'accuracy':>22}{'log loss':>10}")
    show("votes alone", labels, votes)
    for name in NETWORKS:
        for views in ("one", "flip", "six"):
            show(f"{name}, views {views}", labels, probabilities(faces, name, views, public))
    network = probabilities(faces, NETWORKS[0], "flip", public)
    for share in SHARES:
        both = network**share * votes ** (1 - share)
        show(f"{NETWORKS[0]}, flip, to the {share} and votes", labels, both / both.sum(axis=1, keepdims=True))


if __name__ == "__main__":
    with recording("votes"):
        main()
