"""The hints that ship, as mypy sees them in a project that has mueca installed."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.helpers.pages import ROOT

PROJECT = ROOT / "tests" / "typing_project"


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Return what mypy, strict, says of the project."""
    folder = tmp_path_factory.mktemp("typing")
    config = folder / "mypy.ini"
    config.write_text(
        f"[mypy]\nstrict = True\nmypy_path = {ROOT}\nfollow_imports = silent\n"
        "[mypy-sklearn.*]\nignore_missing_imports = True\n"
    )
    cache = ROOT / ".mypy_cache" / "typing"  # NumPy's hints alone take mypy ten seconds
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), "--cache-dir", str(cache)]
    done = subprocess.run(
        [*command, PROJECT / "app.py", PROJECT / "wrong.py"], cwd=folder, capture_output=True, text=True
    )
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_a_program_without_mistakes_passes(said):
    assert [line for line in said if "app.py" in line] == []


def test_every_mistake_is_found(said):
    source = (PROJECT / "wrong.py").read_text("utf-8").splitlines()
    wanted = {n: line.split("# ")[1] for n, line in enumerate(source, 1) if "  # " in line}
    found = {
        int(m[1]): m[2] for line in said if (m := re.search(r"wrong\.py:(\d+): error: .*\[([\w-]+)\]", line))
    }
    assert found == wanted
