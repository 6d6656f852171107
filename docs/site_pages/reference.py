"""Pages of reference, written from the code: nothing in them is typed by hand."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from site_pages.parameters import meaning

#: Public names of ``mueca`` in the order of the work; a name that stands nowhere here comes last.
TOPICS: dict[str, tuple[str, ...]] = {
    "Predict": ("Predictor", "predict_video", "draw", "detector", "crop_face", "decode"),
    "Data": ("load_dataset", "Dataset", "weighted_samples", "write_index"),
    "Vectors": ("featurize", "extractor", "list_extractors", "Extractor", "BaseExtractor", "Params",
                "register_extractor", "Store", "quantize"),
    "Heads and their choice": ("fit", "estimate", "head", "list_heads", "HeadParams", "register_head",
                               "GridSearchCV", "grid_search", "holdout", "kfold", "by_subject", "nested"),
    "Comparisons": ("compare", "load_recipe", "recipe_from", "load_results", "write_report", "ReportOptions",
                    "connect"),
    "Models": ("Model", "load_model", "export", "serve", "ServeOptions"),
    "Plots": ("plot_confusion", "plot_roc", "plot_grid", "plot_embedding"),
}  # fmt: skip
RESERVED = "<!-- Written by docs/site_pages/reference.py; change the code, not this page. -->"


def write_reference(folder: Path) -> list[Path]:
    """Write every page of reference into a folder; return them."""
    pages = {
        "api": api_page(),
        "command-line": command_page(),
        "recipes": recipe_page(),
        "extractors": extractor_page(),
        "heads": head_page(),
        "data-sets": dataset_page(),
        "columns": column_page(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(f"{RESERVED}\n\n{text}", "utf-8")
    return [folder / f"{name}.md" for name in pages]


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown; a cell is one line, and an empty one stays empty."""
    lines = [titles, ["---"] * len(titles), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def first_sentence(docstring: str | None) -> str:
    """Return the first paragraph of a docstring as one line."""
    return " ".join(inspect.cleandoc(docstring or "").partition("\n\n")[0].split())


def api_page() -> str:
    """Return the public names, each with its docstring."""
    import mueca

    named = [name for names in TOPICS.values() for name in names]
    topics = {**TOPICS, "More": tuple(name for name in mueca.__all__ if name not in named)}
    parts = ["# Python API\n\nAll public names are those of `import mueca`.\n"]
    for topic, names in topics.items():
        there = [name for name in names if name in mueca.__all__]
        if there:
            parts.append(f"## {topic}\n")
            parts += [_entry(name, getattr(mueca, name)) for name in there]
    return "\n".join(parts)


def _entry(name: str, found: Any) -> str:
    kind = "class" if inspect.isclass(found) else "function"
    members = "\n   :members:" if kind == "class" and _own_members(found) else ""
    body = f".. auto{kind}:: mueca.{name}{members}"
    return f"### {name}\n\n```{{eval-rst}}\n{body}\n```\n"


def _own_members(found: type) -> bool:
    return any(not name.startswith("_") and callable(value) for name, value in vars(found).items())


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its name behind ``mueca``."""
    import typer

    import cli

    def walk(group: Any, before: str) -> Iterator[tuple[str, Any]]:
        for name, one in group.commands.items():
            if one.hidden:
                continue
            whole = f"{before} {name}".strip()
            if hasattr(one, "commands"):
                yield from walk(one, whole)
            else:
                yield whole, one

    yield from walk(typer.main.get_command(cli.application()), "")


def command_page() -> str:
    """Return every command with its arguments and options, as its parser has them."""
    parts = ["# Command line\n\nAdd `--debug` to any command for a traceback.\n"]
    for name, command in commands():
        parts.append(f"## mueca {name}\n\n{_code_options(' '.join((command.help or '').split()))}\n")
        shown = [p for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]
        if shown:
            parts.append(table(("option", "what it does", "takes", "default"), map(_option, shown)))
        if command.epilog:
            parts.append(_epilog(" ".join(command.epilog.split())))
    return "\n".join(parts)


def _epilog(text: str) -> str:
    """Return what stands below a command's help, its examples as a block of commands."""
    before, _, listed = re.sub(r"\bExamples?: ", "\f", text).partition("\f")
    examples, _, after = listed.partition(". ")
    lines = examples.rstrip(".").split("; ")
    more = [line for line in lines if not line.startswith("mueca ")]
    block = ["```sh", *(line for line in lines if line not in more), "```", ""] if listed else []
    prose = " ".join([before, *(f"{line[0].upper()}{line[1:]}." for line in more if line), after]).strip()
    return "\n".join([*block, _escaped(_code_options(prose)), ""])


def _code_options(text: str) -> str:
    """Set options in code: Sphinx makes a dash of two hyphens."""
    return re.sub(r"(?<![\w`])(--[a-z][\w-]*)", r"`\1`", text)


def _option(param: Any) -> tuple[str, str, str, str]:
    names = ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])
    takes = "" if getattr(param, "is_flag", False) else _type(param)
    default = param.default
    shown = "" if default in (None, (), [], False, ...) or callable(default) else f"`{_plain(default)}`"
    words = meaning("command", param.name, getattr(param, "help", "") or "")
    return names, _escaped(_code_options(words)), takes, shown


def _type(param: Any) -> str:
    return f"`{_annotation(param.type_descriptor.annotation)}`"


def _plain(value: Any) -> str:
    return str(getattr(value, "value", value))


def _escaped(text: str) -> str:
    return text.replace("<", "\\<").replace("*", "\\*")


def models() -> dict[str, Any]:
    """Return the models of a recipe, by the key that holds them."""
    from pipelines.evaluation import recipe
    from pipelines.training.recipe import Trainings, TrainRecipe

    return {
        "A comparison": recipe.Recipe,
        "data": recipe.Data,
        "extractors": recipe.Features,
        "heads": recipe.Head,
        "ensembles": recipe.Ensemble,
        "Trainings": Trainings,
        "trainings": TrainRecipe,
    }


def recipe_page() -> str:
    """Return the keys of a recipe, with types and defaults of their models."""
    parts = ["# Recipes\n\nA recipe is a YAML file. A key that is not here is an error.\n"]
    for key, model in models().items():
        title = key if key[0].isupper() else f"Under `{key}:`"
        parts.append(f"## {title}\n\n{_escaped(first_sentence(model.__doc__))}\n")
        words = _words_of(model)
        rows = [
            (
                f"`{name}`",
                _escaped(meaning(key.removesuffix("s"), name, f.description or words.get(name, ""))),
                f"`{_annotation(f.annotation)}`",
                _default(f),
            )
            for name, f in model.model_fields.items()
        ]
        parts.append(table(("key", "what it says", "type", "default"), rows))
    return "\n".join(parts)


def _words_of(model: type) -> dict[str, str]:
    """Return name -> text of the attributes of a class, those of its bases among them."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if one.__module__.partition(".")[0] in ("classifiers", "featurize", "pipelines"):
            found |= _attributes(one.__doc__)
    return found


def _attributes(docstring: str | None) -> dict[str, str]:
    """Return name -> text of the attributes or parameters that a docstring lists."""
    found: dict[str, list[str]] = {}
    section, names = "", [""]
    lines = inspect.cleandoc(docstring or "").splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=False):
        if re.fullmatch("-{3,}", after):
            section = line
        elif section in ("Attributes", "Parameters") and line and not re.fullmatch("-{3,}", line):
            if line.startswith(" "):
                for name in names:
                    found.setdefault(name, []).append(line.strip())
            else:
                names = [name.strip() for name in line.partition(" : ")[0].split(",")]
    return {name: " ".join(words) for name, words in found.items()}


def _annotation(kind: Any) -> str:
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _annotation(typing.get_args(kind)[0])
    inner = [_annotation(a) if not isinstance(a, str) else repr(a) for a in typing.get_args(kind)]
    if origin is typing.Literal:
        return " or ".join(str(a).strip("'") for a in typing.get_args(kind))
    if origin is not None and inner:
        name = getattr(origin, "__name__", "")
        return " or ".join(inner) if name in ("Union", "UnionType") else f"{name}[{', '.join(inner)}]"
    return getattr(kind, "__name__", str(kind)).replace("NoneType", "nothing")


def _default(found: Any) -> str:
    if found.is_required():
        return "needed"
    value = found.get_default(call_default_factory=True)
    return f"`{_as_written(value)}`"


def _as_written(value: Any) -> str:
    """Return a default as a recipe has it: a model by what of it differs from its own defaults."""
    if isinstance(value, (list, tuple)) and any(hasattr(one, "model_dump") for one in value):
        return f"[{', '.join(map(_as_written, value))}]"
    if hasattr(value, "model_dump"):
        return next(iter(value.model_dump(exclude_unset=True).values()), type(value).__name__)
    return repr(value)


def extractor_page() -> str:
    """Return every extractor: what it takes, its parameters, its source and licence."""
    from featurize.registry import EXTRACTORS, extractor_class

    parts = ["# Extractors\n\n`mueca list` prints the same. Names are joined with a plus: `hog+lbp`.\n"]
    made = {name: extractor_class(name) for name in sorted(EXTRACTORS)}
    rows = [(f"[{n}](#{n})", m.kind, m.source, m.licence) for n, m in made.items()]
    parts.append(table(("name", "takes", "source", "licence"), rows))
    for name, found in made.items():
        parts.append(f"## {name}\n\n{_escaped(first_sentence(found.__doc__))}\n")
        if fields := found.Params.model_fields:
            parts.append(_parameters("extractor", fields, _words_of(found) | _words_of(found.Params)))
    return "\n".join(parts)


def _parameters(page: str, fields: Any, words: dict[str, str]) -> str:
    rows = [
        (
            f"`{name}`",
            _escaped(meaning(page, name, f.description or words.get(name, ""))),
            f"`{_annotation(f.annotation)}`",
            _default(f),
        )
        for name, f in fields.items()
    ]
    return table(("parameter", "what it does", "type", "default"), rows)


def head_page() -> str:
    """Return every head: its parameters with their domains, and its default grid."""
    from classifiers.registry import HEADS, SCORE_HEADS, head_spec

    parts = ["# Heads\n\nA head is a scikit-learn classifier with a scaler before it where it needs one.\n"]
    for name in [*HEADS, *SCORE_HEADS]:
        found = head_spec(name)
        module = inspect.getmodule(found.params)
        parts.append(f"## {name}\n\n{_escaped(first_sentence(module.__doc__ if module else ''))}\n")
        if found.params.model_fields:
            parts.append(_parameters("head", found.params.model_fields, _words_of(found.params)))
        if found.grid:
            grid = "; ".join(f"`{k}`: {', '.join(map(str, v))}" for k, v in found.grid.items())
            parts.append(f"Default grid: {grid}.\n")
    return "\n".join(parts)


def dataset_page() -> str:
    """Return every data set that has a name: its loader, its options, and where it comes from."""
    from importlib import import_module

    from pipelines.datasets.registry import DATASETS, about

    parts = ["# Data sets\n\nA set without a name is a folder of `class/*.jpg`, or a table.\n"]
    for name, where in sorted(DATASETS.items()):
        module = import_module(where)
        load = module.load
        parts.append(f"## {name}\n\n{_escaped(first_sentence(module.__doc__))}\n")
        parts += _about(about(name))
        # `how` is an object of Python's callers; options of a text are all others.
        options = [
            p
            for p in inspect.signature(load).parameters.values()
            if p.default is not p.empty and p.name != "how"
        ]
        listed = getattr(module, "listed", None)
        words = _attributes(getattr(listed, "__doc__", "")) | _attributes(load.__doc__)
        rows = [(f"`{p.name}`", _escaped(words.get(p.name, "")), f"`{p.default!r}`") for p in options]
        if rows:
            parts.append(table(("option", "what it does", "default"), rows))
    return "\n".join(parts)


def _about(found: Any) -> list[str]:
    if found is None:
        return []
    known = {name: value for name, value in vars(found).items() if isinstance(value, str) and value}
    return [
        f"{name.replace('_', ' ').capitalize()}: {_escaped(' '.join(value.split()))}\n"
        for name, value in known.items()
    ]


def column_page() -> str:
    """Return the columns of the files of results, and of the tables of a report."""
    from dataclasses import fields

    from pipelines.reporting.tables.columns import CLASSES, COMPARISON
    from pipelines.reporting.tables.significance import TESTS
    from pipelines.results.rows import Candidate, Row

    parts = ["# Columns\n\nOf the CSV files of a comparison and of its report.\n"]
    for title, kind in (("rows.csv", Row), ("grid.csv", Candidate)):
        rows = [(f"`{f.name}`", f"`{f.type}`") for f in fields(kind)]
        words = " ".join(inspect.cleandoc(kind.__doc__ or "").split())
        parts.append(f"## {title}\n\n{_escaped(words)}\n\n{table(('column', 'type'), rows)}")
    for title, columns in (
        ("comparison.csv", COMPARISON),
        ("classes-RUN.csv", CLASSES),
        ("tests-NAME.csv", TESTS),
    ):
        rows = [(f"`{c.key}`", _escaped(c.title), _escaped(c.words)) for c in columns]
        parts.append(f"## {title}\n\n{table(('column', 'in the page', 'what it says'), rows)}")
    return "\n".join(parts)
