"""Old or new, never neither, never half: every write path under every fault at every step, and kills."""

from __future__ import annotations

import errno
import os
import random
import signal
import warnings
from pathlib import Path

import pytest

from featurize import atomic, leftovers
from pipelines.utils.console import format_error
from tests.faults.shim import FAULTS, Shim, shimmed
from tests.faults.writes import WRITES, Write

pytestmark = pytest.mark.faults
#: More steps than any write has.
MOST = 400


@pytest.fixture(params=[True, False], ids=["exchange", "set aside"])
def exchanges(request, monkeypatch):
    """Let folders be exchanged, or set aside as where the system cannot."""
    if not request.param:
        monkeypatch.setattr(atomic, "exchange", lambda *_: False)
    return request.param


def fresh(tmp_path: Path, write: Write, number: int, older: bool) -> Path:
    """Return a folder with what was written before, if anything was."""
    folder = tmp_path / f"{number}"
    folder.mkdir()
    if older:
        write.write(folder, "old")
    return folder


def check(folder: Path, write: Write, older: bool) -> None:
    """Assert that what is there is old or new, and that the next run makes it new and leaves nothing else."""
    leftovers.SWEPT.clear()
    found = write.read(folder)
    assert found in (("old", "new") if older and write.read is not None else (None, "old", "new")), found
    write.write(folder, "new")
    assert write.read(folder) == "new"
    assert {path.name for path in folder.iterdir()} <= write.names
    hidden = [path for path in folder.rglob(".*") if path.name != ".nfs"]
    assert not hidden


def olders(write: Write, tmp_path: Path) -> bool:
    """Say whether a path has an older state: the cache has none."""
    probe = tmp_path / "probe"
    probe.mkdir()
    write.write(probe, "old")
    return write.read(probe) == "old"


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_at_every_step(name, fault, tmp_path, exchanges):
    write = WRITES[name]
    if not exchanges and name not in ("folder", "cache"):
        pytest.skip("writes no folder")
    if name == "chart" and fault != "ENOSPC":
        pytest.skip("drawing takes long, and writes as the others do")
    older, number = olders(write, tmp_path), FAULTS[fault]
    for at in range(MOST):
        folder = fresh(tmp_path, write, at, older)
        shim = Shim(folder, at, number)
        try:
            with shimmed(shim):
                write.write(folder, "new")
        except OSError as error:
            line = format_error(error)
            assert "\n" not in line and "Errno" not in line, line
            assert str(folder) in line or error.errno is None, (shim.steps[-1], line)
        check(folder, write, older)
        if at >= len(shim.steps):
            break
    assert 1 < at < MOST - 1


def killed(folder: Path, write: Write, at: int) -> bool:
    """Write in a process that is killed at a step; return whether it came so far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        try:
            with shimmed(Shim(folder, at, None)):
                write.write(folder, "new")
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize("name", WRITES)
def test_a_kill_at_every_step(name, tmp_path, exchanges):
    write = WRITES[name]
    if not exchanges and name not in ("folder", "cache"):
        pytest.skip("writes no folder")
    older = olders(write, tmp_path)
    for at in range(MOST):
        folder = fresh(tmp_path, write, at, older)
        came = killed(folder, write, at)
        if not exchanges:
            atomic.put_back(folder / "model")  # the next start: what was set aside comes back first
        check(folder, write, older)
        if not came:
            break
    assert 1 < at < MOST - 1


def test_sixty_kills_at_random(tmp_path):
    """0 lost, 0 left over after the next run."""
    rng, done = random.Random(21), 0
    names = sorted(WRITES)
    while done < 60:
        name, at = rng.choice(names), rng.randrange(12)
        older = name != "cache"
        folder = fresh(tmp_path, WRITES[name], done * 1000 + rng.randrange(1000), older)
        done += killed(folder, WRITES[name], at)
        check(folder, WRITES[name], older)
    assert done == 60


def test_the_layer_itself_fails_what_it_should(tmp_path):
    write = WRITES["bytes"]
    with shimmed(Shim(tmp_path)) as shim:
        write.write(tmp_path, "new")
    assert {"open", "write", "fsync", "replace"} <= set(shim.steps)
    at = shim.steps.index("open")
    with pytest.raises(OSError) as caught, shimmed(Shim(tmp_path, at)):
        write.write(tmp_path, "old")
    assert caught.value.errno == errno.ENOSPC
