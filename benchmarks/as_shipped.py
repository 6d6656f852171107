"""The model that ships beside other packages whose weights lie in a package of a registry, each as it ships.

All classify the same faces of FER2013, each with its own pre-processing: every 32nd of Training (how much was
memorised), PublicTest, PrivateTest, "clean" PrivateTest (no blank face, no exact copy of a face of Training
or of an earlier test face), and PrivateTest by the majority of FER+'s votes (seven classes: no package has
contempt). Faces of PrivateTest also stand pasted in photos, upright and tilted, which each searches with its
own detector (benchmarks/pasted_faces.py). A face counts as found where the middle of a box is within a third
of its side from its own.

Each package runs in an environment of its own (pinned in benchmarks/rivals/requirements), as a process that
knows nothing of the labels. Answers are kept in WORK. With --speed times are taken instead, always anew: run
that on a quiet machine. Processor time is that of all threads, and suffers less from other work.

Run: python benchmarks/as_shipped.py PHOTOS WORK [--install] [--only TITLE ...] [--faces 600]
Then: python benchmarks/as_shipped.py PHOTOS WORK --speed
With --only and titles of this toolkit alone, the result is called as-shipped-mueca: other rows stay.
(PHOTOS with faces.csv; WORK for environments and answers, about 5 GB; FER2013 and FER+ added)
"""

import argparse
import math
import os
from pathlib import Path

import numpy as np
from detectors import annotated
from pasted_faces import TILTS, scenes
from recording import recording
from rivals import environments, jobs, table
from rivals.registry import ELSEWHERE, RIVALS, SAME_WEIGHTS, named

from featurize.images import decode
from pipelines.datasets.audit import clean_test
from pipelines.datasets.base import EMOTIONS
from pipelines.datasets.registry import load

#: Every 32nd face of Training, 898 of them: enough to see what was memorised.
EVERY = 32
#: For times: faces, images, repeats (the fastest counts).
TIMED = 256, 3, 3
#: Processes that want a core, above which times are provisional.
QUIET = 0.5


def chosen(faces):
    """Return which faces are asked, and masks over them by set."""
    train = np.flatnonzero(faces.split == "train")[::EVERY]
    tests = [np.flatnonzero(faces.split == split) for split in ("public", "private")]
    rows = np.concatenate([train, *tests])
    parts = {split: faces.split[rows] == split for split in ("train", "public", "private")}
    return rows, {**parts, "clean": parts["private"] & clean_test(faces)[rows]}


def truths(faces, rows, parts):
    """Return, by set, which of the faces asked are in it and what each shows."""
    found = {name: (mask, faces.labels[rows][mask]) for name, mask in parts.items()}
    votes = load('ferplus(target="majority", classes=7)')
    said = dict(zip(votes.ids.tolist(), votes.labels.tolist(), strict=True))
    has = parts["private"] & np.array([name in said for name in faces.ids[rows].tolist()])
    return {**found, "ferplus": (has, np.array([said[name] for name in faces.ids[rows][has].tolist()]))}


def photos(folder, faces, count):
    """Return photos of every tilt with faces of PrivateTest pasted, their boxes, and the faces' classes."""
    private = np.flatnonzero(faces.split == "private")
    picked = private[np.linspace(0, len(private) - 1, count).astype(int)]
    crops = [np.asarray(faces.samples[int(i)]) for i in picked]
    grounds = [decode((folder / name).read_bytes()) for name in annotated(folder)]
    made = {degrees: list(scenes(grounds, crops, degrees)) for degrees in TILTS}
    return made, faces.labels[picked]


def asked(rivals, place, job, kept):
    """Return each package's answers, or the line that says why it gave none; kept ones alone if so told."""
    found = {}
    for rival in rivals:
        if kept and not jobs.kept_at(rival, job).exists():
            found[rival.title] = "not asked yet"
            continue
        try:
            found[rival.title] = jobs.answers(rival, place, job)
        except RuntimeError as error:
            found[rival.title] = str(error)
    return found


def given_faces(said, truth):
    """Print how often each is right about faces that are given; and class by class."""
    print("faces that are given, % right; what each was trained on stands below")
    print(table.FACES_HEAD)
    scores = {}
    for title, answer in said.items():
        if isinstance(answer, str):
            print(f"{title:<44}  no answer: {answer}")
            continue
        numbers = table.ordered(answer["scores"], answer["labels"], EMOTIONS)
        parts = {name: table.scored(numbers[mask], labels) for name, (mask, labels) in truth.items()}
        scores[title] = parts
        print(table.faces_line(title, answer["version"], answer["bytes"] / 1e6, parts, named(title).tests))
    for name, heading in (("private", "PrivateTest"), ("ferplus", "FER+, PrivateTest")):
        print(f"\n{'recall %, ' + heading:<44}" + "".join(f"{c:>10}" for c in EMOTIONS))
        for title, parts in scores.items():
            print(table.recalls_line(title, parts[name]))


def pasted(said, made, labels):
    """Print what each finds and gets right of the faces in photos."""
    heads = "".join(f"{f'tilt {degrees:+}':>24}" for degrees in made)
    print(f"\n{f'{len(labels)} faces in photos, %':<44}{heads}")
    print(f"{'':<44}" + f"{'found':>10}{'of all':>7}{'of found':>9}"[:26].rjust(24) * len(made))
    for title, answer in said.items():
        if isinstance(answer, str):
            continue
        if answer["images"] is None:
            print(f"{title:<44}  it has no detector: it takes a whole image as a face")
            continue
        images = iter(answer["images"])
        each = []
        for pictures in made.values():
            rows = [row for _, boxes in pictures for row in table.matches(next(images), boxes)]
            each.append(table.shares([in_order(row, answer) for row in rows], labels))
        print(table.photos_line(title, each))


def in_order(row, answer):
    """Return a face's numbers in the order of the classes, None where it was not found."""
    return None if row is None else table.ordered([row], answer["labels"], EMOTIONS)[0]


def speeds(rivals, place, job, load):
    """Print how fast each is, and the model that ships before and after them all.

    `load` is that of the machine before faces and photos were read for it.
    """
    print(table.SPEED_HEAD)
    ours = None
    for rival in (RIVALS[0], *(r for r in rivals if r is not RIVALS[0]), RIVALS[0]):
        try:
            found = jobs.times(rival, place, job, TIMED[2])
        except RuntimeError as error:
            print(f"{rival.title:<44}  not timed: {error}")
            continue
        ours = ours or TIMED[0] / min(wall for wall, _ in found["faces"])
        photo = min(w for w, _ in found["images"]) / TIMED[1] if found["images"] else math.nan
        print(table.speed_line(rival.title, TIMED[0], found["faces"], ours, photo), flush=True)
    if load > QUIET:
        print(f"PROVISIONAL: other work had the {os.cpu_count()} cores (load {load:.1f} at the start)")


def about(rivals):
    """Print what each does to a face, what it was trained on, and which packages cannot stand here."""
    print("\npre-processing; detector; training")
    for r in rivals:
        print(f"{r.title}\n    {r.preprocessing}; {r.detector or 'no detector'}; {r.training}")
    print("\nthe same weights under another name: " + "; ".join(f"{k}: {v}" for k, v in SAME_WEIGHTS.items()))
    print("\nnot measured: no weights in the package, which looks for them elsewhere at first use")
    for package, where in ELSEWHERE.items():
        print(f"    {package}: {where}")


def options():
    words = argparse.ArgumentParser()
    words.add_argument("photos", type=Path)
    words.add_argument("work", type=Path)
    words.add_argument("--install", action="store_true")
    words.add_argument("--kept", action="store_true", help="ask nobody: show the answers that are there")
    words.add_argument("--speed", action="store_true")
    words.add_argument("--only", nargs="+", type=named)
    words.add_argument("--faces", type=int, default=600)
    return words.parse_args()


def main():
    given, load = options(), os.getloadavg()[0]
    rivals = tuple(given.only or RIVALS)
    place = given.work / "environments"
    for environment in sorted({r.environment for r in rivals} - {environments.OWN}):
        if given.install:
            environments.install(environment, place)
        if not environments.is_there(environment, place):
            raise SystemExit(f"{place / environment} is not installed as pinned; run again with --install")
    faces = load("fer2013")
    rows, parts = chosen(faces)
    crops = np.stack([np.asarray(faces.samples[int(i)]) for i in rows])
    made, labels = photos(given.photos, faces, given.faces)
    images = [image for pictures in made.values() for image, _ in pictures]
    if given.speed:
        with recording("as-shipped-speed"):
            job = jobs.written(given.work / "times", crops[-TIMED[0] :], images[: TIMED[1]])
            speeds(rivals, place, job, load)
        return
    alone = {r.environment for r in rivals} == {environments.OWN}
    with recording("as-shipped-mueca" if alone else "as-shipped"):
        job = jobs.written(given.work / "answers", crops, images)
        said = asked(rivals, place, job, given.kept)
        given_faces(said, truths(faces, rows, parts))
        pasted(said, made, labels)
        about(rivals)


if __name__ == "__main__":
    main()
