"""Paths as people write them."""

from pathlib import Path

import pytest

from featurize.paths import expanded, expanded_word


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_tilde_is_the_home_folder(home):
    assert expanded("~/a.csv") == expanded(Path("~/a.csv")) == home / "a.csv"
    assert expanded("a~/b") == Path("a~/b")
    assert expanded("~nobody-of-that-name/x") == Path("~nobody-of-that-name/x")


@pytest.mark.parametrize("path", ["C:/data", "C:\\data", "a:b/c", "12:30/x.jpg", "x.jpg", "/a//b", "a:"])
def test_a_path_stays_a_path(path):
    assert expanded(path) == Path(path)


@pytest.mark.parametrize(
    "given", ["https://x.org/a.jpg", Path("https://x.org/a.jpg"), "S3://x/y", "rtsp://10.0.0.1/"]
)
def test_a_web_address_is_no_path(given):
    with pytest.raises(ValueError, match="a web address; download it first") as caught:
        expanded(given)
    assert "://" in str(caught.value)  # as it was written, whatever Path makes of it


def test_a_file_address_says_the_path():
    with pytest.raises(ValueError, match="give the path alone: /home/x$"):
        expanded("file:///home/x")


def test_words_of_the_command_line(home):
    assert expanded_word("--out=~/x.csv") == f"--out={home}/x.csv"
    assert expanded_word("~/x.csv") == f"{home}/x.csv"
    for word in ("--C=1,10", "x~y", "--data", "-~", "lbp(a=1)", "a=~/b"):
        assert expanded_word(word) == word
