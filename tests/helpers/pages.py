"""README and docs as a reader meets them: commands and blocks of code, in order."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Pages that are typed in: README and docs, but the files of results and the list of sections.
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "docs").rglob("*.md"))
        if path.name != "index.md" and path.parent.name != "results"
    ),
)

#: What makes a span a command by its first word.
_PROGRAMS = {
    "mueca",
    "python",
    "./run",
    ".",
    "pip",
    "kaggle",
    "git",
    "ssh",
    "apt-get",
    "pytest",
    "dask",
    "curl",
}
_FENCE = re.compile(r"```(\w*)\s*$")
_SPAN = re.compile(r"`([^`]+)`")
_SETTING = re.compile(r"^[A-Z_]+=\S*$")
#: A word that stands for what the reader has: MODEL, FACE.jpg, NAME(weights="PATH").
_PLACE = re.compile(r"\.\.\.|(?<![\w-])[A-Z]{2,}\b(?!=)")


@dataclass(frozen=True)
class Step:
    """One thing a page shows.

    Attributes
    ----------
    page : str
    line : int
    kind : str
        "command" (a line of a block), "span" (between backticks), "python", "yaml", or "output" (a block
        without a language: what a command before it prints).
    text : str
    """

    page: str
    line: int
    kind: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words of a command, without its comment."""
        return shlex.split(self.text, comments=True)

    @property
    def code(self) -> str:
        """The command without its comment, as it is written."""
        return re.split(r"\s+# ", self.text)[0].strip()

    @property
    def is_form(self) -> bool:
        """Say whether something in it stands for what the reader has."""
        return bool(_PLACE.search(self.code))

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def text_of(page: str) -> str:
    """Return a page."""
    return (ROOT / page).read_text("utf-8")


def steps(page: str, text: str | None = None) -> list[Step]:
    """Return what a page shows, in order.

    Parameters
    ----------
    page : str
        Relative to the checkout.
    text : str, optional
        Its text, by default that of the file.
    """
    found: list[Step] = []
    for line, kind, lines in _parts((text_of(page) if text is None else text).splitlines()):
        if kind == "prose":
            found += _spans(page, line, "\n".join(lines))
        elif kind in ("sh", "indented"):
            found += _commands(page, line, lines)
        else:
            found.append(Step(page, line, kind or "output", "\n".join(lines) + "\n"))
    return found


def commands(page: str) -> list[Step]:
    """Return what a page shows to be typed into a shell, in blocks and in sentences."""
    return [step for step in steps(page) if step.kind in ("command", "span") and is_command(step)]


def spans(page: str) -> list[Step]:
    """Return what stands between backticks in the sentences of a page."""
    return [step for step in steps(page) if step.kind == "span"]


def is_command(step: Step) -> bool:
    """Say whether a step is typed into a shell: every line of a block is, a span by its first word."""
    if step.kind != "span":
        return step.kind == "command"
    try:
        words = [word for word in step.words if not _SETTING.match(word)]
    except ValueError:  # an apostrophe: no command
        return False
    return len(words) > 1 and (words[0] in _PROGRAMS or words[0].endswith(".py"))


def _parts(lines: list[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Yield (first line, kind, lines) of prose, indented blocks and fenced blocks."""
    at = 0
    while at < len(lines):
        if opened := _FENCE.match(lines[at]):
            end = next(i for i in range(at + 1, len(lines)) if lines[i].startswith("```"))
            yield at + 2, opened[1], lines[at + 1 : end]
            at = end + 1
            continue
        indented = _indented(lines, at)
        end = at + 1
        while (
            end < len(lines) and not _FENCE.match(lines[end]) and _indented(lines, end, indented) == indented
        ):
            end += 1
        yield at + 1, "indented" if indented else "prose", lines[at:end]
        at = end


def _indented(lines: list[str], at: int, inside: bool = False) -> bool:
    """Say whether a line belongs to an indented block, which begins after an empty line."""
    if not lines[at].startswith("    "):
        return False
    return inside or at == 0 or not lines[at - 1].strip()


def _commands(page: str, line: int, lines: list[str]) -> Iterator[Step]:
    """Yield the commands of a block, continued lines joined, and those that its comments name."""
    whole, first = "", line
    for number, text in enumerate(lines, line):
        first = first if whole else number
        whole += text.strip()
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        if whole:
            yield Step(page, first, "command", whole)
            if named := re.search(r"# .*\b(mueca .+)$", whole):
                yield Step(page, first, "span", named[1])
        whole = ""


def _spans(page: str, line: int, prose: str) -> Iterator[Step]:
    for found in _SPAN.finditer(prose):
        yield Step(page, line + prose.count("\n", 0, found.start()), "span", found[1].replace("\n", " "))
