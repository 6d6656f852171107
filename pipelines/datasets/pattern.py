"""Labels, persons and splits from the names of files: ``{subject:2}.{label:2}{_}.{_}.tiff``."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from featurize.paths import expanded
from featurize.suggest import hint
from featurize.walk import Fault, not_looked_at, walk
from pipelines.datasets.base import Dataset
from pipelines.datasets.label_words import Labels, mapping, split_word
from pipelines.datasets.layout import read_layout
from pipelines.datasets.listing import Entry, Listed, Reading, dataset_of, without_label

log = logging.getLogger(__name__)

#: Names that a pattern may give to parts of a path; `_` is a part that does not matter.
FIELDS = ("label", "subject", "split", "_")
_FIELD = re.compile(r"\{(\w*)(?::(\d+))?\}")


class Pattern:
    """A pattern of paths.

    Parameters
    ----------
    text : str
        Letters as they stand, in either case, and fields: ``{label}`` is any part of a name, ``{subject:2}``
        two characters of it, ``{_}`` what does not matter, even nothing. With slashes it is of the folders
        above as well.

    Raises
    ------
    ValueError
        If a field is unknown, there twice, or a brace is left open.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.fields = [name for name, _ in _FIELD.findall(text)]
        for name in self.fields:
            if name not in FIELDS:
                raise ValueError(f"pattern {text!r}: unknown field {name!r}; {hint(name, FIELDS)}")
            if name != "_" and self.fields.count(name) > 1:
                raise ValueError(f"pattern {text!r}: {{{name}}} is there twice; write {{_}} for one of them")
        rest = _FIELD.sub("", text)
        if "{" in rest or "}" in rest or not self.fields:
            raise ValueError(f"pattern {text!r}: fields are written {{label}}, {{subject:2}} or {{_}}")
        self._parts = text.count("/") + 1
        self._regex = re.compile(self._as_regex(), re.IGNORECASE)

    def _as_regex(self) -> str:
        found, at = "", 0
        for match in _FIELD.finditer(self.text):
            found += re.escape(self.text[at : match.start()])
            name, width = match[1], match[2]
            some = f"[^/]{{{width}}}" if width else "[^/]*?" if name == "_" else "[^/]+?"
            found += some if name == "_" else f"(?P<{name}>{some})"
            at = match.end()
        return found + re.escape(self.text[at:])

    def match(self, path: str) -> dict[str, str] | None:
        """Return field -> text for a path with forward slashes, None if it is not of this pattern."""
        tail = "/".join(path.split("/")[-self._parts :])
        found = self._regex.fullmatch(tail)
        return None if found is None else found.groupdict()


def load(
    path: Path | str,
    *,
    pattern: str = "",
    labels: str | Mapping[str, str] | None = None,
    splits: str | Mapping[str, str] | None = None,
    subject: str = "",
    allow_leaks: bool = False,
    name: str = "",
    how: Reading | None = None,
) -> Dataset:
    """Load a folder of images whose names say what they are of.

    Parameters
    ----------
    path : Path or str
        Looked through to any depth.
    pattern : str
        See `Pattern`. Without ``{label}``, and where it is empty, classes and splits are those of the folders
        (`pipelines.datasets.folder.load`).
    labels : str or mapping, optional
        Label -> class: ``AN=angry,HA=happy``. A label with no class (``CO=``) is left out.
    splits : str or mapping, optional
        Word -> split, where the words are not the usual ones.
    subject : str
        A regular expression for the person, searched for in the file's name: its first group, else all of it.
    allow_leaks : bool
        One person may be in two splits; figures are then marked.
    name : str
        What to call the set; by default as the folder.
    how : Reading, optional
        The rest of how it is read.

    Returns
    -------
    Dataset
        `groups` where the person of every image is known.

    Raises
    ------
    ValueError, OSError
        One line that names the folder and what is wrong.
    """
    root = expanded(path)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder")
    shape = Pattern(pattern) if pattern else None
    if shape is None or "label" not in shape.fields:
        found = _of_classes(root, shape, Labels(labels))
    else:
        found = _of_names(root, shape, Labels(labels), mapping(splits, "splits"))
    found.name = name or root.resolve().name
    if subject:
        _name_subjects(found, subject)
    how = how or Reading()
    return dataset_of(found, Reading(how.strict, allow_leaks, how.cache, how.progress, how.memory_of))


def _of_names(root: Path, pattern: Pattern, labels: Labels, splits: Mapping[str, str]) -> Listed:
    """Return the images whose path is of a pattern with a label."""
    there = walk(root)
    found = Listed(root.name, root, faults=list(there.faults), ignored=there.ignored)
    found.ignored["videos"] += len(there.videos)
    names = [file.relative_to(root).as_posix() for file in there.images]
    matched = [(name, fields) for name in names if (fields := pattern.match(name)) is not None]
    if not matched:
        example = f"; one of its {len(names):,} images is {names[0]}" if names else "; it holds no images"
        raise ValueError(f"{root}: no image is named as {pattern.text!r} says{example}")
    others = sorted(set(names) - {name for name, _ in matched})
    if others:
        found.ignored["images not named by the pattern"] += len(others)
        log.warning("%s: %d images are not named by the pattern; the first is %s",
                    root, len(others), others[0])  # fmt: skip
    classes = labels.classes([fields["label"] for _, fields in matched])
    for name, fields in matched:
        if label := classes[fields["label"]]:
            found.entries.append(Entry(
                name, label, _split(root, name, fields, splits), fields.get("subject", ""), where=name
            ))  # fmt: skip
    without_label(found, (f["label"] for _, f in matched if not classes[f["label"]]))
    if words := not_looked_at(found.ignored):
        log.warning("%s: not looked at: %s", root, words)
    return found


def _split(root: Path, name: str, fields: Mapping[str, str], splits: Mapping[str, str]) -> str:
    if "split" not in fields:
        return "train"
    split = split_word(fields["split"], splits)
    if split is None:
        word = fields["split"]
        raise ValueError(
            f"{root}: split {word!r} of {name} is none of train, validation, test; give splits='{word}=test'"
        )
    return split


def _of_classes(root: Path, pattern: Pattern | None, labels: Labels) -> Listed:
    """Return the images of class folders, with the person that the pattern finds in their names."""
    layout = read_layout(root)
    found = Listed(root.name, layout.root, faults=list(layout.faults), ignored=layout.ignored)
    classes = labels.classes([one.label for one in layout.listed])
    for one in layout.listed:
        if not (label := classes[one.label]):
            continue
        fields = pattern.match(one.name) if pattern else {}
        if pattern and fields is None:
            found.faults.append(Fault(str(layout.root / one.name), f"not named as {pattern.text!r} says"))
        else:
            who = (fields or {}).get("subject", "")
            found.entries.append(Entry(one.name, label, one.split, who, where=one.name))
    if pattern and not found.entries:
        first = layout.listed[0].name
        raise ValueError(f"{root}: no image is named as {pattern.text!r} says; one is {first}")
    without_label(found, (one.label for one in layout.listed if not classes[one.label]))
    return found


def _name_subjects(found: Listed, expression: str) -> None:
    """Give each entry the person that a regular expression finds in its file's name."""
    try:
        regex = re.compile(expression)
    except re.error as error:
        at = "" if error.pos is None else f": see its character {error.pos + 1}"
        raise ValueError(
            f"subject={expression!r} is no regular expression{at}; an example is 'S\\d+'"
        ) from None
    named = [(entry, who) for entry, who in _searched(found, regex) if who]
    if not named:
        first = found.entries[0].file
        raise ValueError(f"{found.root}: subject={expression!r} is in no file's name; one is {first}")
    with_subject = {entry.file for entry, _ in named}
    found.faults += [Fault(str(found.root / e.file), f"its name has no subject as {expression!r}")
                     for e in found.entries if e.file not in with_subject]  # fmt: skip
    found.entries = [Entry(e.file, e.label, e.split, who, where=e.where) for e, who in named]


def _searched(found: Listed, regex: re.Pattern[str]) -> Iterator[tuple[Entry, str]]:
    for entry in found.entries:
        match = regex.search(entry.file.rpartition("/")[2])
        yield entry, (match[1] if match and regex.groups else match[0] if match else "") or ""
