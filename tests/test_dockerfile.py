"""The container's steps, as far as they run without Docker: what it copies, runs and checks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import pytest

from tests.helpers.pages import ROOT
from tests.helpers.reader import free_port

TOKEN = "a-token-of-the-container"


@pytest.fixture(scope="module")
def steps():
    """Return (instruction, rest) of the Dockerfile, lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


def last(steps, name):
    """Return the rest of the last instruction of a name."""
    return [rest for found, rest in steps if found == name][-1]


def test_nobody_is_root_and_only_the_web_extra_is_installed(steps):
    assert int(last(steps, "USER")) > 0
    install = next(rest for name, rest in steps if name == "RUN" and "pip install" in rest)
    assert "[web]" in install
    assert not re.search(r"\[(all|train|dlib)", install)


def test_what_is_not_copied_builds_no_wheel():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    for needed in ("configs", "featurize", "mueca", "pipelines", "README.md", "LICENSE", "pyproject.toml"):
        assert needed not in ignored


def test_its_command_and_its_health_check_run_without_a_home(steps, tmp_path):
    """The entry point as it stands, on another port, with one writable folder."""
    port = str(free_port())
    command = [word.replace("8000", port) for word in json.loads(last(steps, "ENTRYPOINT"))]
    check = [
        word.replace("8000", port) for word in json.loads(last(steps, "HEALTHCHECK").partition("CMD ")[2])
    ]
    settings = dict(pair.split("=", 1) for pair in last(steps, "ENV").split())
    assert settings["MUECA_CACHE"].startswith("/tmp/")
    env = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MUECA_TOKEN": TOKEN, "HOME": "/nonexistent",
        **settings, "MUECA_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path),
    }  # fmt: skip
    program = [sys.executable, "-m", "cli", *command[1:]]
    out = (tmp_path / "out.txt").open("wb")
    server = subprocess.Popen(program, cwd=tmp_path, env=env, stdout=out, stderr=out)
    try:
        for _ in range(240):
            health = subprocess.run([sys.executable, *check[1:]], capture_output=True, check=False)
            if health.returncode == 0 or server.poll() is not None:
                break
            time.sleep(0.5)
        assert health.returncode == 0, (tmp_path / "out.txt").read_text()[-500:]
    finally:
        server.terminate()
        server.wait(20)
        out.close()
    assert subprocess.run([sys.executable, *check[1:]], capture_output=True, check=False).returncode != 0
