"""Data of the shapes that the pages name, drawn: what is not free, and what readers bring."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data as photos

from pipelines.datasets.synthetic.clips import draw_clip
from pipelines.datasets.synthetic.faces import load
from tests.helpers.videofiles import moving_face, write

#: A class's faces in train, PublicTest and PrivateTest.
SHARES = {"train/{}/Training": 12, "test/{}/PublicTest": 3, "test/{}/PrivateTest": 3}
_CLIP_LABELS = ("negative", "positive", "surprise")
#: A word of CASME II's coding sheet for each of them.
_CASME2_WORDS = ("disgust", "happiness", "surprise")


def fer2013_zip(path: Path) -> Path:
    """Write an archive as Kaggle gives FER2013, of 126 synthetic faces."""
    faces = load(n_per_class=sum(SHARES.values()), seed=3)
    places = [place for place, count in SHARES.items() for _ in range(count)]
    with zipfile.ZipFile(path, "w") as archive:
        for label, name in enumerate(faces.classes):
            for place, i in zip(places, np.flatnonzero(faces.labels == label), strict=True):
                archive.writestr(f"{place.format(name)}_{i}.png", _png(faces.samples[i]))
    return path


def class_folder(root: Path, splits: bool = True) -> Path:
    """Write synthetic faces as class/*.jpg; with `splits` below train/ and test/."""
    faces = load(n_per_class=16, seed=5)
    for i in range(len(faces)):
        above = ("test" if i % 16 >= 12 else "train") if splits else "."
        place = root / above / faces.classes[faces.labels[i]] / f"{i}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(faces.samples[i]).save(place, quality=95)
    return root


def photo(path: Path) -> Path:
    """Write a photo with one face."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photos.astronaut()[:300, :400]).save(path, quality=92)
    return path


def holiday(root: Path) -> Path:
    """Write a folder of photos, with a folder in it, and one without a face."""
    photo(root / "beach.jpg")
    photo(root / "day 2" / "museum.jpg")
    Image.fromarray(photos.coffee()[:200, :300]).save(root / "breakfast.png")
    return root


def video(path: Path, frames: int = 24) -> Path:
    """Write a video with one face."""
    return write(path, moving_face(frames))


def casme2(root: Path, subjects: int = 4) -> Path:
    """Write a tree of CASME II's shape with its coding sheet, drawn."""
    rows = ["Subject,Filename,,OnsetFrame,ApexFrame,OffsetFrame,,Action Units,Estimated Emotion"]
    for who in range(subjects):
        for number, (word, clip) in enumerate(zip(_CASME2_WORDS, _clips(who), strict=True)):
            name = f"EP{number:02d}_01"
            _frames(root / "Cropped" / f"sub{who + 1:02d}" / name, clip, "reg_img{}.jpg")
            rows.append(f"{who + 1},{name},,1,{len(clip) // 2},{len(clip)},,,{word}")
    (root / "CASME2-coding-20140508.csv").write_text("\n".join(rows) + "\n")
    return root


def smic(root: Path, subjects: int = 4) -> Path:
    """Write a tree of SMIC's shape, drawn."""
    for who in range(subjects):
        for label, clip in zip(_CLIP_LABELS, _clips(who), strict=True):
            name = f"s{who + 1:02d}_{label[:2]}_01"
            _frames(root / f"s{who + 1:02d}" / "micro" / label / name, clip, "image{:06d}.bmp")
    return root


def samm(root: Path, subjects: int = 2) -> Path:
    """Write a tree of SAMM's shape with its coding sheet, drawn."""
    rows = ["Subject,Filename,Inducement Code,Onset Frame,Apex Frame,Offset Frame,Estimated Emotion"]
    for who in range(subjects):
        for number, (word, clip) in enumerate(
            zip(("Anger", "Happiness", "Surprise"), _clips(who), strict=True)
        ):
            name = f"{who + 6:03d}_{number + 1}_2"
            _frames(root / f"{who + 6:03d}" / name, clip, f"{who + 6:03d}_{{:05d}}.jpg")
            rows.append(f"{who + 6},{name},1,1,{len(clip) // 2},{len(clip)},{word}")
    (root / "SAMM_Micro_FACS_Codes_v2.csv").write_text("\n".join(rows) + "\n")
    return root


def megc2019(root: Path, subjects: int = 5) -> Path:
    """Write motion maps with their index, drawn: three sets of so many subjects with four maps each."""
    rng, rows = np.random.default_rng(0), ["file,dataset,subject,label"]
    patterns = rng.normal(0, 50, (3, 28, 28, 3))
    (root / "images").mkdir(parents=True)
    for name in ("casme2", "smic", "samm"):
        for who in range(subjects):
            for number in range(4):
                label, file = (who + number) % 3, f"images/{name}_{who}_{number}.png"
                drawn = 128 + patterns[label] + rng.normal(0, 40, (28, 28, 3))
                Image.fromarray(drawn.clip(0, 255).astype(np.uint8)).save(root / file)
                rows.append(f"{file},{name},{who},{_CLIP_LABELS[label]}")
    (root / "index.csv").write_text("\n".join(rows) + "\n")
    return root


def _clips(who: int) -> list[np.ndarray]:
    """Return a clip a class, long enough for networks that take 18 frames."""
    clips = [draw_clip(0, who, number, number) for number in range(3)]
    return [np.concatenate([clip, clip[::-1]])[:24] for clip in clips]


def _frames(folder: Path, clip: np.ndarray, pattern: str) -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(clip, 1):
        cv2.imwrite(str(folder / pattern.format(number)), frame)


def _png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def table(folder: Path) -> None:
    """Write synthetic faces below images/ with a table of them."""
    faces, lines = load(n_per_class=8, seed=6), ["image,emotion,set,person"]
    for i in range(len(faces)):
        split = "test" if i % 8 >= 6 else "train"
        path = folder / "images" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(faces.samples[i]).save(path, quality=95)
        lines.append(f"images/{i}.jpg,{faces.classes[faces.labels[i]]},{split},{split}{i % 3}")
    (folder / "faces.csv").write_text("\n".join(lines) + "\n")


def voted_and_mine(folder: Path) -> None:
    """Write a table with votes, and one of other faces that calls an emotion otherwise."""
    faces = load(n_per_class=8, seed=6)
    lines = ["image,split," + ",".join(f"votes.{name}" for name in faces.classes)]
    mine = ["image,emotion,person"]
    for i in range(len(faces)):
        votes = [7 if c == faces.labels[i] else 3 * (c == (faces.labels[i] + 1) % 7) for c in range(7)]
        lines.append(",".join([f"images/{i}.jpg", "test" if i % 8 >= 6 else "train", *map(str, votes)]))
    (folder / "voted.csv").write_text("\n".join(lines) + "\n")
    others = load(n_per_class=8, seed=7)
    for i in range(len(others)):
        path = folder / "mine" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(others.samples[i]).save(path, quality=95)
        name = others.classes[others.labels[i]]
        mine.append(f"mine/{i}.jpg,{'happiness' if name == 'happy' else name},{i % 4}")
    (folder / "mine.csv").write_text("\n".join(mine) + "\n")


def raf_db(root: Path) -> Path:
    """Write a tree of RAF-DB's shape: aligned faces beside a list of labels, noise."""
    lines = []
    for i in range(28):
        split = "train" if i < 14 else "test"
        noise(root / "Image" / "aligned" / f"{split}_{i:05d}_aligned.jpg", i)
        lines.append(f"{split}_{i:05d}.jpg {i % 7 + 1}")
    (root / "EmoLabel").mkdir()
    (root / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(lines))
    return root


def affectnet(root: Path) -> Path:
    """Write a tree of AffectNet's shape: images beside a file of each one's label, noise."""
    for split in ("train_set", "val_set"):
        for i in range(16):
            noise(root / split / "images" / f"{i}.jpg", i)
            (root / split / "annotations").mkdir(exist_ok=True)
            np.save(root / split / "annotations" / f"{i}_exp.npy", str(i % 8))
    return root


def posed(folder: Path) -> None:
    """Write folders of JAFFE's and KDEF's shapes, with the label in each file's name, noise."""
    for i, label in enumerate(("AN", "DI", "FE", "HA", "NE", "SA", "SU")):
        noise(folder / "jaffe" / f"KA.{label}1.{i}.tiff", i)
        noise(folder / "KDEF" / "AF01" / f"AF01{label.replace('FE', 'AF')}S.JPG", 90 + i)


def ckplus(root: Path) -> Path:
    """Write class folders with the subject in each file's name, as of CK+, noise."""
    for label in ("anger", "happy"):
        for subject in range(6):
            for k in range(2):
                noise(root / label / f"S{subject:03d}_00{len(label)}_0000000{k}.png", subject * 2 + k)
    return root


def noise(path: Path, seed: int) -> None:
    """Write an image of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8)).save(path)


def vggface2_file(path: Path) -> Path:
    """Write random weights in the form of VGGFace2's published file."""
    from tests.featurize.backbones.test_vggface2 import write_h5

    return write_h5(path)


def resnet18_file(path: Path) -> Path:
    """Write random weights in the form of ResNet18's published file."""
    from safetensors.numpy import save_file

    from tests.featurize.backbones.test_resnet18_imagenet import published_tensors

    save_file(published_tensors(), path)
    return path
