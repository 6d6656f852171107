"""Reading FER2013 from any form in which it is handed round: a folder, an archive, a CSV."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from featurize.file_kinds import HEAD, IMAGE_ENDINGS, VIDEO_ENDINGS, ending_of, examine, identify
from featurize.images import Image, UnreadableImage, decode, to_grey
from featurize.walk import DOCUMENTS, HIDDEN, NO_ENDING, Fault, hidden_path, is_hidden
from pipelines.datasets import archive
from pipelines.datasets.archive import Member
from pipelines.datasets.base import EMOTIONS, sample_digest
from pipelines.datasets.fer2013.csv_form import SIDE, read_rows
from pipelines.datasets.split_names import split_of
from pipelines.utils.progress import Progress
from pipelines.utils.read_table import OTHER_ENDINGS, MissingColumnsError
from pipelines.utils.table_text import open_text

#: Faces in the whole set.
TOTAL = 35_887
_TEXT = (".csv", ".tsv")
#: What names of files begin with, and folders may be called, beside the names of splits.
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
        self.ignored: Counter[str] = Counter()
        self.csv: str | None = None

    def read(self) -> list[Face]:
        """Return every readable face; ValueError if the source is damaged or is not FER2013."""
        faces: dict[str, Face] = {}
        with (
            _members(self.path, self._not_a_file) as members,
            self.progress.task("reading FER2013", TOTAL) as advance,
        ):
            for face in self._faces(members):
                if face.id in faces:
                    raise ValueError(f"{self.path}: holds {face.id} twice; give one copy of the set")
                faces[face.id] = face
                advance(1)
        self._conclude(faces)
        return list(faces.values())

    def _faces(self, members: Iterator[Member]) -> Iterator[Face]:
        for member in members:
            ending = ending_of(member.name)
            if hidden_path(member.name):
                self.ignored[HIDDEN] += 1
            elif ending in _TEXT:
                yield from self._csv(member)
            elif _may_be_image(member.name):
                yield from self._image(member)
            else:
                self.ignored[ending or NO_ENDING] += 1
                if ending in (".zip", ".tar", ".gz", ".tgz", ".xz"):
                    self.hints.append(f"it holds {member.name}: take that out and add it")

    def _not_a_file(self, path: Path, name: str) -> None:
        """Note what is no regular file: a dead link is a fault, a pipe or a device is not looked at."""
        kind = examine(path)
        if kind.group == "special":
            self.ignored[kind.name] += 1
        elif not hidden_path(name) and ending_of(name) not in DOCUMENTS:
            self.faults.append(Fault(name, kind.reason()))

    def _image(self, member: Member) -> Iterator[Face]:
        data, ending = member.read(), ending_of(member.name)
        if ending not in IMAGE_ENDINGS and identify(data[:HEAD]).group in ("text", "empty", "other", "video"):
            self.ignored[ending or NO_ENDING] += 1
            return
        split, label, name = _placed(self.path, member.name)
        try:
            image = to_grey(decode(data, name))
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
            raise ValueError(f"{self.path}: holds both images and {self.csv}; give one of the two")
        if any(face.split == "test" for face in faces.values()):
            self.notes.append(
                "test images are not named PublicTest_* or PrivateTest_*: they form the split 'test', "
                "and public and private cannot be told apart"
            )
        if count := sum(face.split == "validation" for face in faces.values()):
            self.notes.append(
                f"the {count:,} faces of the validation folder form the split 'validation': "
                "choose on them with --validation validation"
            )

    def nothing_found(self) -> str:
        """Say why there are no faces."""
        if self.faults:
            first = self.faults[0]
            return f"{self.path}: no readable face; the first fault: {first.path}: {first.reason}"
        hint = "; ".join(dict.fromkeys(self.hints[:3]))
        expected = "train/<class>/ with images, or a CSV with the columns emotion, pixels, Usage"
        return f"{self.path}: this is not FER2013: {hint or f'there is no {expected}'}"


@contextlib.contextmanager
def _members(path: Path, not_a_file: Callable[[Path, str], None]) -> Iterator[Iterator[Member]]:
    """Give the files of a folder, an archive, or a CSV alone."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; give the path of FER2013")
    if path.is_dir():
        yield _folder_members(_base(path), not_a_file)
    elif path.suffix.lower() in _TEXT:
        yield iter([Member(path.name, partial(_open, path))])
    elif path.suffix.lower() in (".xlsx", ".xlsm", *OTHER_ENDINGS):
        raise ValueError(f"{path}: a workbook; save it as .csv and add that")
    else:
        with archive.opened(path) as members:
            yield members


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _split(folder: str) -> str | None:
    return _PREFIXES.get(folder.lower()) or split_of(folder)


def _base(path: Path) -> Path:
    """Return the folder that holds train/ or a CSV, looked for two levels deep: no other is walked."""
    below = _folders(path)
    deeper = [folder for parent in below for folder in _folders(parent)]
    for folder in [path, *below, *deeper]:
        if any(_split(inner.name) for inner in _folders(folder)) or any(folder.glob("*.csv")):
            return folder
    raise ValueError(f"{path}: this is not FER2013: there is neither train/ nor a CSV in it")


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if not is_hidden(p.name, folder=True) and p.is_dir())


def _folder_members(base: Path, not_a_file: Callable[[Path, str], None]) -> Iterator[Member]:
    """Give the CSVs of `base` and every file below its split folders, in order of name."""
    splits = [folder for folder in _folders(base) if _split(folder.name)]
    below = (Path(folder) / name for top in splits for folder, _, names in os.walk(top) for name in names)
    for file in [*sorted(base.glob("*.csv")), *sorted(below)]:
        name = file.relative_to(base).as_posix()
        if file.is_file():
            yield Member(name, partial(_open, file))
        else:
            not_a_file(file, name)


def _may_be_image(name: str) -> bool:
    """Return whether a file may be a face: by its ending, or for it lies where faces do."""
    parts, ending = name.split("/"), ending_of(name)
    if ending in IMAGE_ENDINGS:
        return True
    return len(parts) >= 3 and _split(parts[-3]) is not None and ending not in DOCUMENTS | VIDEO_ENDINGS


def _placed(source: Path, name: str) -> tuple[str, str, str]:
    """Return split, class and id of an image by its path."""
    parts = name.split("/")
    split = _split(parts[-3]) if len(parts) >= 3 else None
    if split is None:
        raise ValueError(
            f"{source}: {name} does not lie in train/<class>/, validation/<class>/ or test/<class>/; "
            "if this is another set, give its folder to --data instead"
        )
    label = parts[-2].lower()
    if label not in EMOTIONS:
        raise ValueError(f"{source}: unknown class folder {parts[-2]!r}; FER2013 has {', '.join(EMOTIONS)}")
    if split in ("test", "validation"):
        split = _PREFIXES.get(parts[-1].split("_")[0].lower(), split)
    return split, label, "/".join(parts[-3:])
