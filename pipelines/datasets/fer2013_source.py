"""Reading FER2013 from any form in which it is handed round: a folder, an archive, a CSV."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from featurize.images import Image, UnreadableImage, decode, to_grey
from pipelines.datasets import archive
from pipelines.datasets.archive import Member
from pipelines.datasets.base import EMOTIONS, Fault, sample_digest
from pipelines.datasets.fer2013_csv import SIDE, read_rows
from pipelines.datasets.folder import PICTURES
from pipelines.progress import Progress
from pipelines.utils.read_table import OTHER_ENDINGS, MissingColumnsError
from pipelines.utils.table_text import open_text

#: Faces in the whole set.
TOTAL = 35_887
_FOLDERS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "publictest": "public",
    "privatetest": "private",
}
_TEXT = (".csv", ".tsv")
_PREFIXES = {"publictest": "public", "privatetest": "private"}


@dataclass(frozen=True)
class Face:
    """One face as found in the source: `digest` is `sample_digest` of `image`, (48, 48) uint8."""

    id: str
    label: str
    split: str
    image: Image
    digest: str


class Source:
    """Reads the faces of a source, and gathers what went wrong."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path = path
        self.progress = progress
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.hints: list[str] = []
        self.csv: str | None = None

    def read(self) -> list[Face]:
        """Return every readable face; ValueError if the source is damaged or is not FER2013."""
        faces: dict[str, Face] = {}
        with _members(self.path) as members, self.progress.task("reading FER2013", TOTAL) as advance:
            for face in self._faces(members):
                if face.id in faces:
                    raise ValueError(f"{self.path}: holds {face.id} twice; give one copy of the set")
                faces[face.id] = face
                advance(1)
        self._conclude(faces)
        return list(faces.values())

    def _faces(self, members: Iterator[Member]) -> Iterator[Face]:
        for member in members:
            suffix = Path(member.name).suffix.lower()
            hidden = any(part.startswith((".", "__MACOSX")) for part in member.name.split("/"))
            if hidden:
                continue
            if suffix in PICTURES:
                yield from self._picture(member)
            elif suffix in _TEXT:
                yield from self._csv(member)
            elif suffix in (".zip", ".tar", ".gz", ".tgz", ".xz"):
                self.hints.append(f"it holds {member.name}: take that out and add it")

    def _picture(self, member: Member) -> Iterator[Face]:
        split, label, name = _placed(self.path, member.name)
        try:
            image = to_grey(decode(member.read(), name))
            if image.shape != (SIDE, SIDE):
                raise UnreadableImage(
                    name, f"{image.shape[1]} x {image.shape[0]} pixels, not {SIDE} x {SIDE}"
                )
            yield Face(name, label, split, image, sample_digest(image))
        except UnreadableImage as error:
            self.faults.append(Fault(name, error.reason))

    def _csv(self, member: Member) -> Iterator[Face]:
        if self.csv is not None:
            self.notes.append(f"{member.name} was not read: the faces are those of {self.csv}")
            return
        with member.open() as binary, open_text(binary) as text:
            try:
                for number, split, emotion, image in read_rows(text, member.name):
                    self.csv = member.name
                    yield Face(
                        f"{split}/{emotion}/row-{number:05d}", emotion, split, image, sample_digest(image)
                    )
            except MissingColumnsError as missing:  # another table of the same challenge
                self.hints.append(f"{member.name} has {missing}")

    def _conclude(self, faces: dict[str, Face]) -> None:
        from_csv = sum("/row-" in id_ for id_ in faces)
        if self.csv is not None and from_csv != len(faces):
            raise ValueError(f"{self.path}: holds both pictures and {self.csv}; give one of the two")
        if any(face.split == "test" for face in faces.values()):
            self.notes.append(
                "test pictures are not named PublicTest_* or PrivateTest_*: they form the split 'test', "
                "and public and private cannot be told apart"
            )

    def nothing_found(self) -> str:
        """Say why there are no faces."""
        if self.faults:
            first = self.faults[0]
            return f"{self.path}: no readable face; the first fault: {first.path}: {first.reason}"
        hint = "; ".join(dict.fromkeys(self.hints[:3]))
        expected = "train/<class>/ with pictures, or a CSV with the columns emotion, pixels, Usage"
        return f"{self.path}: this is not FER2013: {hint or f'there is no {expected}'}"


@contextlib.contextmanager
def _members(path: Path) -> Iterator[Iterator[Member]]:
    """Give the files of a folder, an archive, or a CSV alone."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; give the path of FER2013")
    if path.is_dir():
        yield _folder_members(_base(path))
    elif path.suffix.lower() in _TEXT:
        yield iter([Member(path.name, partial(_open, path))])
    elif path.suffix.lower() in (".xlsx", ".xlsm", *OTHER_ENDINGS):
        raise ValueError(f"{path}: a workbook; save it as .csv and add that")
    else:
        with archive.opened(path) as members:
            yield members


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _base(path: Path) -> Path:
    """Return the folder, or its one subfolder, that holds train/ or a CSV: no other folder is walked."""
    folders = [path, *sorted(p for p in path.iterdir() if p.is_dir())]
    for folder in folders:
        if any(p.name.lower() in _FOLDERS and p.is_dir() for p in folder.iterdir()) or any(
            folder.glob("*.csv")
        ):
            return folder
    raise ValueError(f"{path}: this is not FER2013: there is neither train/ nor a CSV in it")


def _folder_members(base: Path) -> Iterator[Member]:
    """Give the CSVs of `base` and every file below its train/ and test/, in order of name."""
    splits = sorted(p for p in base.iterdir() if p.is_dir() and p.name.lower() in _FOLDERS)
    below = (Path(folder) / name for top in splits for folder, _, names in os.walk(top) for name in names)
    for file in [*sorted(base.glob("*.csv")), *sorted(below)]:
        yield Member(file.relative_to(base).as_posix(), partial(_open, file))


def _placed(source: Path, name: str) -> tuple[str, str, str]:
    """Return split, class and id of a picture by its path."""
    parts = name.split("/")
    if len(parts) < 3 or parts[-3].lower() not in _FOLDERS:
        raise ValueError(
            f"{source}: {name} does not lie in train/<class>/ or test/<class>/; "
            "if this is another set, give its folder to --data instead"
        )
    label = parts[-2].lower()
    if label not in EMOTIONS:
        raise ValueError(f"{source}: unknown class folder {parts[-2]!r}; FER2013 has {', '.join(EMOTIONS)}")
    split = _FOLDERS[parts[-3].lower()]
    if split == "test":
        split = _PREFIXES.get(parts[-1].split("_")[0].lower(), "test")
    return split, label, "/".join(parts[-3:])
