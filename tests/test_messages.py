"""Every message that is raised names its file, option or value, and is no library's bare word."""

from __future__ import annotations

import ast
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from featurize.suggest import ADVICE, os_error_words
from pipelines.utils.console import format_error
from tests.helpers.rooms import ROOT

ROOMS = ("featurize", "classifiers", "pipelines")
#: What a person is told of: others are defects, or steer the program.
TOLD = frozenset(
    {"ValueError", "OSError", "FileNotFoundError", "NotADirectoryError", "IsADirectoryError",
     "PermissionError", "TypeError", "WeightsError", "CacheError", "ArchiveError", "PersistError",
     "UnreadableImage", "UnreadableVideo", "RequestError", "NotExportable"}
)  # fmt: skip
#: A message that names nothing by a value must say what to do, in so many words.
FEWEST_WORDS = 4


def raises() -> Iterator[tuple[str, ast.Raise]]:
    """Yield every raise statement of the packages, with where it stands."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "templates" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Raise):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def told(node: ast.Raise) -> ast.Call | None:
    """Return the call that makes an error that a person is told of."""
    made = node.exc
    if isinstance(made, ast.Call) and isinstance(made.func, ast.Name | ast.Attribute):
        name = made.func.id if isinstance(made.func, ast.Name) else made.func.attr
        return made if name in TOLD else None
    return None


def problem(call: ast.Call) -> str:
    """Return what is wrong with a message; "" if nothing is, or it is made elsewhere."""
    texts = [a for a in call.args if isinstance(a, ast.Constant | ast.JoinedStr | ast.BinOp)]
    if not call.args and not call.keywords:
        return "says nothing"
    for text in texts:
        words = str(text.value).split() if isinstance(text, ast.Constant) else [""] * FEWEST_WORDS
        if len(words) < FEWEST_WORDS and len(call.args) == 1:
            return f"is a bare word: {' '.join(words)!r}"
        if isinstance(text, ast.JoinedStr) and not any(
            isinstance(v, ast.FormattedValue) for v in text.values
        ):
            return "is an f-string without a value"
    if (
        len(call.args) == 1
        and isinstance(call.args[0], ast.Call)
        and ast.unparse(call.args[0]).startswith("str(")
    ):
        return "hands on the words of another"
    return ""


#: Messages of one part of the program to another: none of them reaches a person as it is.
INSIDE = frozenset({"no text", "it is damaged", "not a mapping", "not UTF-8"})


def test_every_message_names_something():
    found = {where: problem(call) for where, node in raises() if (call := told(node)) is not None}
    assert len(found) > 300
    bare = {w: p for w, p in found.items() if p and not any(f"{word!r}" in p for word in INSIDE)}
    assert not bare


def test_no_error_is_its_own_cause():
    circles = [
        where
        for where, node in raises()
        if node.cause is not None
        and node.exc is not None
        and ast.unparse(node.exc) == ast.unparse(node.cause)
    ]
    assert not circles


def test_no_line_is_broken():
    broken = []
    for where, node in raises():
        call = told(node)
        for text in ast.walk(call) if call is not None else ():
            if isinstance(text, ast.Constant) and isinstance(text.value, str) and "\n" in text.value:
                broken.append(where)
    assert not broken


@pytest.mark.parametrize("number", sorted(ADVICE))
def test_an_error_of_the_system_says_which_file_and_what_to_do(number):
    line = format_error(OSError(number, "It is so", "/a/b"))
    assert line == f"/a/b: it is so; {ADVICE[number]}"
    assert "Errno" not in format_error(OSError(number, "It is so"))
    assert format_error(OSError(number, "It is so")) == f"it is so; {ADVICE[number]}"


def test_errors_without_a_number_are_said_as_they_are():
    assert os_error_words(OSError("two\n lines")) == "two lines"
    assert os_error_words(OSError(99999, "odd", Path("/x"))).startswith("/x: odd; ")
    assert os_error_words(OSError(5, None)).startswith("eio; ")


def test_one_function_formats_every_error():
    """The command line prints what `format_error` makes, and nothing else of an error."""
    source = (ROOT / "cli.py").read_text("utf-8")
    assert source.count("format_error(") == 1 and "str(error)" not in source


TABLE = ("fit", "--backbone", "lbp", "--head", "knn", "--data")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("short.png", ("predict",)),
        ("cut.jpg", ("predict",)),
        ("cut.tar.gz", ("data", "add", "fer2013")),
        ("fake.xlsx", TABLE),
        ("long.csv", TABLE),
    ],
)
def test_of_a_damaged_file_no_reader_is_quoted(run_cli, tmp_path, name, words):
    """What a library says of a file ("0 bytes not processed") helps nobody."""
    code, _, err = run_cli(*words, damaged(tmp_path / name)).by_lines()
    assert code in (1, 3)
    assert name in err[-1] and "(" not in err[-1].replace(str(tmp_path), "")


def damaged(path):
    """Write a file that its reader cannot read to its end."""
    made = io.BytesIO()
    if path.suffix in (".png", ".jpg"):
        image = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
        Image.fromarray(image).save(made, "PNG" if path.suffix == ".png" else "JPEG")
        path.write_bytes(made.getvalue()[: len(made.getvalue()) // 2])
    elif path.suffix == ".csv":
        path.write_text('file,label\n"' + "x" * 300_000)
    elif path.suffix == ".xlsx":
        path.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 2)
    else:
        path.write_bytes(gzip.compress(np.random.default_rng(0).bytes(5000))[:2000])
    return path
