"""The command line: the commands of `pipelines.commands` in one application, and its exit codes."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from pipelines.commands.options import COMMANDS, RenamingGroup
from pipelines.commands.options import PARTLY as PARTLY

INTERRUPTED = 130

#: Module of `pipelines.commands` -> the commands it holds, in the order of ``mueca --help``.
MODULES: dict[str, tuple[str, ...]] = {
    "featurize": ("featurize",), "fit": ("fit",), "compare": ("compare",),
    "cross_validate": ("cross-validate",), "report": ("report",), "train": ("train",), "export": ("export",),
    "quantize": ("quantize",),
    "predict": ("predict", "live"), "serve": ("serve",), "system": ("profile", "doctor", "list"),
}  # fmt: skip
#: Modules that are a command with commands of its own.
GROUPS = ("data", "cache", "weights")


def application(words: Sequence[str] = ()) -> typer.Typer:
    """Return the application; where words name a command, with that command's module alone.

    A module is imported where it is needed: ``mueca predict`` imports nothing of what trains.
    """
    app = typer.Typer(
        name="mueca",
        cls=RenamingGroup,
        help="Facial-expression recognition by features and classical ensembles: extract once, score many.",
        epilog="Add --debug to any command for a traceback, MUECA_VERBOSE=1 for what happens inside.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_common)
    first = COMMANDS.get(words[0], words[0]) if words else ""
    asked = [name for name, commands in MODULES.items() if first in commands]
    if first not in GROUPS:
        for name in asked or MODULES:
            app.add_typer(_group(name))
    if not asked:
        for name in [first] if first in GROUPS else GROUPS:
            app.add_typer(_group(name), name=name)
    return app


def _group(module: str) -> typer.Typer:
    found: typer.Typer = importlib.import_module(f"pipelines.commands.{module}").group
    return found


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"mueca {version('mueca')}")
        raise typer.Exit


def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main(words: list[str] | None = None, prefix: tuple[str, ...] = ()) -> None:
    """Run ``mueca``; errors become one line and an exit code.

    Exit codes: 0 all was done; 1 an error; 2 the words could not be read; 3 done, but something was left out;
    130 interrupted.
    """
    given = list(sys.argv[1:] if words is None else words)
    debug = "--debug" in given or bool(os.environ.get("MUECA_DEBUG"))
    if words is None:
        os.environ["_MUECA_OWN_PROCESS"] = "1"  # see classifiers.persist
        gc.set_threshold(50_000, 20, 20)  # at 700 it looks again and again at what is being imported
    arguments = [*prefix, *_at_home(word for word in given if word != "--debug")]
    try:
        code = _run(arguments, debug)
    except KeyboardInterrupt:
        code = _fail("interrupted; run the same command again: it goes on from here", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _at_home(words: Iterable[str]) -> list[str]:
    """Return words with ``~`` expanded; what does that is imported for such words alone, it takes a while."""
    found = list(words)
    if not any("~" in word for word in found):
        return found
    from featurize.paths import expanded_word

    return [expanded_word(word) for word in found]


def _run(arguments: list[str], debug: bool) -> int:
    from typer.exceptions import TyperException

    if not {"--help"} & set(arguments):
        from pipelines.utils.console import quiet_libraries

        quiet_libraries()
    try:
        command = typer.main.get_command(application(arguments))
        code = command.main(arguments, prog_name="mueca", standalone_mode=False) or 0
    except TyperException as error:
        said, context = error.format_message().replace("Value error, ", ""), getattr(error, "ctx", None)
        where = context.command_path if context else "mueca"
        return _fail(f"{said} (see: {where} --help)", error.exit_code)
    except Exception as error:
        if _interrupted(error):
            raise KeyboardInterrupt from None
        if debug:
            raise
        from pipelines.utils.console import format_error

        return _fail(format_error(error), 1)
    if code == INTERRUPTED:  # typer turns Ctrl-C into its exit code
        raise KeyboardInterrupt
    return code


def _interrupted(error: BaseException | None) -> bool:
    """Say whether Ctrl-C is behind an error: a compiled module that is imported turns it into another."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # causes may go in a circle
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _fail(words: str, code: int) -> int:
    print(f"mueca: {words}", file=sys.stderr)
    return code


def featurize_main() -> None:
    """Run ``featurize``: the same as ``mueca featurize``."""
    main(prefix=("featurize",))


def fit_main() -> None:
    """Run ``fit``: the same as ``mueca fit``."""
    main(prefix=("fit",))


if __name__ == "__main__":
    main()
