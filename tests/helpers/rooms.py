"""The rooms of the house and who imports whom, read from the code.

Run: python -m tests.helpers.rooms prints the image that stands in docs/architecture.md.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Scripts that are copied beside an export.
_COPIED = "templates"


@cache
def modules() -> dict[str, Path]:
    """Return the name of every module of the package -> its file."""
    files = [f for top in ("featurize", "classifiers", "pipelines") for f in (ROOT / top).rglob("*.py")]
    named = {f.relative_to(ROOT).with_suffix(""): f for f in [*files, ROOT / "cli.py"]}
    return {
        ".".join(name.parts).removesuffix(".__init__"): f
        for name, f in named.items()
        if _COPIED not in name.parts
    }


def room(module: str) -> str:
    """Return the room of a module: its folder below pipelines/, else its top-level package."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "pipelines" else parts[0]


@cache
def imports() -> Mapping[str, frozenset[str]]:
    """Return module -> modules it imports, inside functions too; but for those of type hints alone."""
    return {name: frozenset(_imported(file)) - {name} for name, file in modules().items()}


def _imported(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text("utf-8"))
    hints = {id(inner) for node in ast.walk(tree) if _is_for_hints(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in hints:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in modules() else node.module for name in full
                        if name in modules() or node.module in modules())  # fmt: skip


def _is_for_hints(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def rooms() -> Mapping[str, frozenset[str]]:
    """Return room -> rooms it imports from."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, others in imports().items():
        found[room(module)] |= {room(other) for other in others} - {room(module)}
    return {name: frozenset(others) for name, others in found.items()}


def floors() -> list[list[str]]:
    """Return the rooms floor by floor, the lowest first: each imports from floors below its own alone."""
    level: dict[str, int] = {}
    for name in TopologicalSorter(rooms()).static_order():
        level[name] = 1 + max((level[other] for other in rooms()[name]), default=0)
    return [sorted(n for n, at in level.items() if at == floor) for floor in sorted(set(level.values()))]


def picture() -> str:
    """Return the floors as text, the highest first; behind each room what it imports from."""
    lines = []
    for number, names in reversed(list(enumerate(floors(), 1))):
        for name in names:
            below = ", ".join(other.removeprefix("pipelines.") for other in sorted(rooms()[name])) or "-"
            lines.append(f"{number}  {name.removeprefix('pipelines.'):<17} {below}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(picture())
