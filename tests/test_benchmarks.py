"""Scripts in benchmarks/: what they import of the packages is there."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

from tests.helpers.rooms import ROOT

SCRIPTS = sorted((ROOT / "benchmarks").glob("*.py"))
OURS = ("featurize", "classifiers", "pipelines", "mueca")


def missing(path: Path) -> list[str]:
    """Return what a script imports that no module has; scripts import each other by their names alone."""
    beside = {script.stem for script in SCRIPTS}
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        first = node.module.split(".")[0]
        if first == "benchmarks":
            found.append(node.module)
        elif first in OURS and first not in beside:
            found += [
                f"{node.module}.{one.name}" for one in node.names if not is_there(node.module, one.name)
            ]
    return found


def is_there(module: str, name: str) -> bool:
    """Say whether a module has a name, or is a package with a module of that name."""
    found = importlib.import_module(module)
    inner = hasattr(found, "__path__") and importlib.util.find_spec(f"{module}.{name}")
    return hasattr(found, name) or bool(inner)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_script_imports_is_there(path):
    assert missing(path) == []


def test_what_is_not_there_is_seen(tmp_path):
    (tmp_path / "x.py").write_text("from pipelines.api import fit, nothing\nfrom benchmarks.x import y\n")
    assert missing(tmp_path / "x.py") == ["pipelines.api.nothing", "benchmarks.x"]
