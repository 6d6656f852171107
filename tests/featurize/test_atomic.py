"""What stood there stays, and nothing is left beside it, whichever step fails."""

from __future__ import annotations

import ast
import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from featurize import atomic, leftovers
from featurize.atomic import AtomicFile, atomic_folder, save_array, write_bytes, write_text
from featurize.exchange import exchange
from tests.helpers.rooms import ROOT

FULL = OSError(28, "No space left on device")


def failing(error: BaseException, after: int = 0):
    """Return a stand-in that raises at its call number `after`, and does nothing before."""
    calls = iter(range(1000))

    def fail(*_, **__):
        if next(calls) >= after:
            raise error

    return fail


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_file_with_its_folder(tmp_path):
    path = write_text(tmp_path / "a" / "b" / "card.json", "ñ\r\n")
    assert path.read_bytes() == b"\xc3\xb1\r\n"
    assert write_bytes(path, b"new").read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_file_is_hidden_beside_it_and_keeps_the_ending(tmp_path):
    with AtomicFile(tmp_path / "x.npz") as temporary:
        assert (
            temporary.parent == tmp_path and temporary.name.startswith(".x.") and temporary.suffix == ".npz"
        )
        assert not temporary.exists()
        temporary.write_bytes(b"")
    first, second = AtomicFile(tmp_path / "x"), AtomicFile(tmp_path / "x")
    assert first.temporary != second.temporary


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, "a." + "b" * 253, ".hidden", "no-ending"])
def test_any_name_that_the_disk_takes(tmp_path, name):
    assert write_bytes(tmp_path / name, b"x").read_bytes() == b"x"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_the_rights_are_those_of_any_new_file(tmp_path):
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    path = write_bytes(tmp_path / "ours", b"")
    assert path.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("step", ["mkdir", "write_bytes", "fsync", "replace"])
def test_an_older_file_stays_whichever_step_fails(tmp_path, monkeypatch, step, error):
    path = write_bytes(tmp_path / "in" / "file.bin", b"old")
    where = atomic.os if step in ("fsync", "replace") else Path
    monkeypatch.setattr(where, step, failing(error))
    with pytest.raises(type(error)):
        write_bytes(path, b"new")
    monkeypatch.undo()
    assert content(tmp_path) == {"in/file.bin": b"old"}


def test_an_error_of_the_block_removes_what_it_wrote(tmp_path):
    path = write_bytes(tmp_path / "file.bin", b"old")
    with pytest.raises(ZeroDivisionError), AtomicFile(path) as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert content(tmp_path) == {"file.bin": b"old"}


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    path = write_bytes(tmp_path / "file.bin", b"old")
    with pytest.raises(FileNotFoundError), AtomicFile(path):
        pass
    assert content(tmp_path) == {"file.bin": b"old"}


def test_a_folder_in_the_way_of_a_file(tmp_path):
    (tmp_path / "file.bin").mkdir()
    with pytest.raises(IsADirectoryError):
        write_bytes(tmp_path / "file.bin", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def make(folder: Path, text: str, keep: str | None = None) -> None:
    with atomic_folder(folder, keep=keep) as temporary:
        (temporary / "sub").mkdir()
        (temporary / "card.json").write_text(text)
        (temporary / "sub" / f"{text}.bin").write_text(text)


def test_a_folder_replaces_an_older_one_as_a_whole(tmp_path):
    make(tmp_path / "in" / "model", "old")
    assert content(tmp_path) == {"in/model/card.json": b"old", "in/model/sub/old.bin": b"old"}
    make(tmp_path / "in" / "model", "new")
    assert content(tmp_path) == {"in/model/card.json": b"new", "in/model/sub/new.bin": b"new"}
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["model"]


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
@pytest.mark.parametrize("step, after", [("mkdir", 0), ("mkdir", 1), ("write_text", 0), ("write_text", 1),
                                         ("fsync", 0), ("fsync", 1), ("rename", 0)])  # fmt: skip
def test_an_older_folder_stays_whichever_step_fails(tmp_path, monkeypatch, step, after, error):
    monkeypatch.setattr(atomic, "exchange", lambda *_: False)
    make(tmp_path / "model", "old")
    before = content(tmp_path)
    where = atomic.os if step == "fsync" else Path
    real = getattr(where, step)
    fail = failing(error, after)

    def step_by_step(*args, **kwargs):
        fail()
        return real(*args, **kwargs)

    monkeypatch.setattr(where, step, step_by_step)
    with pytest.raises(type(error)):
        make(tmp_path / "model", "new")
    monkeypatch.undo()
    assert content(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
def test_an_older_folder_comes_back_if_the_new_one_cannot_take_its_place(tmp_path, monkeypatch, error):
    monkeypatch.setattr(atomic, "exchange", lambda *_: False)
    make(tmp_path / "model", "old")
    before, rename = content(tmp_path), Path.rename

    def refused(self, target):
        if ".tmp" in self.name:
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(type(error)):
        make(tmp_path / "model", "new")
    monkeypatch.undo()
    assert content(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
def test_an_older_folder_stays_if_it_cannot_be_exchanged(tmp_path, monkeypatch, error):
    make(tmp_path / "model", "old")
    before = content(tmp_path)
    monkeypatch.setattr(atomic, "exchange", failing(error))
    with pytest.raises(type(error)):
        make(tmp_path / "model", "new")
    assert content(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_two_names_are_exchanged_in_one_step(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("no such call on this file system")
    assert (tmp_path / "one" / "other").exists() and (tmp_path / "other" / "one").exists()
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "gone")


def test_no_folder_is_missing_while_others_replace_it(tmp_path):
    program = (
        "import sys; from pathlib import Path; from featurize.atomic import atomic_folder\n"
        "for i in range(60):\n with atomic_folder(Path(sys.argv[1])) as to:"
        " (to / 'a').write_text(sys.argv[2]); (to / 'b').write_text(sys.argv[2])"
    )
    make(tmp_path / "model", "old")
    if not exchange(tmp_path / "model", tmp_path / "model"):
        pytest.skip("no such call on this file system")
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "model"), x], cwd=ROOT) for x in "12"
    ]
    while any(process.poll() is None for process in running):
        assert (tmp_path / "model").is_dir()
    assert [process.returncode for process in running] == [0, 0]
    assert content(tmp_path).keys() == {"model/a", "model/b"}
    assert len(set(content(tmp_path).values())) == 1


def killed(folder: Path, name: str, process: int, mark: str = "tmp") -> Path:
    """Return what a run of another process would write to."""
    path = leftovers.beside(folder / name, mark)
    return path.with_name(path.name.replace(f"{os.getpid():08x}-", f"{process:08x}-"))


@pytest.fixture
def dead():
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_killed_runs_have_left_is_removed_by_the_next_run(tmp_path, dead, monkeypatch):
    monkeypatch.setattr(leftovers, "SWEPT", set())
    mine = [".hidden", ".x.tmp", ".x.000000000000.tmp.csv", "x.tmp"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    killed(tmp_path, "a.npz", dead).write_bytes(b"half")
    killed(tmp_path, "model", dead).mkdir()

    living = killed(tmp_path, "b.npz", os.getppid())
    living.write_bytes(b"half")
    write_bytes(tmp_path / "other", b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*mine, living.name, "other"])


def test_what_nobody_touches_for_long_is_left_over_whoever_wrote_it(tmp_path, monkeypatch):
    monkeypatch.setattr(leftovers, "SWEPT", set())
    monkeypatch.setattr(leftovers, "machine_digits", lambda: "abcdef")
    old, new = killed(tmp_path, "a", 1), killed(tmp_path, "b", 1)
    monkeypatch.setattr(leftovers, "machine_digits", lambda: "123456")
    old.mkdir()
    (old / "part").write_text("x")
    new.write_text("x")
    long_ago = time.time() - leftovers.IDLE - 10
    os.utime(old / "part", (long_ago, long_ago))
    os.utime(old, (long_ago, long_ago))
    make(tmp_path / "model", "new")
    assert {p.name for p in tmp_path.iterdir()} == {"model", new.name}


def test_what_was_set_aside_comes_back_at_the_next_start(tmp_path, dead):
    aside = killed(tmp_path, "model", dead, "old")
    aside.mkdir()
    (aside / "card.json").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "model"):
        raise ZeroDivisionError
    assert content(tmp_path) == {"model/card.json": b"old"}


@pytest.mark.parametrize("shape", [(0, 3), (5, 3), (2, 70_000), ()])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_an_array_is_written_as_numpy_writes_it(tmp_path, shape, dtype):
    array = np.asarray(np.random.default_rng(0).integers(0, 99, shape), dtype)
    save_array(tmp_path / "ours.npy", array)
    np.save(tmp_path / "its.npy", array)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "its.npy").read_bytes()


def test_an_array_on_a_full_disk_is_an_error_with_its_number_and_its_file():
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError) as caught:
        save_array(full, np.zeros(100_000))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/dev/full")


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path):
    path = tmp_path / "rows.csv"
    with pytest.raises(OSError) as caught, AtomicFile(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(path)
    with pytest.raises(OSError) as caught, AtomicFile(path) as temporary:
        temporary.mkdir()
        temporary.write_bytes(b"")
    assert caught.value.filename == str(path)


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(NotADirectoryError):
        make(tmp_path / "model", "new")
    assert content(tmp_path) == {"model": b"mine"}


def test_a_link_to_a_folder_stays_one(tmp_path):
    make(tmp_path / "v1", "old")
    (tmp_path / "current").symlink_to("v1")
    make(tmp_path / "current", "new")
    assert (tmp_path / "current").is_symlink()
    assert (tmp_path / "v1" / "card.json").read_text() == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["current", "v1"]


def test_a_folder_that_another_run_has_filled_meanwhile(tmp_path):
    for first, kept in (("card.json", True), ("other.txt", False)):
        folder = tmp_path / first
        with atomic_folder(folder, keep="card.json") as temporary:
            (temporary / "card.json").write_text("ours")
            folder.mkdir()
            (folder / first).write_text("theirs")
        assert (folder / "card.json").read_text() == ("theirs" if kept else "ours")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["card.json", "other.txt"]


def test_a_copy_that_may_not_be_written_can_be_flushed(tmp_path):
    source = tmp_path / "weights.npz"
    source.write_bytes(b"w")
    source.chmod(0o444)
    with atomic_folder(tmp_path / "model") as temporary:
        shutil.copy(source, temporary)
    assert (tmp_path / "model" / "weights.npz").read_bytes() == b"w"


def test_two_processes_at_once_leave_one_of_both(tmp_path):
    program = (
        "import sys; from pathlib import Path; from featurize.atomic import write_bytes\n"
        "for _ in range(200): write_bytes(Path(sys.argv[1]), sys.argv[2].encode() * 5000)"
    )
    path = tmp_path / "file.bin"
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(path), letter], cwd=ROOT) for letter in "ab"
    ]
    while any(process.poll() is None for process in running):
        if path.exists():
            assert path.read_bytes() in (b"a" * 5000, b"b" * 5000)
    assert [process.returncode for process in running] == [0, 0]
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def renames(program: str) -> list[int]:
    """Return the lines of ``path.replace(to)``, ``os.replace(a, b)`` and the like."""
    calls = [n for n in ast.walk(ast.parse(program)) if isinstance(n, ast.Call) and not n.keywords]
    return [
        call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in ("replace", "rename", "renames", "move")
        and len(call.args) == (2 if ast.unparse(call.func.value) in ("os", "shutil") else 1)
    ]


def test_nothing_else_renames():
    """A rename by hand is a second definition of what `featurize.atomic` does."""
    files = [p for room in ("featurize", "classifiers", "pipelines") for p in (ROOT / room).rglob("*.py")]
    found = {p.relative_to(ROOT).as_posix(): renames(p.read_text("utf-8")) for p in files}
    assert [name for name, lines in found.items() if lines] == ["featurize/atomic.py"]
    assert renames("a.replace(b)\nos.rename(a, b)\ntext.replace('a', 'b')\nreplace(a, b=1)") == [1, 2]
