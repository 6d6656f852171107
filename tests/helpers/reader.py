"""A reader who types what a page shows, line after line, in one folder."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

import cli
from tests.helpers.pages import ROOT, Step
from tests.helpers.videofiles import moving_face

_QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
#: Seconds within which a server or a scheduler must answer.
_PATIENCE = 60


class Screen:
    """In the place of a window: Space is pressed at the second frame, q at the fourth."""

    def __init__(self) -> None:
        self.shown = 0

    def show(self, image: Any) -> list[str]:
        self.shown += 1
        return {2: ["save"], 4: ["end"]}.get(self.shown, [])

    def close(self) -> None:
        pass


class Capture:
    """In the place of a camera: one face, for ever."""

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def read(self) -> tuple[bool, Any]:
        time.sleep(0.01)
        return True, moving_face(1)[0][..., ::-1]

    def release(self) -> None:
        pass


class Reader:
    """Runs commands and Python blocks in this process.

    Parameters
    ----------
    folder : Path
        Where the reader is; the recipes of the checkout are copied there.
    patch : pytest.MonkeyPatch
    capsys : pytest.CaptureFixture
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.patch, self.capsys = folder, patch, capsys
        #: What the page calls something -> what it is called here: an address, a smaller set.
        self.instead: dict[str, str] = {}
        self.err = ""
        #: What each command and block has printed.
        self.printed: list[str] = []
        #: Pages that would have been opened in a browser.
        self.opened: list[str] = []
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._started: list[subprocess.Popen[bytes]] = []
        shutil.copytree(ROOT / "configs", folder / "configs")
        patch.chdir(folder)
        patch.setenv("MUECA_DATA", str(folder / "data"))
        patch.setattr("typer.launch", self.opened.append)
        patch.setattr("pipelines.prediction.live.TkScreen", Screen)
        patch.setattr("pipelines.media.camera.open_device", lambda number: Capture())
        # How charts look is tested elsewhere.
        patch.setattr("pipelines.utils.figures.PNG_DPI", 50)
        capsys.readouterr()

    @property
    def data(self) -> Path:
        """The folder of data sets."""
        return self.folder / "data"

    def type(self, text: str) -> str:
        """Run a command; return what it prints.

        Raises
        ------
        AssertionError
            If it ends with another exit code than 0.
        """
        words = [self._here(word) for word in shlex.split(text, comments=True)]
        if words[:2] == ["mueca", "serve"]:
            with serving() as port:
                return self._mueca(*words[1:], "--port", str(port))
        if words[0] == "mueca":
            return self._mueca(*words[1:])
        if words == ["./run", "demo"]:
            return self.type(command_of_run("demo"))
        if words[:2] == ["./run", "mueca"]:
            return self._mueca(*words[2:])
        if words[0] == "curl":
            return self._curl(words)
        if words[0] == "python":
            return self._other(sys.executable, *words[1:])
        raise AssertionError(f"nothing here runs {text}")

    def run_python(self, step: Step) -> None:
        """Run a Python block; one that is a file or a line of the checkout goes there."""
        if named := re.match(r"# ((?:featurize|classifiers)/\S+\.py)\n", step.text):
            self._add_file(named[1], step.text)
        elif re.fullmatch(r'\s*"\w+": "[\w.:]+",\s*', step.text):
            self._register(step.text)
        else:
            self._execute(step)

    def run_recipe(self, text: str) -> None:
        """Compare what a block of YAML says."""
        name = yaml.safe_load(text)["name"]
        (self.folder / f"{name}.yaml").write_text(text)
        self.type(f"mueca compare {name}.yaml")

    def call(self, names: str, code: str) -> None:
        """Run Python that stands in a sentence, after the lines that give it its names."""
        exec(compile(f"{names}\n{self._here(code)}", "a sentence", "exec"), {})
        self._keep_printed()

    def make_smaller(self, sets: dict[str, str], recipes: dict[str, dict[str, Any]]) -> None:
        """Have words and code name smaller sets, and change recipes."""
        self.instead |= sets
        for name, changes in recipes.items():
            content = yaml.safe_load((self.folder / name).read_text())
            (self.folder / name).write_text(yaml.safe_dump(content | changes))

    def start_dask(self, shown: list[str], port: int) -> None:
        """Start a scheduler and its workers as they are shown; they go on until the page is read."""
        for command in shown:
            extra = ["--port", str(port), "--no-dashboard"] if "scheduler" in command else ["--no-dashboard"]
            words = [sys.executable, "-m", *shlex.split(self._here(command)), *extra]
            self._started.append(subprocess.Popen(words, env=_environment(), cwd=self.folder, **_QUIET))
            if "scheduler" in command:
                _wait_for(port)

    def leave(self) -> None:
        """End what was started; it must be running still."""
        ended = [program.args for program in self._started if program.poll() is not None]
        for program in reversed(self._started):
            program.terminate()
            program.wait(20)
        assert not ended

    def _mueca(self, *words: str) -> str:
        self.patch.setattr(sys, "argv", ["mueca", *words])
        before = len(self.opened)
        with pytest.raises(SystemExit) as left:
            cli.main(list(words))
        out = self._keep_printed()
        assert not left.value.code, f"mueca {shlex.join(words)}: {left.value.code}\n{self.err}"
        assert len(self.opened) - before == ("--open" in words)
        return out

    def _other(self, *words: str) -> str:
        done = subprocess.run(words, capture_output=True, text=True, cwd=self.folder, env=_environment())
        assert not done.returncode, f"{shlex.join(words)}: {done.stderr}"
        self.printed.append(done.stdout)
        return done.stdout

    def _curl(self, words: list[str]) -> str:
        answers: list[str] = []
        with serving(lambda port: answers.append(self._other(*_on_port(words, port)))) as port:
            self._mueca("serve", "--port", str(port))
        return answers[0]

    def _execute(self, step: Step) -> None:
        code = self._here(step.text)
        if "port=8000" in code:
            with serving() as port:
                self._python(step, code.replace("port=8000", f"port={port}"))
        elif "127.0.0.1:8000" in code:
            with serving(partial(self._client, step, code)) as port:
                self._mueca("serve", "--port", str(port))
        else:
            self._python(step, code)
        assert self.printed[-1] or "print(" not in code, f"{step.page}:{step.line} prints nothing"

    def _client(self, step: Step, code: str, port: int) -> None:
        """Run a block that asks a server; what it prints is kept with what the server does."""
        here = code.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        exec(compile(here, f"{step.page}:{step.line}", "exec"), self._names)

    def _python(self, step: Step, code: str) -> None:
        exec(compile(code, f"{step.page}:{step.line}", "exec"), self._names)
        self._keep_printed()

    def _keep_printed(self) -> str:
        out, self.err = self.capsys.readouterr()
        self.printed.append(out)
        return out

    def _here(self, text: str) -> str:
        for shown, here in self.instead.items():
            text = text.replace(shown, here)
        return text

    def _add_file(self, name: str, code: str) -> None:
        import importlib

        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
        package = importlib.import_module(".".join(Path(name).parent.parts))
        self.patch.setattr(package, "__path__", [*package.__path__, str(path.parent)])

    def _register(self, line: str) -> None:
        from classifiers.registry import HEADS
        from featurize.registry import EXTRACTORS

        ((name, where),) = ast.literal_eval("{" + line + "}").items()
        self.patch.setitem(EXTRACTORS if where.startswith("featurize") else HEADS, name, where)


def command_of_run(name: str) -> str:
    """Return the command behind ``./run NAME``."""
    (found,) = re.findall(rf"^{name}\(\) {{\n    (mueca .+)\n}}", (ROOT / "run").read_text(), re.MULTILINE)
    return found


def _wait_for(port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class serving:  # noqa: N801 - reads as what it does
    """While its block runs a server in the main thread: wait until it answers, then press Ctrl-C.

    Parameters
    ----------
    meanwhile : callable, optional
        Called with the port once the server answers.
    """

    def __init__(self, meanwhile: Callable[[int], Any] = lambda port: None) -> None:
        self.port, self._meanwhile, self._error = free_port(), meanwhile, ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        return self.port

    def __exit__(self, kind: object, *_: object) -> None:
        self._over.set()
        self._thread.join(_PATIENCE)
        assert kind or not self._error, self._error  # an error of the block itself says more

    def _watch(self) -> None:
        try:
            if self._answers():
                self._meanwhile(self.port)
        except BaseException as error:
            self._error = f"{type(error).__name__}: {error}"
        if not self._over.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    def _answers(self) -> bool:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and not self._over.is_set():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                    assert answer.read() == b'{"status":"ok"}'
                    return True
            except OSError:
                time.sleep(0.05)
        self._error = "the server did not answer"
        return False


def _on_port(words: list[str], port: int) -> list[str]:
    return [word.replace(":8000", f":{port}") for word in words]


def _environment() -> dict[str, str]:
    """Return the environment in which another process runs this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}
