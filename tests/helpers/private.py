"""Private names of the package that tests reach for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.helpers.pages import ROOT

OURS = ("featurize", "classifiers", "pipelines", "cli", "mueca")
_PATH = re.compile(rf"(?:{'|'.join(OURS)})(?:\.\w+)*\.(_[a-z]\w*)")


def private_names() -> set[str]:
    """Return each private name that a test imports, replaces or reads, but for those that tests define."""
    trees = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "tests").rglob("*.py")]
    return {name for tree in trees for name in reached(tree)} - set().union(*map(defined, trees))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def defined(tree: ast.AST) -> set[str]:
    """Return what a file defines: functions, classes, names, and attributes of its own objects."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
    return found


def reached(tree: ast.AST) -> Iterator[str]:
    """Yield each private name of the package that a file imports, reads or replaces."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OURS:
            yield from (
                alias.name
                for alias in node.names
                if _is_private(alias.name) and not _is_module(f"{node.module}.{alias.name}")
            )
        elif isinstance(node, ast.Attribute) and _is_private(node.attr) and not _is_of_os(node):
            yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("setattr", "delattr"):
            yield from _replaced(node)


def _is_of_os(node: ast.Attribute) -> bool:
    """Return whether a name is that of a module of Python's, as ``os._exit`` is documented to be."""
    return isinstance(node.value, ast.Name) and node.value.id == "os"


def _replaced(call: ast.Call) -> Iterator[str]:
    """Return the private name that ``monkeypatch.setattr`` is given, as a path or after its object."""
    for argument in call.args[:2]:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            if found := _PATH.fullmatch(argument.value):
                yield found[1]
            elif _is_private(argument.value):
                yield argument.value


def _is_module(path: str) -> bool:
    return (ROOT / f"{path.replace('.', '/')}.py").is_file()
