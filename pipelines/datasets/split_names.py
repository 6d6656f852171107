"""The names of splits, one table for every reader of folders."""

from __future__ import annotations

import re

#: Name of a folder, in lower case -> split.
SPLITS = {
    "train": "train", "training": "train", "trn": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "validate": "validation",
    "dev": "validation", "devel": "validation", "development": "validation",
    "test": "test", "testing": "test", "tst": "test",
}  # fmt: skip
#: Names of splits that say what samples are for, and not which set they come from.
PARTS = frozenset({"train", "validation", "test", "public", "private", "left-out"})
_TAIL = re.compile(r"[ _-]?(set|split|data|images|imgs|faces)$")


def split_of(name: str) -> str | None:
    """Return which split a folder of this name is ("Train", "val_set", "test-images"); None if it is none.

    Returns
    -------
    {"train", "validation", "test"} or None
    """
    plain = name.strip().lower()
    return SPLITS.get(plain) or SPLITS.get(_TAIL.sub("", plain))
