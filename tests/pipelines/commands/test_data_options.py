"""Options of tables and folders go into the data set that they belong to."""

import pytest

from pipelines.commands.data_options import with_data


@pytest.mark.parametrize(("data", "given", "expected"), [
    ("a", {"columns": "label=e"}, "a(columns='label=e')"),
    ("a", {"root": "r", "allow_leaks": True}, "a(root='r', allow_leaks=True)"),
    ("synthetic(seed=2)", {"labels": "a=b"}, "synthetic(seed=2, labels='a=b')"),
])  # fmt: skip
def test_they_are_written_into_the_data(data, given, expected):
    assert with_data(data, given) == expected


def test_an_option_that_is_there_already():
    with pytest.raises(ValueError, match="seed is given twice"):
        with_data("synthetic(seed=2)", {"seed": 3})


@pytest.mark.parametrize("command", ["featurize", "fit", "cross-validate", "train", "data audit"])
def test_every_command_that_reads_data_shows_them(command, capsys):
    import cli

    with pytest.raises(SystemExit):
        cli.main([*command.split(), "--help"])
    shown = capsys.readouterr().out
    for option in ("--columns", "--labels", "--splits", "--root", "--pattern", "--subject", "--allow-leaks"):
        assert option in shown
