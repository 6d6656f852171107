from featurize.suggest import hint


def test_the_nearest_name_is_suggested() -> None:
    assert hint("hgo", {"hog": 1, "lbp": 2}) == "did you mean 'hog'?"


def test_otherwise_all_names_are_listed_in_order() -> None:
    assert hint("xyzzy", ["lbp", "hog"]) == "known: hog, lbp"


def test_a_caller_can_say_something_else() -> None:
    assert hint("xyzzy", ["lbp"], "see mueca list") == "see mueca list"
