"""Files and names of the code that pages point to."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from tests.helpers.pages import ROOT, spans, text_of

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_FILE = re.compile(
    r"(?:configs|docs|benchmarks|tests|pipelines|classifiers|featurize)/[\w./*-]+\.(?:yaml|txt|md|py|csv)"
)
_NAME = re.compile(r"(?:pipelines|classifiers|featurize)(?:\.\w+)+")


def missing_files(page: str) -> set[str]:
    """Return links to files, and files of the checkout named between backticks, that are not there."""
    links = {link for link in _LINK.findall(text_of(page)) if "://" not in link}
    missing = {link for link in links if not ((ROOT / page).parent / link).exists()}
    named = {name for step in spans(page) for name in _FILE.findall(step.text)}
    return missing | {name for name in named if not list(ROOT.glob(name))}


def missing_names(page: str) -> set[str]:
    """Return dotted names of the packages between backticks that nothing has."""
    named = {found for step in spans(page) for found in _NAME.findall(step.text) if not found.endswith(".py")}
    return {name for name in named if not _exists(name.split("."))}


def _exists(parts: list[str]) -> bool:
    for end in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for name in parts[end:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False
