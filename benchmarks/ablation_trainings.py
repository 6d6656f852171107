"""What pretraining, soft targets and mixup bring to a training, and augmentation and joined vectors after it.

MobileNet of VGGFace2 is trained with all parts, and with one part left out each time, from three seeds each;
what one seed draws is the same for all. Each trained network answers by itself, and that with all parts also
over two views and through an SVM on its vectors and on them joined with HOG. Differences are taken seed by
seed: an effect whose sign is not that of all seeds, or whose rank among the effects changes from seed to
seed, is not stable here. The last epoch is taken, and C is 3. Test faces choose nothing.

Run: python benchmarks/ablation_trainings.py OUT [--faces 7000] [--size 96] [--epochs 10] [--seeds 3]
Needs fer2013 (mueca data add). Trainings that are in OUT are not run again, and one that was stopped goes on.
The cheapest size at which the order holds is found by repeating it: --faces 3000, 7000, 28709. With
KERAS_BACKEND=torch an epoch is several times as fast on a processor. --trial takes 60 faces of each split: it
shows that everything runs, and its figures mean nothing.
"""

import argparse
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
from recording import recording

from classifiers import head
from featurize import extractor
from pipelines.datasets.registry import load
from pipelines.datasets.subset import SubsetSamples
from pipelines.training.fields import DISTILL_WEIGHT
from pipelines.training.recipe import recipe
from pipelines.training.train import train_runs

TEACHER = "+".join(
    f'own-small(weights="{name}", views="flip")' for name in ("own-small", "own-small-36", "own-small-second")
)
#: With all parts: configs/train-vggface2-mobilenet.yaml, and mixup.
ALL = {
    "init_weights": "published",
    "frozen_epochs": 1,
    "learning_rate": 0.0005,
    "weight_decay": 0.01,
    "label_smoothing": 0,
    "mixup": 0.2,
    "teacher": TEACHER,
    "distill_weight": DISTILL_WEIGHT,
    "fit_on": "train+validation",
    "test": "private",
    "patience": None,
}
WHOLE = "all parts"
#: Without a part: what its fields are then. A network from random weights has no layers to keep frozen.
WITHOUT = {
    "pretraining": {"init_weights": None, "frozen_epochs": 0},
    "soft targets": {"teacher": None, "distill_weight": DISTILL_WEIGHT},
    "mixup": {"mixup": 0},
}
SPLITS = ("public", "private")
#: How a trained network answers: each is read against the one before it.
READ = ("softmax", "softmax, 2 views", "SVM, 2 views", "SVM with HOG, 2 views")
C = 3.0
TRIAL = 60
#: Of a set, with one value a sample.
COLUMNS = ("ids", "labels", "split", "digests", "groups", "votes")


def plans(size, epochs):
    """Return the training of each row: all parts, and all but one."""
    fields = ALL | {"backbone": f"vggface2-mobilenet(size={size})", "epochs": epochs}
    rows = {WHOLE: fields} | {f"without {part}": fields | changed for part, changed in WITHOUT.items()}
    return {name: recipe(**found) for name, found in rows.items()}


def some(faces, n, tested=None):
    """Return a set with n faces of Training, drawn once for all rows, and the test splits."""
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(faces.where("train"))[:n], *(faces.where(s)[:tested] for s in SPLITS)]
    kept = np.sort(np.concatenate(drawn))
    columns = {name: getattr(faces, name) for name in COLUMNS}
    cut = {name: column[kept] for name, column in columns.items() if column is not None}
    return replace(faces, samples=SubsetSamples(faces.samples, kept), **cut)


def by_itself(faces, weights, views="one"):
    """Return a trained network's own predictions of each test split."""
    network = extractor("vggface2-mobilenet", layer="scores", views=views, weights=str(weights))
    return [in_parts(network, images_of(faces, t)).argmax(axis=1) for t in tests_of(faces)]


def through_svm(faces, weights):
    """Return what an SVM on its vectors, and on them joined with HOG, predicts of each test split."""
    images, train = images_of(faces, range(len(faces))), faces.where("train")
    X = in_parts(extractor("vggface2-mobilenet", views="flip", weights=str(weights)), images)
    for vectors in (X, np.hstack([X, in_parts(extractor("hog"), images)])):
        fitted = head("svm", C=C, scale="standard").fit(vectors[train], faces.labels[train])
        yield [fitted.predict(vectors[t]) for t in tests_of(faces)]


def answers(faces, weights, whole):
    """Return its predictions of both test splits, read in all ways of `READ` or in the first alone."""
    first = [by_itself(faces, weights)]
    return [*first, by_itself(faces, weights, "flip"), *through_svm(faces, weights)] if whole else first


def tests_of(faces):
    """Return the rows of each test split."""
    return [faces.where(split) for split in SPLITS]


def images_of(faces, rows):
    """Return some images of a set."""
    return [np.asarray(faces.samples[int(i)]) for i in rows]


def in_parts(one, images, size=512):
    """Return the vectors of images, not all of them in memory at once."""
    return np.concatenate([one.transform(images[k : k + size]) for k in range(0, len(images), size)])


def measured(faces, plan, out, seeds, whole):
    """Return the accuracies of a row's trainings, (seeds, splits, ways), in %."""
    train_runs(faces, plan, out, seeds)
    truth = [faces.labels[t] for t in tests_of(faces)]
    found = []
    for run in sorted(out.glob("run-*"))[:seeds]:
        read = answers(faces, run / "weights.npz", whole)
        found.append([[100 * (way[k] == y).mean() for way in read] for k, y in enumerate(truth)])
    return np.array(found)


def spread(values):
    """Return a mean with its standard deviation over seeds, and the values themselves, in words."""
    deviation = values.std(ddof=1) if len(values) > 1 else 0.0
    return f"{values.mean():+7.2f} (sd {deviation:.2f}; {', '.join(f'{v:+.2f}' for v in values)})"


def effects(found, split):
    """Return what each part brings, in points, seed by seed: part -> (seeds,)."""
    whole = found[WHOLE][:, split]
    brought = {part: whole[:, 0] - found[f"without {part}"][:, split, 0] for part in WITHOUT}
    steps = (("test-time augmentation", 1, 0), ("SVM", 2, 1), ("joined with HOG", 3, 2))
    return brought | {name: whole[:, after] - whole[:, before] for name, after, before in steps}


def stable(brought):
    """Return the words on each effect's sign and on the order of the effects, over the seeds."""
    values = np.array(list(brought.values()))
    signs = {name: bool((np.sign(v) == np.sign(v[0])).all()) for name, v in brought.items()}
    orders = {tuple(np.argsort(-column)) for column in values.T}
    unsure = [name for name, same in signs.items() if not same]
    order = "the same order for every seed" if len(orders) == 1 else f"{len(orders)} orders over the seeds"
    return f"{order}; of no sure sign: {', '.join(unsure) or 'none'}"


def show(found):
    """Print accuracies, then effects."""
    for k, split in enumerate(SPLITS):
        print(f"\n{split}, % right, mean over seeds{'':<10}" + "".join(f"{way:>24}" for way in READ))
        for name, values in found.items():
            print(f"{name:<38}" + "".join(f"{v:>24.2f}" for v in values[:, k].mean(axis=0)))
        brought = effects(found, k)
        print(f"what each brings, points, {split}")
        for name, values in brought.items():
            print(f"  {name:<24}{spread(values)}")
        print(f"  {stable(brought)}")


def main(given):
    faces = some(load("fer2013"), TRIAL, TRIAL) if given.trial else some(load("fer2013"), given.faces)
    print(f"{len(faces.where('train')):,} faces of Training, {given.size} px, {given.epochs} epochs")
    found = {}
    for name, plan in plans(given.size, given.epochs).items():
        out = given.out / name.replace(" ", "-")
        found[name] = measured(faces, plan, out, given.seeds, name == WHOLE)
        print(f"{name}: done", flush=True)
    show(found)


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("out", type=Path)
    words.add_argument("--faces", type=int, default=7000)
    words.add_argument("--size", type=int, default=96)
    words.add_argument("--epochs", type=int, default=10)
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--trial", action="store_true")
    options = words.parse_args()
    with nullcontext() if options.trial else recording(f"ablation-trainings-{options.faces}-{options.size}"):
        main(options)
