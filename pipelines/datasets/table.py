"""A table as a data set: a row an image, with its label and where known its split, person, box and votes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from featurize.file_kinds import ending_of
from featurize.paths import expanded
from featurize.suggest import hint
from featurize.walk import Fault
from pipelines.datasets.base import Dataset
from pipelines.datasets.file_names import FileNames
from pipelines.datasets.label_words import Labels, label_key, mapping, split_word
from pipelines.datasets.listing import Entry, Listed, Reading, dataset_of, without_label
from pipelines.datasets.micro_expressions.clip_folders import alike
from pipelines.datasets.table_cells import box_of, check_address, in_doubt, is_missing, number_of
from pipelines.utils.cells import clean, heading_key, problem_of
from pipelines.utils.read_table import (
    ENDINGS,
    OTHER_ENDINGS,
    RECORD_ENDINGS,
    Columns,
    MissingColumnsError,
    Table,
    read_table,
)

log = logging.getLogger(__name__)

#: Endings of files that are taken for tables.
TABLES = (*ENDINGS, *RECORD_ENDINGS, *OTHER_ENDINGS)
#: What we need -> how tables call it, lower case, letters and digits only. The first that is found wins.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "file": ("file", "filename", "path", "filepath", "image", "imagefile", "imagename", "imagepath", "img",
             "imgname", "imgpath", "picture", "photo"),
    "label": ("label", "emotion", "expression", "class", "classname", "emotionlabel", "expressionlabel",
              "target"),
    "split": ("split", "usage", "set", "subset", "partition"),
    "subject": ("subject", "subjectid", "sub", "person", "personid", "identity", "participant",
                "participantid"),
    "left": ("left", "x1", "xmin", "x", "boxleft", "bboxleft", "facex"),
    "top": ("top", "y1", "ymin", "y", "boxtop", "bboxtop", "facey"),
    "width": ("width", "w", "boxwidth", "bboxwidth", "facewidth"),
    "height": ("height", "h", "boxheight", "bboxheight", "faceheight"),
    "right": ("right", "x2", "xmax", "boxright", "bboxright"),
    "bottom": ("bottom", "y2", "ymax", "boxbottom", "bboxbottom"),
}  # fmt: skip
#: What `columns` may name.
NAMES = (*SPELLINGS, "votes")
_VOTES = "votes"
#: Headings of vote columns: ``votes.happy``, ``vote_happy``.
_FAMILIES = ("votes", "vote")
#: The subject of images of which nobody is named, where others have a name.
NOBODY = "unknown"


def is_table(path: Path) -> bool:
    """Return whether a file is taken for a table, by its name."""
    return ending_of(path.name) in TABLES


def load(
    path: Path | str,
    *,
    columns: str | Mapping[str, Any] | None = None,
    labels: str | Mapping[str, str] | None = None,
    splits: str | Mapping[str, str] | None = None,
    root: Path | str | None = None,
    allow_leaks: bool = False,
    how: Reading | None = None,
) -> Dataset:
    """Load a table of images.

    Parameters
    ----------
    path : Path or str
        .csv, .tsv, .xlsx, .parquet or .jsonl; delimiter, encoding, worksheet and header are found, see
        `pipelines.utils.read_table`.
    columns : str or mapping, optional
        What the columns are called, where it is none of `SPELLINGS`: ``label=emotion,file=image``. Columns of
        votes, one a class: ``votes=happy|sad|neutral``; without that, those called ``votes.CLASS``.
    labels : str or mapping, optional
        Label -> class: ``1=surprise,2=fear``. A label with no class (``8=``) is left out.
    splits : str or mapping, optional
        Word -> split, where the table's words are not the usual ones.
    root : Path or str, optional
        The folder that files are named below; by default that of the table.
    allow_leaks : bool
        One person may be in two splits; figures are then marked.
    how : Reading, optional
        The rest of how it is read.

    Returns
    -------
    Dataset
        `groups` where rows name persons; those that name none are one person, `NOBODY`. `votes` where there
        are votes. Without a column of labels the label is the class with most votes. Without a column of
        splits all is "train".

    Raises
    ------
    ValueError, OSError
        One line that names the file and what is wrong with it.
    """
    path = expanded(path)
    base = path.parent if root is None else expanded(root)
    if not base.is_dir():
        raise FileNotFoundError(f"{base}: no such folder; --root is where the files of {path.name} are")
    how = replace(how or Reading(), memory_of=path.resolve(), allow_leaks=allow_leaks)
    named = column_names(columns)
    table = labelled(lambda columns: read_table(path, columns), named)
    found = entries_of(table, Listed(path.stem, base), named, labels, splits, str(path))
    return dataset_of(found, how)


def column_names(given: str | Mapping[str, Any] | None) -> dict[str, tuple[str, ...]]:
    """Read ``label=emotion,votes=happy|sad``, or take a mapping.

    Returns
    -------
    dict
        Name -> what its column is called; of "votes" all of them.

    Raises
    ------
    ValueError
        If a name is none of `NAMES`.
    """
    items = mapping(given, "columns") if isinstance(given, str) else dict(given or {})
    found: dict[str, tuple[str, ...]] = {}
    for name, heading in items.items():
        if name not in NAMES:
            raise ValueError(f"columns: unknown name {name!r}; {hint(name, NAMES)}")
        several = heading.split("|") if isinstance(heading, str) else list(heading)
        found[name] = tuple(clean(str(one)) for one in several if clean(str(one)))
        if not found[name] or (len(found[name]) > 1 and name != _VOTES):
            raise ValueError(f"columns: {name}={heading!r}; give one heading, such as {name}={name.upper()}")
    return found


def wanted(named: Mapping[str, tuple[str, ...]], needed: tuple[str, ...]) -> Columns:
    """Return the columns to look for."""
    spelt = dict(SPELLINGS)
    for name, headings in named.items():
        if name == _VOTES:
            spelt |= {f"{_VOTES}.{heading}": (heading_key(heading),) for heading in headings}
            needed = (*needed, *(f"{_VOTES}.{heading}" for heading in headings))
        else:
            spelt[name] = (heading_key(headings[0]),)
            needed = (*needed, name)
    return Columns(spelt, tuple(dict.fromkeys(needed)), () if _VOTES in named else _FAMILIES)


def labelled(read: Callable[[Columns], Table], named: Mapping[str, tuple[str, ...]]) -> Table:
    """Return a table that has files and labels, or files and votes.

    Parameters
    ----------
    read : callable
        Reads the table by columns.
    named : dict
        See `column_names`.

    Raises
    ------
    ValueError
        As `read` does; of a table with neither labels nor votes, that labels are missing.
    """
    if _VOTES in named:
        return read(wanted(named, ("file",)))
    try:
        return read(wanted(named, ("file", "label")))
    except ValueError as error:
        if "no column for label" not in str(error) or "label" in named:
            raise
        table = read(wanted(named, ("file",)))
        if not any(_is_vote(name) for _, row in table.rows[:1] for name in row):
            raise
        return table


def _is_vote(name: str) -> bool:
    return name.partition(".")[0] in _FAMILIES and "." in name


def entries_of(
    table: Table,
    found: Listed,
    named: Mapping[str, tuple[str, ...]],
    labels: str | Mapping[str, str] | None,
    splits: str | Mapping[str, str] | None,
    where: str,
) -> Listed:
    """Return what the rows of a table list.

    Parameters
    ----------
    table : Table
        Read by the columns `wanted` gives.
    found : Listed
        Which is filled.
    named : dict
        See `column_names`.
    labels, splits
        See `load`.
    where : str
        What the table is called, for messages.

    Raises
    ------
    ValueError
        One line that begins with `where`.
    """
    if not table.rows:
        raise ValueError(f"{where}: no rows below its header")
    try:
        _Rows(table, found, Labels(labels), mapping(splits, "splits"), where).fill()
    except MissingColumnsError:
        raise
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(where) else f"{where}: {text}") from None
    return found


class _Rows:
    """Makes entries of rows."""

    def __init__(
        self, table: Table, found: Listed, labels: Labels, splits: Mapping[str, str], where: str
    ) -> None:
        self.rows, self.found, self.labels, self.splits, self.where = (
            table.rows, found, labels, splits, where)  # fmt: skip
        self.files = FileNames(found.root)
        self.people: dict[str, str] = {}
        self.split_of: dict[str, str] = {}
        self.vote_columns = [name for name in table.rows[0][1] if _is_vote(name)]
        self.voted = [name.partition(".")[2] for name in self.vote_columns]

    def fill(self) -> None:
        """Fill the list; rows that cannot be used are faults."""
        good = [(line, row) for line, row in self.rows if self._usable(line, row)]
        if self.vote_columns:
            self.found.classes = self._vote_classes()
        written = [str(row["label"]) for _, row in good if not is_missing(str(row.get("label", "")))]
        classes = self.labels.classes(written)
        self._check_splits([row for _, row in good])
        left_out = []
        for line, row in good:
            label = (
                "" if is_missing(str(row.get("label", ""))) else classes.get(str(row.get("label", "")), "")
            )
            if not label and not is_missing(str(row.get("label", ""))):
                left_out.append(str(row["label"]))
            else:
                self._take(line, row, label)
        without_label(self.found, left_out)
        self._count_nobodies()
        self._count_strangers()

    def _usable(self, line: int, row: Mapping[str, str]) -> bool:
        spoilt = {name: problem_of(row.get(name, "")) for name in ("file", "label", "split", "subject")}
        why = next((f"{name}: {w}" for name, w in spoilt.items() if w and not in_doubt(name, row[name])), "")
        if is_missing(row["file"]):
            why = why or "the row names no file"
        elif "label" in row and is_missing(row["label"]) and not self.vote_columns:
            why = why or "the row names no label"
        elif "split" in row and is_missing(row["split"]):
            why = why or "the row names no split"
        if why:
            self._fault(line, row, why)
        return not why

    def _fault(self, line: int, row: Mapping[str, str], why: str) -> None:
        name = f" ({row['file']})" if row.get("file") else ""
        self.found.faults.append(Fault(f"{self.where}, row {line}{name}", why))

    def _take(self, line: int, row: Mapping[str, str], label: str) -> None:
        try:
            check_address(row["file"])
            votes = self._votes(row)
            entry = Entry(
                self.files.find(row["file"]),
                label or self.found.classes[int(np.argmax(votes or (0,)))],
                self.split_of[row["split"]] if "split" in row else "train",
                self._person(str(row.get("subject", ""))),
                box_of(row),
                votes,
                f"row {line}",
            )
            if votes is not None and entry.label not in self.found.classes:
                raise ValueError(f"label {entry.label!r} is none of the columns of votes")
        except ValueError as error:
            self._fault(line, row, str(error))
            return
        self.found.entries.append(entry)

    def _person(self, subject: str) -> str:
        """Return one name for a person that is written in several ways: 007, 7."""
        if is_missing(subject):
            return ""
        known = self.people.setdefault(alike(subject), subject)
        if known != subject:
            log.info("%s: the subjects %s and %s are taken for one person", self.where, known, subject)
        return known

    def _vote_classes(self) -> tuple[str, ...]:
        classes = self.labels.classes(self.voted) if self.labels.map else {name: name for name in self.voted}
        return tuple(dict.fromkeys(name for name in classes.values() if name))

    def _votes(self, row: Mapping[str, str]) -> tuple[float, ...] | None:
        """Return the votes for each class; several columns may be mapped to one class."""
        if not self.vote_columns:
            return None
        of = {name: self.labels.map.get(label_key(name), "") if self.labels.map else name
              for name in self.voted}  # fmt: skip
        sums = dict.fromkeys(self.found.classes, 0.0)
        for column, name in zip(self.vote_columns, self.voted, strict=True):
            if of[name]:
                sums[of[name]] += number_of(row[column] or "0", f"votes for {name}")
        if not sum(sums.values()) > 0:
            raise ValueError("the votes sum to nothing")
        return tuple(sums.values())

    def _check_splits(self, rows: Iterable[Mapping[str, str]]) -> None:
        words = Counter(row["split"] for row in rows if "split" in row)
        self.split_of = {word: split_word(word, self.splits) or "" for word in words}
        unknown = {word: n for word, n in words.items() if not self.split_of[word]}
        if unknown:
            shown = ", ".join(f"{word!r} ({n:,} rows)" for word, n in list(unknown.items())[:5])
            first = next(iter(unknown))
            raise ValueError(f"split {shown} is none of train, validation, test; give splits='{first}=test'")

    def _count_nobodies(self) -> None:
        """Take all images of nobody for one person, where others have a name: none is on two sides then."""
        nobody = [entry for entry in self.found.entries if not entry.subject]
        if not nobody or len(nobody) == len(self.found.entries):
            return
        words = f"{len(nobody):,} rows name no subject; they stay together, as one person called {NOBODY}"
        log.warning("%s: %s", self.where, words)
        self.found.notes.append(words)
        self.found.entries = [replace(e, subject=e.subject or NOBODY) for e in self.found.entries]

    def _count_strangers(self) -> None:
        """Count images that lie where the listed ones do and are not listed."""
        listed = {name for _, row in self.rows if row["file"] for name in self._meant(row["file"])}
        strangers = [name for name in self.files.images() if name not in listed]
        if strangers:
            self.found.ignored["images without a row"] += len(strangers)
            log.warning("%s: %d images beside those it lists have no row; the first is %s",
                        self.where, len(strangers), strangers[0])  # fmt: skip

    def _meant(self, file: str) -> tuple[str, ...]:
        try:
            return (self.files.find(file),)
        except ValueError:
            return ()
