"""What stood there stays, and nothing is left beside it, whichever step fails."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from featurize import atomic
from featurize.atomic import AtomicFile, atomic_folder, write_bytes, write_text
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
