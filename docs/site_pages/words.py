"""How README and docs are written: the length of their sentences, and words that the field has others for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

#: Words a sentence has at most; 1 in 20 may have more.
LONGEST = 30
#: Word or phrase -> what the field says.
INSTEAD: dict[str, str] = {
    r"looks at (?:a|each|the) face": "test-time augmentation",
    r"by heart": "overfitted, memorised",
    r"drawn faces": "synthetic faces",
    r"pupils?": "student",
    r"marks of what it saw": "training provenance",
    r"picture|pictures": "image",
    r"flatter(?:s|ed)?": "optimistic",
    r"\d+ cells": "candidates, runs",
    r"answers? for (?:itself|all of them)": "predicts, is evaluated",
    r"(?:an?|the) machine for (?:a|each|every)": "an SVM",
    r"deals? of folds": "assignment to folds",
    r"who really wins": "paired significance tests",
    r"dear to fit": "expensive",
    r"what it says of a face": "prediction",
    r"judges? (?:a|the|each) face": "classify",
    r"--(?:views|tile|crowd|pictures|every|inner(?!-)|teacher-share|average|start(?!-))": "the new option",
    r"--(?:memory(?!-)|clip|cell|embedding|batch(?!-))": "the new option",
    r"mueca loso": "mueca cross-validate",
}
_BLOCK = re.compile(
    r"```.*?```|:::.*?:::|^(?: {4}|\t)[^\n]*$|^\|[^\n]*$|^#+ [^\n]*$|^!\[[^\n]*$", re.DOTALL | re.MULTILINE
)


def pages(root: Path) -> list[Path]:
    """Return README, CONTRIBUTING and the pages of docs, without the files of results."""
    return [root / "README.md", root / "CONTRIBUTING.md",
            *(p for p in sorted((root / "docs").rglob("*.md")) if p.parent.name != "results")]  # fmt: skip


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a page: no tables, blocks or headings; an entry of a list is one at least."""
    plain = _BLOCK.sub("", text)
    plain = re.sub(r"`[^`]*`", "code", re.sub(r"\]\([^)]*\)", "]", plain))
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", plain):
        for sentence in re.split(r"(?<=[.!?])\s+", " ".join(part.split())):
            if re.search(r"[a-z]", sentence):
                yield sentence


def length(sentence: str) -> int:
    """Return how many words a sentence has."""
    return len(re.findall(r"[^\W\d_][\w'-]*", sentence))


def wrong_words(text: str) -> list[str]:
    """Return the words of a text that the field has others for."""
    found = (re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE) for pattern in INSTEAD)
    return [hit[0] for hit in found if hit]
