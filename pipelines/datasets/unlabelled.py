"""Labels and subjects that lie where they are not read yet: what can be done today."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from featurize.file_kinds import ending_of
from featurize.walk import Listing

#: What can be done today, with the page that has the lines.
TODAY = "a table of files and labels is read by its path, names of files by --pattern: docs/own-faces.md"
SUBJECTS_TODAY = "where they stand in the files' names, give --subject 'S\\d+'; docs/own-faces.md says how"
#: Beginnings of file names that hold a label or a subject, by the set that names its files so.
_NAMES = {
    "JAFFE": re.compile(r"[A-Z]{2}[.-](AN|DI|FE|HA|NE|SA|SU)\d?[.-]\d+", re.IGNORECASE),
    "KDEF": re.compile(r"[AB][FM]\d\d(AF|AN|DI|HA|NE|SA|SU)(FL|FR|HL|HR|S)", re.IGNORECASE),
    "CK+": re.compile(r"S\d{3}_\d{3}_\d{8}", re.IGNORECASE),
    "RaFD": re.compile(r"Rafd\d{3}_\d+_\w+_(female|male)_\w+_(frontal|left|right)", re.IGNORECASE),
}
#: The set -> its loader; lists and arrays of labels by which a set is known -> theirs.
_LOADERS = {"JAFFE": "jaffe", "KDEF": "kdef", "CK+": "ckplus"}
_KNOWN = (("list_patition_label.txt", "raf-db"), ("_exp.npy", "affectnet"), ("label.lst", "expw"))
_LISTS = frozenset({".txt", ".csv", ".tsv", ".xlsx", ".xls", ".json", ".mat"})
_ARRAYS = frozenset({".npy", ".npz"})
_NO_LABELS = re.compile(r"readme|licen[cs]e|requirements|citation|changelog|notes?$", re.IGNORECASE)


class _Folders(Protocol):
    def __getitem__(self, folder: Path) -> Listing: ...
    def folders(self, folder: Path) -> list[Path]: ...


def labels_elsewhere(root: Path, tree: _Folders) -> str:
    """Return where the labels of a folder without classes seem to be, and what can be done; or nothing."""
    here = [root, *tree.folders(root)]
    near = [*here, *(below for folder in here[1:] for below in tree.folders(folder)[:20])]
    if named := next((words for folder in near if (words := _in_names(tree[folder], root))), ""):
        return f"{named}; {TODAY}"
    for folder in near:
        if found := next((n for n in tree[folder].others if ending_of(n) in _ARRAYS), ""):
            where = f"({_below(root, folder, found)}){_by_name(root, found)}"
            return f"the labels seem to be in arrays {where}; {TODAY}"
    for folder in near:
        if found := next((n for n in tree[folder].others if _may_be_list(n)), ""):
            where = f"({_below(root, folder, found)}){_by_name(root, found)}"
            return f"the labels seem to be in a list {where}; {TODAY}"
    return ""


def _by_name(root: Path, file: str) -> str:
    """Return how to load the set that a list or an array of labels is of, where it is known."""
    loader = next((name for end, name in _KNOWN if file.lower().endswith(end)), "")
    return f": --data '{loader}(path=\"{root}\")'" if loader else ""


def _in_names(inside: Listing, root: Path) -> str:
    for name in inside.images[:3]:
        for data_set, pattern in _NAMES.items():
            if pattern.match(name):
                loader = _LOADERS.get(data_set, "")
                how = f": --data '{loader}(path=\"{root}\")'" if loader else ""
                return f"the label stands in the file names (as in {data_set}'s {name}){how}"
    return ""


def _may_be_list(name: str) -> bool:
    return ending_of(name) in _LISTS and not _NO_LABELS.match(name.rpartition(".")[0])


def _below(root: Path, folder: Path, name: str) -> str:
    return (folder / name).relative_to(root).as_posix()


def subjects_as_classes(classes: Mapping[str, Path], tree: _Folders) -> str:
    """Return what to do if the folders are subjects and labels stand in file names, as KDEF unpacks."""
    for label, folder in classes.items():
        first = next(iter(tree[folder].images), "")
        if not first.upper().startswith(label.upper()) or not (
            words := _in_names(tree[folder], folder.parent)
        ):
            return ""
    return f"the folders are subjects and {words}; {TODAY}"
