"""Where the images of a folder lie: splits, classes, one wrapping folder more; and what is wrong with it."""

from __future__ import annotations

import difflib
import logging
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from featurize.suggest import hint
from featurize.walk import Fault, Listing, count_files, list_folder, not_looked_at
from pipelines.datasets.split_names import SPLITS, split_of
from pipelines.datasets.unlabelled import labels_elsewhere, subjects_as_classes

log = logging.getLogger(__name__)

#: Folders around a data set that are looked through, as archives unpack them.
WRAPPERS = 3


@dataclass(frozen=True)
class Listed:
    """An image file: its path below the root, its class and its split."""

    name: str
    label: str
    split: str


@dataclass
class Layout:
    """A folder of class folders.

    Attributes
    ----------
    root : Path
        Where the classes or splits are; below the folder given, if that only wraps it.
    listed : list of Listed
        Every image, by split and class, in order of name.
    faults : list of Fault
        Dead links, stand-ins for content that was not fetched, images of a kind that is not read.
    ignored : Counter
        What was not looked at, see `featurize.walk.Listing`.
    """

    root: Path
    listed: list[Listed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)


class Tree:
    """Folders, each listed once."""

    def __init__(self) -> None:
        self._known: dict[Path, Listing] = {}

    def __getitem__(self, folder: Path) -> Listing:
        if folder not in self._known:
            self._known[folder] = list_folder(folder)
        return self._known[folder]

    def folders(self, folder: Path) -> list[Path]:
        """Return the folders in a folder, in order of name."""
        return [folder / name for name in self[folder].folders]


def read_layout(given: Path) -> Layout:
    """Find every image of a folder of class folders, and say in one line what was not looked at.

    Parameters
    ----------
    given : Path
        A folder that is there.

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        One line: no class folders, one class only, an empty class folder, split folders without classes, a
        test or validation folder that misses a class or has an unknown one.
    """
    tree = Tree()
    found = Layout(_unwrapped(tree, given))
    tops = _split_folders(tree, found)
    train: list[str] = []
    for split in ("train", "validation", "test"):
        if split in tops:
            folders = _class_folders(tree, tops[split])
            train = train or list(folders)
            _check_classes(tree, found.root, tops[split], folders, train)
            for label, folder in folders.items():
                _take(tree, found, folder, label, split)
    for folder in {found.root, *tops.values()}:
        _note(found, tree[folder])
    if words := not_looked_at(found.ignored):
        log.warning("%s: not looked at: %s", given, words)
    return found


def _unwrapped(tree: Tree, given: Path) -> Path:
    """Return the folder that has the classes or splits: an archive often unpacks into one folder more."""
    root = given
    for _ in range(WRAPPERS):
        folders = tree.folders(root)
        if len(folders) != 1 or tree[root].images:
            break
        inside = tree[folders[0]]
        if inside.images or not inside.folders or split_of(folders[0].name):
            break
        root = folders[0]
    if root != given:
        log.warning("%s: read from its folder %s/", given, root.relative_to(given).as_posix())
    return root


def _split_folders(tree: Tree, found: Layout) -> dict[str, Path]:
    """Return split -> folder; the root itself as "train" if it has class folders and no split folders."""
    root, folders = found.root, tree.folders(found.root)
    named = [folder for folder in folders if split_of(folder.name)]
    # A folder of images alone, beside classes that are no splits, is a class, whatever its name.
    tops = [folder for folder in named if tree[folder].folders]
    if not tops:
        if named and len(named) == len(folders):
            raise ValueError(_no_labels(tree, root, named))
        return {"train": root}
    splits = _by_split(root, tops)
    flat = [folder for folder in named if folder not in tops]
    if "train" not in splits:
        unlabelled = next((f for f in flat if split_of(f.name) == "train"), None)
        if unlabelled is not None:
            raise ValueError(_no_labels(tree, root, [unlabelled]))
        first = next(iter(splits.values())).name
        raise ValueError(f"{root}: has {first}/ but no train/; put the training classes into train/")
    _check_strangers(tree, root, [f for f in folders if f not in named], splits["train"])
    for folder in flat:
        _leave_flat(tree, found, folder)
    for folder in folders:
        if folder not in named:
            found.ignored[f"in {folder.name}/"] += count_files(folder)
    return splits


def _by_split(root: Path, folders: list[Path]) -> dict[str, Path]:
    splits: dict[str, Path] = {}
    for folder in folders:
        split = str(split_of(folder.name))
        if split in splits:
            raise ValueError(f"{root}: both {splits[split].name}/ and {folder.name}/ are a {split} split")
        splits[split] = folder
    return splits


def _no_labels(tree: Tree, root: Path, named: list[Path]) -> str:
    names = ", ".join(f"{folder.name}/" for folder in named)
    verb = "is a split" if len(named) == 1 else "are splits"
    advice = (
        labels_elsewhere(root, tree) or f"make class folders in them, such as {named[0].name}/happy/*.jpg"
    )
    return f"{root}: {names} {verb} without class folders, so the images have no labels; {advice}"


def _leave_flat(tree: Tree, found: Layout, folder: Path) -> None:
    """Leave out a split folder whose images lie in no class folders."""
    if count := len(tree[folder].images):
        found.ignored[f"in {folder.name}/ (no class folders, so no labels)"] += count
    _note(found, tree[folder], images=False)


def _check_strangers(tree: Tree, root: Path, folders: list[Path], train: Path) -> None:
    """Refuse a folder beside train/ that has its classes: left out, its images would be missed."""
    classes = set(_class_folders(tree, train))
    for folder in folders:
        if classes & set(_class_folders(tree, folder)):
            near = difflib.get_close_matches(folder.name.lower(), SPLITS, n=1)
            advice = f"did you mean {SPLITS[near[0]]}/?" if near else "name it train/, validation/ or test/"
            raise ValueError(f"{root}: folder {folder.name}/ is no split; {advice}")


def _class_folders(tree: Tree, folder: Path) -> dict[str, Path]:
    """Return class -> folder. Names are brought to one Unicode form: macOS writes accents in another."""
    return {unicodedata.normalize("NFC", path.name): path for path in tree.folders(folder)}


def _check_classes(tree: Tree, root: Path, folder: Path, classes: dict[str, Path], train: list[str]) -> None:
    if not classes:
        advice = labels_elsewhere(root, tree) or "a data set is a folder of class/*.jpg"
        raise ValueError(f"{root}: no class folders; {advice}")
    if len(train) < 2:
        advice = labels_elsewhere(root, tree) or "a classifier needs two or more"
        raise ValueError(f"{folder}: one class only ({train[0]}); {advice}")
    if advice := subjects_as_classes(classes, tree):
        raise ValueError(f"{folder}: {advice}")
    for label in classes:
        if label not in train:
            has = f"train/ has {', '.join(train)}"
            raise ValueError(f"{folder}: unknown class {label!r}; {hint(label, train, has)}")
    missing = [label for label in train if label not in classes]
    if missing:
        raise ValueError(f"{folder}: class {', '.join(map(repr, missing))} is missing, which train/ has")


def _take(tree: Tree, found: Layout, folder: Path, label: str, split: str) -> None:
    """Take the images of a class folder.

    Raises
    ------
    ValueError
        If there are none.
    """
    inside = tree[folder]
    if not inside.images:
        raise ValueError(f"{folder}: {_why_empty(tree, found.root, folder)}")
    prefix = folder.relative_to(found.root).as_posix()
    found.listed += [Listed(f"{prefix}/{name}", label, split) for name in inside.images]
    _note(found, inside, images=False)
    for name in inside.folders:
        found.ignored[f"in {prefix}/{name}/"] += count_files(folder / name)


def _note(found: Layout, inside: Listing, images: bool = True) -> None:
    """Count what of a folder was not looked at; of the root and the splits, images and videos too."""
    found.faults += inside.faults
    found.ignored += inside.ignored
    left = [*inside.images, *inside.videos] if images else inside.videos
    for name in left:
        found.ignored["images outside classes" if name in inside.images else "videos"] += 1


def _why_empty(tree: Tree, root: Path, folder: Path) -> str:
    inside = tree[folder]
    if inside.faults:
        first, count = inside.faults[0], len(inside.faults)
        more = f" ({count - 1} more are unread)" if count > 1 else ""
        return f"no image of this class can be read; {Path(first.path).name}: {first.reason}{more}"
    nowhere = not any(tree[other].images for other in tree.folders(folder.parent))
    if (nowhere or inside.others) and (advice := labels_elsewhere(root, tree)):
        return f"this folder has no images; {advice}"
    if inside.videos:
        return f"this class folder has videos and no images; for videos: --data 'videos(path=\"{root}\")'"
    if inside.folders:
        return (
            f"this class folder is empty; images lie in subfolders such as {inside.folders[0]}/; move them up"
        )
    if words := not_looked_at(inside.ignored):
        return f"this class folder is empty; no file is an image, there is only: {words}"
    return "this class folder is empty; put images into it or remove it"
