"""The flat namespace: lazy, whole, and all that the pages' Python needs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module

import pytest

import mueca
from tests.helpers.pages import PAGES, ROOT


@pytest.mark.parametrize("name", mueca.__all__)
def test_every_public_name_is_there_and_documented(name):
    found = getattr(mueca, name)
    assert found is getattr(mueca, name)
    assert (found.__doc__ or "").strip()


def test_the_names_for_type_checkers_are_the_same():
    tree = ast.parse((ROOT / "mueca" / "__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    aliases = {
        node.targets[0].id: node.value.id for node in block.body if isinstance(node, ast.Assign)
    }  # a type checker takes a name for public only where it is imported under its own
    named = {
        alias.asname: getattr(import_module(node.module), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    named |= {public: named.pop(private) for public, private in aliases.items()}
    assert sorted(named) == mueca.__all__
    assert all(found is getattr(mueca, name) for name, found in named.items())


def test_importing_it_imports_nothing_else():
    heavy = ("numpy", "pipelines", "featurize", "classifiers", "sklearn", "tensorflow", "cv2", "dlib")
    script = f"import sys, mueca; print([m for m in sys.modules if m.split('.')[0] in {heavy!r}])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_is_not_there_gets_the_nearest():
    with pytest.raises(AttributeError, match="no attribute 'load_data'; did you mean 'load_dataset'"):
        mueca.load_data  # noqa: B018
    assert "fit" in dir(mueca)
    assert re.match(r"\d+\.\d+", mueca.__version__)


def test_a_name_of_the_version_before_works_and_names_the_new_one():
    with pytest.warns(DeprecationWarning, match="mueca.SharedGridSearch is now mueca.GridSearchCV"):
        assert mueca.SharedGridSearch is mueca.GridSearchCV
    assert "SharedGridSearch" not in dir(mueca)


def test_the_pages_import_from_mueca_alone():
    """But for pages on adding a file to the package."""
    for page in (page for page in PAGES if page not in ("docs/extending.md",)):
        blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
        inside = re.findall(
            r"^\s*(?:from|import) (?:pipelines|featurize|classifiers)\b.*$", "\n".join(blocks), re.M
        )
        assert not inside, page


def test_every_public_name_stands_in_the_docs():
    text = "\n".join((ROOT / page).read_text("utf-8") for page in PAGES)
    assert not [name for name in mueca.__all__ if not re.search(rf"\b{name}\b", text)]
