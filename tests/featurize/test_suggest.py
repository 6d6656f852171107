import pytest

from featurize.suggest import error_words, first_unknown, hint


def test_the_nearest_name_is_suggested() -> None:
    assert hint("hgo", {"hog": 1, "lbp": 2}) == "did you mean 'hog'?"


def test_otherwise_all_names_are_listed_in_order() -> None:
    assert hint("xyzzy", ["lbp", "hog"]) == "known: hog, lbp"


def test_a_caller_can_say_something_else() -> None:
    assert hint("xyzzy", ["lbp"], "see mueca list") == "see mueca list"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["hog", "svn", "xyzzy"], ("svn", "did you mean 'svm'?")),
        (["xyzzy"], ("xyzzy", "known: svm | hog")),
        (["hog"], None),
        ([], None),
        (None, None),
    ],
)
def test_the_first_unknown_name_is_told_with_what_to_write(asked, found) -> None:
    assert first_unknown(asked, ["svm", "hog"]) == found


def test_an_error_is_one_line_even_without_words() -> None:
    assert error_words(ValueError("two\n  lines")) == "two lines"
    assert error_words(KeyboardInterrupt()) == "KeyboardInterrupt"  # type: ignore[arg-type]
