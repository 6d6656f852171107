"""Trees of the form of published sets, drawn, each beside the index that its loader must find."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.datasets.synthetic.faces import load as draw

#: (file, class, split, subject) of a sample.
Index = list[tuple[str, str, str, str]]


class Drawn:
    """Faces, each given once."""

    def __init__(self) -> None:
        self.samples, self.next = draw(n_per_class=12, seed=8).samples, 0

    def write(self, path: Path, form: str | None = None) -> None:
        """Write the next face to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.samples[self.next % 84] ^ np.uint8(self.next // 84)).save(path, form)
        self.next += 1


def raf_db(root: Path) -> Index:
    """Draw RAF-DB: a list of files and numbers, and aligned images."""
    drawn, index, lines = Drawn(), [], []
    words = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
    for split, n in (("train", 2), ("test", 1)):
        for i in range(7 * n):
            name = f"{split}_{i + 1:05d}"
            drawn.write(root / "basic" / "Image" / "aligned" / f"{name}_aligned.jpg")
            lines.append(f"{name}.jpg {i % 7 + 1}")
            index.append((f"basic/Image/aligned/{name}_aligned.jpg", words[i % 7], split, ""))
    sheet = root / "basic" / "EmoLabel" / "list_patition_label.txt"
    sheet.parent.mkdir(parents=True)
    sheet.write_text("\n".join(lines) + "\n")
    return index


AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")


def affectnet(root: Path) -> Index:
    """Draw AffectNet's arrays: images, and beside them a number each as an array of text."""
    drawn, index = Drawn(), []
    for folder, split, n in (("train_set", "train", 2), ("val_set", "validation", 1)):
        (root / folder / "annotations").mkdir(parents=True)
        for i in range(8 * n):
            drawn.write(root / folder / "images" / f"{i}.jpg")
            np.save(root / folder / "annotations" / f"{i}_exp.npy", str(i % 8))
            np.save(root / folder / "annotations" / f"{i}_val.npy", "0.1")
            index.append((f"{folder}/images/{i}.jpg", AFFECTNET[i % 8], split, ""))
    return index


def affectnet_sheets(root: Path) -> Index:
    """Draw AffectNet's older form: images with boxes in two CSVs."""
    drawn, index = Drawn(), []
    head = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence"
    for name, split, n in (("training", "train", 2), ("validation", "validation", 1)):
        lines = [head]
        for i in range(11 * n):
            file = f"{i % 3}/{name}{i}.jpg"
            drawn.write(root / "Manually_Annotated_Images" / file)
            lines.append(f"{file},4,5,30,32,1;2;3,{i % 11},-2")
            if i % 11 < 8:
                index.append((f"Manually_Annotated_Images/{file}@4,5,30,32", AFFECTNET[i % 11], split, ""))
        (root / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return index


CKPLUS = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")


def ckplus(root: Path) -> Index:
    """Draw CK+: sequences of six frames, most of them with a label."""
    drawn, index = Drawn(), []
    for who, sequence, number in (
        (5, 1, 1),
        (5, 2, 2),
        (10, 1, 3),
        (10, 4, 4),
        (11, 1, 5),
        (11, 2, 6),
        (22, 1, 7),
    ):
        stem = f"S{who:03d}/{sequence:03d}"
        frames = [f"cohn-kanade-images/{stem}/S{who:03d}_{sequence:03d}_{f:08d}.png" for f in range(1, 7)]
        for frame in frames:
            drawn.write(root / frame)
        label = root / "Emotion" / stem / f"S{who:03d}_{sequence:03d}_00000006_emotion.txt"
        label.parent.mkdir(parents=True)
        label.write_text(f"   {number}.0000000e+00\n")
        index += [(frame, CKPLUS[number], "train", f"S{who:03d}") for frame in frames[-3:]]
        index.append((frames[0], "neutral", "train", f"S{who:03d}"))
    drawn.write(root / "cohn-kanade-images" / "S022" / "002" / "S022_002_00000001.png")
    return index


def jaffe(root: Path) -> Index:
    """Draw JAFFE: persons and emotions in names."""
    drawn, index = Drawn(), []
    words = {"AN": "angry", "DI": "disgust", "FE": "fear", "HA": "happy", "NE": "neutral", "SA": "sad",
             "SU": "surprise"}  # fmt: skip
    for number, (who, code) in enumerate([(w, c) for w in ("KA", "YM") for c in words], start=1):
        file = f"jaffedbase/{who}.{code}{number % 3 + 1}.{number}.tiff"
        drawn.write(root / file)
        index.append((file, words[code], "train", who))
    (root / "jaffedbase" / "README_FIRST.txt").write_text("on request")
    return index


def kdef(root: Path) -> Index:
    """Draw KDEF: a folder a person and session, names with person, emotion and angle."""
    drawn, index = Drawn(), []
    words = {"AF": "fear", "AN": "angry", "DI": "disgust", "HA": "happy", "NE": "neutral", "SA": "sad",
             "SU": "surprise"}  # fmt: skip
    for session, who, code, angle in [(s, w, c, a) for s in "AB" for w in ("F01", "M35") for c in words
                                      for a in ("S", "FL")]:  # fmt: skip
        file = f"KDEF_and_AKDEF/KDEF/{session}{who}/{session}{who}{code}{angle}.JPG"
        drawn.write(root / file, "JPEG")
        index.append((file, words[code], "train", who))
    return index


def expw(root: Path) -> Index:
    """Draw ExpW: photos with boxes in label.lst."""
    drawn, index, lines = Drawn(), [], []
    words = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    for i in range(14):
        name = f"photo {i // 2}.jpg"
        if i % 2 == 0:
            drawn.write(root / "image" / "origin" / name)
        left, top = 3 + i % 2, 6
        lines.append(f"{name} {i % 2} {top} {left} {left + 30} {top + 31} {50 + i} {i % 7}")
        index.append((f"image/origin/{name}@{left},{top},30,31", words[i % 7], "train", ""))
    (root / "label").mkdir()
    (root / "label" / "label.lst").write_text("\n".join(lines) + "\n")
    return index


def sfew(root: Path) -> Index:
    """Draw SFEW: class folders below Train/ and Val/, a test without labels."""
    drawn, index = Drawn(), []
    words = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
    for folder, split, n in (("Train", "train", 2), ("Val", "validation", 1)):
        for word in words:
            for i in range(n):
                file = f"{folder}/{folder}/{word}/AlexEmma_{i}_0000000{i}.png"
                drawn.write(root / file)
                index.append((file, word.lower(), split, ""))
    drawn.write(root / "Test" / "Test" / "Other_1_00000001.png")
    return index


def fer2013_csv(images: np.ndarray, labels: list[int], usages: list[str]) -> bytes:
    """Return fer2013.csv of these faces."""
    out = io.StringIO()
    out.write("emotion,pixels,Usage\n")
    for image, label, usage in zip(images, labels, usages, strict=True):
        out.write(f"{label},{' '.join(map(str, image.ravel().tolist()))},{usage}\n")
    return out.getvalue().encode()


IMAGES: dict[str, Callable[[Path], Index]] = {
    "raf-db": raf_db, "affectnet": affectnet, "ckplus": ckplus, "jaffe": jaffe, "kdef": kdef, "expw": expw,
    "sfew": sfew,
}  # fmt: skip
