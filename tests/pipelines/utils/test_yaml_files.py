"""Whatever a recipe's file holds is a mapping, or an error of one line in our own words."""

from __future__ import annotations

import os

import pytest

from pipelines.recipe import as_name, read_content
from pipelines.utils.yaml_files import read_yaml

LAUGHS = [
    "a0: &a0 [x,x,x,x,x,x,x,x,x]",
    *(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)),
]
BAD = [
    "[" * 30_000, "- " * 30_000, "? " * 20_000, "{a: " * 5000, "a: &x [*x]", "a: [1,2\n b", "a: 2001-99-99",
    "\n".join(LAUGHS), "a: \x00", "%YAML 9.9\n---\na: 1", "!!python/object/apply:os.system ['true']",
    "a: !!int x", "[1]: 2", "---\na: 1\n---\nb: 2", "a: !!timestamp x", "a: !!binary x", "<<: 3",
    "a: 0x" + "f" * 5000, "a: " + "9" * 6000, "a: " + "x" * 2**21, "1: 2", "text", "",
    "- 1", "a: *b", "a: 1\na: [",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_is_no_recipe_is_one_line(tmp_path, text):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"r\.yaml is no (YAML|recipe)") as caught:
        read_content(path, "name and data")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    assert "yaml." not in str(caught.value) and "scanning" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfe\xfd", b"\x80abc", b"a: \xc3"])
def test_what_is_no_text(tmp_path, data):
    (tmp_path / "r.yaml").write_bytes(data)
    with pytest.raises(ValueError, match="not UTF-8"):
        read_yaml(tmp_path / "r.yaml")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "r.yaml")
    with pytest.raises(ValueError, match="no regular file"):
        read_yaml(tmp_path / "r.yaml")


def test_aliases_and_a_mark_of_the_order_of_bytes_are_read(tmp_path):
    (tmp_path / "r.yaml").write_bytes("\ufeffa: &x [1, 2]\nb: *x\nc: {d: *x}\n".encode())
    assert read_yaml(tmp_path / "r.yaml") == {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2]}}


NONE = ["../../escaped", "a/b", "/etc", "..", ".", "", "  ", "a\\b", "C:x", "-rf", "~root", "a\nb", "a\0b",
        "x" * 200, " a"]  # fmt: skip


@pytest.mark.parametrize("name", NONE)
def test_names_are_names(name, tmp_path, monkeypatch, run_cli):
    with pytest.raises(ValueError):
        as_name(name)
    monkeypatch.chdir(tmp_path)
    text = f"name: {name!r}\ndata: synthetic\nextractors: [pixels]\nheads: [knn]\n"
    (tmp_path / "r.yaml").write_text(text.replace("\\\\", "\\"))
    code, _, err = run_cli("compare", "r.yaml")
    assert code == 1 and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["r.yaml"]


def test_other_names_stay(tmp_path):
    for name in ("hog-svm", "FER 2013", "ñandú.v2", "a" * 120):
        assert as_name(name) == name


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: x\ndata: y\nname: z\n", 3),
        ("a:\n- b: 1\n  c: 2\n  b: 3\n", 4),
        ('{"name": 1, "name": 2}', 1),
        ("base: &base {a: 1}\nmore:\n  <<: *base\n  a: 2\n  a: 3\n", 5),
    ],
)
def test_a_key_that_is_there_twice_is_refused(tmp_path, text, line):
    """YAML lets the last one win without a word."""
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"r.yaml is no recipe: \w+ is there twice, again in line {line}$"):
        read_yaml(tmp_path / "r.yaml")


def test_a_key_may_take_the_place_of_a_merged_one(tmp_path):
    (tmp_path / "r.yaml").write_text("base: &base {a: 1, b: 1}\nmore:\n  <<: *base\n  a: 2\n")
    assert read_yaml(tmp_path / "r.yaml")["more"] == {"a": 2, "b": 1}


def test_many_keys_are_compared_at_once(tmp_path):
    (tmp_path / "r.yaml").write_text("".join(f"k{i}: 1\n" for i in range(20_000)))
    assert len(read_yaml(tmp_path / "r.yaml")) == 20_000
