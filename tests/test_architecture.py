"""The order of the rooms: imports go down, in no circle."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.helpers.rooms import ROOT, imports, modules, picture, room, rooms

#: Every room, the lowest first. A room imports from those before it, and from no other.
ORDER = (
    "featurize", "classifiers", "pipelines", "pipelines.metrics", "pipelines.media", "pipelines.utils",
    "pipelines.recipe", "pipelines.datasets", "pipelines.results", "pipelines.embedding",
    "pipelines.diagnostics", "pipelines.training", "pipelines.cross_validation", "pipelines.evaluation",
    "pipelines.models", "pipelines.api", "pipelines.notebook", "pipelines.prediction",
    "pipelines.reporting", "pipelines.web", "pipelines.exporting", "pipelines.commands", "cli",
)  # fmt: skip


def test_every_room_has_its_place():
    assert set(rooms()) == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_no_arrow_goes_up(name):
    above = rooms()[name] - set(ORDER[: ORDER.index(name)])
    mine = {module: others for module, others in imports().items() if room(module) == name}
    assert not [(m, n) for m, others in mine.items() for n in others if room(n) in above]


def test_features_and_classifiers_know_nothing_of_each_other():
    assert not rooms()["featurize"]
    assert not rooms()["classifiers"]


def test_no_circle_of_modules():
    try:
        list(TopologicalSorter(imports()).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_corridor_is_empty():
    assert {f.name for f in (ROOT / "pipelines").glob("*.py")} == {"__init__.py", "api.py", "recipe.py"}


def test_a_circle_would_be_seen():
    with pytest.raises(CycleError):
        list(TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())
    assert len(modules()) > 200
    assert room("pipelines.datasets.fer2013.source") == "pipelines.datasets"


def test_the_page_shows_the_house_as_it_is():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    (shown,) = re.findall(r"```text\n(.*?)\n```", page, re.DOTALL)
    assert shown == picture(), "python -m tests.helpers.rooms prints it anew"


#: Lines of a file; lines of a function without its docstring.
LONGEST_FILE, LONGEST_FUNCTION = 400, 40


def is_compiled(function):
    return any("jit" in ast.unparse(decorator) for decorator in function.decorator_list)


def length(function):
    """Return a function's lines without its docstring; a command's without its options, too."""
    text = ast.get_docstring(function, clean=False)
    first = function.body[0].lineno if is_command(function) else function.lineno
    return function.end_lineno - first + 1 - (len(text.splitlines()) if text else 0)


def is_command(function):
    return any(".command(" in ast.unparse(decorator) for decorator in function.decorator_list)


def functions(program):
    found = (node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.FunctionDef))
    return {f.name: length(f) for f in found if not is_compiled(f)}


def test_every_file_is_read_in_a_sitting():
    programs = {name: file.read_text("utf-8") for name, file in modules().items()}
    assert not {n for n, text in programs.items() if len(text.splitlines()) > LONGEST_FILE}
    long = {
        f"{n}.{f}" for n, text in programs.items() for f, k in functions(text).items() if k > LONGEST_FUNCTION
    }
    assert not long


def test_a_long_function_would_be_seen():
    body = "    x = 1\n" * 40
    assert functions(f'def f():\n    """Two\n    lines."""\n{body}') == {"f": 41}
    assert functions(f"@app.command()\ndef f(\n    a: int,\n    b: int,\n):\n{body}") == {"f": 40}
    assert functions(f"@jit\ndef f():\n{body}") == {}
