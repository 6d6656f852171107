"""The command line: parses words, makes one call into `pipelines`, shows what came back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from featurize.store import Store

#: Done, but something was left out: a picture that cannot be read, a cell that failed.
PARTLY = 3
INTERRUPTED = 130

app = typer.Typer(
    name="mueca",
    help="Facial-expression recognition by features and classical ensembles: extract once, score many.",
    epilog="Add --debug to any command for a traceback, MUECA_VERBOSE=1 for what happens inside.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Data sets: add, list, audit.", no_args_is_help=True)
cache_app = typer.Typer(help="The embedding cache: list, verify, prune.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(cache_app, name="cache")
weights_app = typer.Typer(help="Published weight files: get, add, list.", no_args_is_help=True)
app.add_typer(weights_app, name="weights")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"mueca {version('mueca')}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


DataOption = Annotated[
    str, typer.Option("--data", help="Name (fer2013, synthetic) or a folder of class/*.jpg.")
]
BackboneOption = Annotated[
    str, typer.Option("--backbone", help="Extractor, such as hog or hog(cell=6)+lbp; see: mueca list.")
]
LayerOption = Annotated[
    str | None, typer.Option(help="Of a network: fc1, fc2, flatten, pool, ...; default: its first.")
]
Precision = Literal["auto", "f32", "bf16"]
EngineOption = Annotated[
    Literal["auto", "keras", "openvino"] | None, typer.Option(help="What runs a network; see: mueca doctor.")
]
PrecisionOption = Annotated[Precision | None, typer.Option(help="What a network computes in.")]
EqualizeOption = Annotated[
    Literal["none", "hist", "clahe"], typer.Option(help="Histogram equalisation first.")
]
TileOption = Annotated[int, typer.Option(help="CLAHE: tiles a side.")]
ClipOption = Annotated[float, typer.Option(help="CLAHE: clip limit.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="An unreadable picture is an error.")]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Workers for extraction; default: all cores.")
]
MemoryOption = Annotated[
    str | None,
    typer.Option(help="What kernels may take, such as 4GB; default: 8GB, or half of this machine's memory."),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(help="Work on the workers of a dask scheduler, tcp://HOST:PORT; see docs/distributed.md."),
]
WorkersOption = Annotated[int | None, typer.Option(help="Work in so many processes of this machine.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(
    epilog="Examples: mueca featurize --data fer2013 --backbone hog+lbp --out vectors.npz; "
    "mueca featurize --data fer2013 --backbone ucm-f --layer fc2"
)
def featurize(
    data: DataOption,
    backbone: BackboneOption,
    out: Annotated[Path | None, typer.Option(help="Also write a .npz, .npy, .csv or .parquet file.")] = None,
    layer: LayerOption = None,
    weights: Annotated[
        str | None, typer.Option(help="Of a network: a file, a name that ships, or random, to time it.")
    ] = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    equalize: EqualizeOption = "none",
    tile: TileOption = 4,
    clip: ClipOption = 4.0,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
) -> None:
    """Turn every picture of a data set into a vector, once: it is kept in the cache."""
    from pipelines import api
    from pipelines.commands.options import with_network
    from pipelines.utils import console

    network = {"layer": layer, "weights": weights, "engine": engine, "precision": precision}
    backbone = with_network(backbone, network)  # what is wrong with it is said before workers start
    with api.connect(scheduler, workers) as cluster:
        dataset, found = api.featurize(
            data,
            backbone,
            out=out,
            equalize=equalize,
            tile=tile,
            clip=clip,
            strict=strict,
            n_jobs=jobs,
            progress=console.ConsoleProgress(),
            cluster=cluster,
        )
    record = {
        "data": dataset.name,
        "extractor": found.spec,
        "samples": len(found.X),
        "dim": int(found.X.shape[1]),
        "seconds": round(found.seconds, 3),
        "from_cache": found.reused,
        "fallbacks": found.fallbacks,
        "left_out": len(dataset.faults),
        "notes": dataset.notes,
        "not_looked_at": dataset.ignored,
        "keys": found.keys,
        "out": out,
    }
    if json:
        console.as_json(record)
    else:
        how = "from the cache" if found.reused else f"{found.seconds:.1f} s"
        print(f"{dataset.name}: {len(found.X):,} vectors of {found.X.shape[1]:,} ({found.spec}), {how}")
        for name, count in found.fallbacks.items():
            print(f"{name}: {count:,} samples have its stated fallback")
        if out:
            print(f"written to {out}")
    _report_faults(dataset.faults, named=dataset.kind != "image")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="The head's parameters go by their scikit-learn names, several values with commas make a grid to "
    "choose from on validation. Examples: mueca fit --data fer2013 --backbone hog --head svm --C 1,10,100; "
    "mueca fit --data synthetic --backbone lbp --head knn --n_neighbors 5 --weights distance; "
    "mueca fit --data fer2013 --backbone ucm-f --layer fc2 --head forest. "
    "What each head takes: mueca list.",
)
def fit(
    context: typer.Context,
    data: DataOption,
    backbone: BackboneOption,
    head: Annotated[str, typer.Option(help="Head, such as svm; see: mueca list.")],
    out: Annotated[Path | None, typer.Option(help="Folder for head, card, rows and predictions.")] = None,
    grid: Annotated[Literal["default"] | None, typer.Option(help="Choose from the head's own grid.")] = None,
    layer: LayerOption = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    equalize: EqualizeOption = "none",
    tile: TileOption = 4,
    clip: ClipOption = 4.0,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Add mirrored copies of the training samples.")
    ] = False,
    validation: Annotated[
        str, typer.Option(help="Share of train held out to choose on, or a split.")
    ] = "0.1",
    test: Annotated[
        str,
        typer.Option(
            help="Split that tests, or a share held out of train: 0.2 where there is no test split."
        ),
    ] = "test",
    refit: Annotated[bool, typer.Option(help="Fit again on train + validation before the test.")] = True,
    scoring: Annotated[str, typer.Option(help="Score that validation is chosen by.")] = "accuracy",
    folds: Annotated[
        int | None, typer.Option(help="Choose by so many folds of train, by class and by subject.")
    ] = None,
    halving: Annotated[
        int | None, typer.Option(help="Choose by successive halving: 1 in so many goes on to more samples.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> None:
    """Fit a head: choose on validation, fit again on train + validation, test once."""
    from pipelines import api
    from pipelines.commands.fit import print_fit
    from pipelines.commands.options import head_params, share_or_name, with_network
    from pipelines.utils import console

    params, free = head_params(context.args)
    if free and grid:
        raise ValueError(f"give --grid default or several values for {', '.join(free)}, not both")
    network = {"layer": layer, "engine": engine, "precision": precision}
    model, outcome = api.fit(
        data,
        with_network(backbone, network, head, params),
        head,
        out=out,
        grid=grid or free,
        equalize=equalize,
        tile=tile,
        clip=clip,
        mirror=mirror,
        validation=share_or_name(validation),
        test=share_or_name(test),
        refit=refit,
        scoring=scoring,
        folds=folds,
        halving=halving,
        seed=seed,
        strict=strict,
        n_jobs=jobs,
        progress=console.ConsoleProgress(),
        memory=memory,
        **params,
    )
    if json:
        console.as_json(model.card)
    else:
        print_fit(model, outcome, out)
    if left_out := model.card["data"]["left_out"]:
        console.say(f"mueca: {left_out} unreadable pictures were left out; see: mueca data audit {data}")
        raise typer.Exit(PARTLY)


@app.command(epilog="Example: mueca compare configs/demo.yaml --out results/demo")
def compare(
    recipe: Annotated[Path, typer.Argument(help="YAML file; see configs/.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for results; default: results/NAME of the recipe.")
    ] = None,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    memory: MemoryOption = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
) -> None:
    """Compare every extractor with every head of a recipe; what is there already is not computed again."""
    from pipelines import api
    from pipelines.commands import compare
    from pipelines.cross_validation.gap import load_gap_recipe
    from pipelines.cross_validation.recipe import load_loso_recipe
    from pipelines.evaluation.summary import summarize
    from pipelines.utils import console

    by_subject = load_gap_recipe(recipe) or load_loso_recipe(recipe)
    if by_subject is not None:
        if scheduler or workers is not None:
            raise ValueError(f"{recipe} runs on this machine; leave out --scheduler and --workers")
        if not compare.run_by_subject(by_subject, out, strict, jobs, memory, json):
            raise typer.Exit(PARTLY)
        return
    plan = api.load_recipe(recipe)
    folder = out or Path("results") / plan.name
    with api.connect(scheduler, workers) as cluster:
        found = api.compare(
            plan,
            folder,
            n_jobs=jobs,
            strict=strict,
            progress=console.ConsoleProgress(),
            memory=memory,
            cluster=cluster,
        )
    if json:
        record = {"left_out": found.faults, "not_looked_at": found.ignored, "notes": found.notes}
        console.as_json({"folder": str(folder), "cells": summarize(found), **record})
    else:
        compare.print_comparison(plan, found)
    if found.failed or found.faults:
        console.say(f"mueca: {found.failed} cells failed, {found.faults} unreadable pictures were left out")
        raise typer.Exit(PARTLY)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="A head's parameters go by their scikit-learn names; several values with commas are chosen from "
    "on other subjects. Examples: mueca loso --data synthetic-clips --backbone lbp-top --head svm --C 1,10; "
    "mueca loso --data 'casme2(labels=\"megc2019\")' --backbone rotation3d-casme2 --epochs 50,100,150",
)
def loso(
    context: typer.Context,
    data: Annotated[str, typer.Option("--data", help="A set that names its subjects; see: mueca data list.")],
    backbone: Annotated[
        str, typer.Option("--backbone", help="Extractor, or without --head a network to train in each fold.")
    ],
    head: Annotated[str | None, typer.Option(help="Head, such as svm; see: mueca list.")] = None,
    protocol: Annotated[
        Literal["loso", "grouped-kfold", "random-leaky"],
        typer.Option(help="The last is wrong on purpose: subjects on both sides."),
    ] = "loso",
    select_on_test: Annotated[
        bool, typer.Option("--select-on-test", help="Choose on the test subject, to see how that flatters.")
    ] = False,
    folds: Annotated[int, typer.Option(min=3, help="Where they are not the subjects.")] = 10,
    inner: Annotated[
        int | None, typer.Option(min=2, help="Inner folds to choose on; default: 10, networks 5.")
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Let folds share the fits that choose: for heads dear to fit.")
    ] = False,
    grid: Annotated[Literal["default"] | None, typer.Option(help="Choose from the head's own grid.")] = None,
    epochs: Annotated[str | None, typer.Option(help="Of a network: one number, or several.")] = None,
    batch: Annotated[int | None, typer.Option(help="Of a network: samples a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of a network.")] = None,
    augment: Annotated[str | None, typer.Option(help="Of a network; see: mueca train --help.")] = None,
    sampling: Annotated[
        Literal["tim", "uniform", "first"], typer.Option(help="Of a network: how a clip gets its frames.")
    ] = "tim",
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Add mirrored copies of the training samples.")
    ] = False,
    equalize: EqualizeOption = "none",
    out: Annotated[Path | None, typer.Option(help="Folder for results; default: results/loso.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    memory: MemoryOption = None,
    json: JsonOption = False,
) -> None:
    """Leave each subject out in turn, everything chosen on other subjects; UF1 and UAR, pooled."""
    from pipelines.commands import compare

    plan = compare.loso_plan(context.params, context.args)
    if not compare.run_by_subject(plan, out or Path("results/loso"), strict, jobs, memory, json):
        raise typer.Exit(PARTLY)


@app.command(
    epilog="Example: mueca report results/demo --open. Nothing is fitted; what it needs beside rows and "
    "predictions (--faces, --model, the plane of vectors) it takes from the data set and the cache."
)
def report(
    folder: Annotated[Path, typer.Argument(help="What mueca compare --out or mueca fit --out wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for page, figures/ and tables/; default: report/ in it.")
    ] = None,
    cell: Annotated[
        list[str] | None,
        typer.Option(help="A cell to draw, such as 'hog + svm'; may be given again. Default: the 3 best."),
    ] = None,
    faces: Annotated[
        bool, typer.Option("--faces", help="Show faces: worst mistakes, most uncertain.")
    ] = False,
    embedding: Annotated[
        Literal["pca", "tsne", "none"], typer.Option(help="How vectors are laid out in the plane.")
    ] = "pca",
    model: Annotated[Path | None, typer.Option(help="A fitted model, to show where it looks.")] = None,
    against: Annotated[Path | None, typer.Option(help="Other results, to show what changed.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="The data set, if it moved.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a page from results: report.html, its charts (SVG, PNG) and its tables (CSV, LaTeX)."""
    from pipelines.commands.report import print_report
    from pipelines.reporting.report import Options, write_report
    from pipelines.utils import console

    options = Options(tuple(cell or ()), faces, embedding, model, against, data)
    made = write_report(folder, out, options, progress=console.ConsoleProgress())
    if json:
        console.as_json(vars(made))
    else:
        print_report(made)
    if open_:
        typer.launch(made.page.resolve().as_uri())


@app.command(
    epilog="What is not given is as the network's source did it. Interrupted, the same command goes on from "
    "the last epoch. Examples: mueca train --backbone ucm-f --data fer2013 --mirror --schedule cosine; "
    "mueca train --recipe configs/train-ucm-networks.yaml --runs 1"
)
def train(
    context: typer.Context,
    data: Annotated[str | None, typer.Option("--data", help="Name or folder of class/*.jpg.")] = None,
    backbone: Annotated[str | None, typer.Option("--backbone", help="Network; see: mueca list.")] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="YAML of several trainings; see configs/train-*.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for weights, card, history; default: results/train-BACKBONE.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Start from weights: published, a file, a name that ships.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="At most so many.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    loss: Annotated[Literal["categorical_crossentropy", "squared_hinge"] | None, typer.Option()] = None,
    optimizer: Annotated[Literal["adam", "sgd"] | None, typer.Option()] = None,
    momentum: Annotated[float | None, typer.Option(help="Of SGD.")] = None,
    schedule: Annotated[
        Literal["constant", "cosine", "exponential"] | None, typer.Option(help="Of the rate.")
    ] = None,
    decay_rate: Annotated[float | None, typer.Option(help="Of the exponential schedule.")] = None,
    decay_steps: Annotated[int | None, typer.Option(help="After so many steps each time.")] = None,
    nesterov: Annotated[bool | None, typer.Option("--nesterov/--no-nesterov", help="Of SGD.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="A step's share of the weights.")] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="Share of targets for all classes.")] = None,
    mixup: Annotated[float | None, typer.Option(help="Mix pairs by a share from Beta(x, x).")] = None,
    average: Annotated[int | None, typer.Option(help="Average the weights of so many last epochs.")] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Trained networks whose answers are mixed into the labels; NAME+NAME.")
    ] = None,
    teacher_share: Annotated[float, typer.Option(min=0, max=1, help="Its share of the targets.")] = 0.5,
    mirror: Annotated[bool, typer.Option("--mirror", help="Add mirrored training samples.")] = False,
    augment: Annotated[
        str | None,
        typer.Option(help="none, strong, ipn, or of flip,shift,rotation,zoom,erasing,crop,blur,angles."),
    ] = None,
    sampling: Annotated[
        Literal["tim", "uniform", "first"], typer.Option(help="How a clip is brought to the frames.")
    ] = "tim",
    every: Annotated[int, typer.Option(min=1, help="Epochs between two looks at validation.")] = 1,
    equalize: EqualizeOption = "none",
    tile: TileOption = 4,
    clip: ClipOption = 4.0,
    fit_on: Annotated[
        Literal["train", "train+validation"], typer.Option(help="With the second, the last epoch is kept.")
    ] = "train",
    validation: Annotated[
        str, typer.Option(help="Share of train to choose the epoch on, or a split.")
    ] = "0.1",
    test: Annotated[
        str,
        typer.Option(
            help="Split that tests, or a share held out of train: 0.2 where there is no test split."
        ),
    ] = "test",
    patience: Annotated[
        int, typer.Option(min=0, help="Stop after so many epochs without gain; 0: never.")
    ] = 10,
    precision: Annotated[Precision, typer.Option()] = "auto",
    device: Annotated[Literal["auto", "cpu", "gpu"], typer.Option()] = "auto",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    runs: Annotated[
        int | None,
        typer.Option(min=1, help="Train so often, from seed, seed + 1, ...; default: 1, or the recipe's."),
    ] = None,
    strict: StrictOption = False,
    json: JsonOption = False,
) -> None:
    """Train a network; what comes out is used as --backbone 'NAME(weights="PATH")'."""
    from pipelines.commands import train
    from pipelines.training.train import run
    from pipelines.utils import console

    fields = train.training(context, recipe)
    found = run(
        data, fields, out, recipe=recipe, runs=runs, strict=strict, progress=console.ConsoleProgress()
    )
    if json:
        console.as_json(found)
    else:
        train.print_training(found)


@app.command(
    epilog="FLOPs are two for each multiply-add and one for each bias, as R2 counts; normalisation, pooling "
    "and activations stand apart. Times are with random weights. Examples: mueca profile --out networks.csv; "
    "mueca profile ucm-f --layers"
)
def profile(
    networks: Annotated[list[str] | None, typer.Argument(help="Networks; default: every one.")] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Each layer of one network, untimed.")] = False,
    classes: Annotated[int | None, typer.Option(min=1, help="Default: 7 for faces, 3 for clips.")] = None,
    timed: Annotated[bool, typer.Option("--time/--no-time", help="Take times, or count alone.")] = True,
    seconds: Annotated[float, typer.Option(help="How long each time is taken, at least.")] = 0.5,
    out: Annotated[Path | None, typer.Option(help="Also write a .csv file.")] = None,
    json: JsonOption = False,
) -> None:
    """Say what networks cost: parameters, FLOPs, milliseconds a sample on processor and GPU."""
    from pipelines.commands import system
    from pipelines.utils import console

    if layers:
        found = system.profile_layers(networks or [], classes, out)
    else:
        found = system.profile_networks(networks or [], classes, timed, seconds, out)
    if json:
        console.as_json(found)
    else:
        system.print_profile(found, layers, out)


@app.command("export", epilog="Example: mueca export models/hog-svm --out exported/hog-svm")
def export_(
    model: Annotated[Path, typer.Argument(help="What mueca fit --out wrote.")],
    out: Annotated[Path, typer.Option(help="A new or empty folder, or an older export.")],
    format_: Annotated[
        Literal["onnx", "openvino", "both"], typer.Option("--format", help="Which files.")
    ] = "both",
    json: JsonOption = False,
) -> None:
    """Write a model as ONNX and OpenVINO files that run without mueca, checked as written."""
    from pipelines.exporting.export import FORMATS, export
    from pipelines.utils import console

    made = export(model, out, FORMATS if format_ == "both" else (format_,))
    if json:
        console.as_json(vars(made))
        return
    for form, found in made.check.items():
        apart, same = found["scores_differ_by"], found["same_label"]
        print(f"{form}: scores differ from mueca's by at most {apart:.1e}, labels equal on {same:.1%}")
    if not made.whole:
        print(f"the head only: its vectors must come from mueca ({made.extractor})")
    print(f"written to {made.folder}/ ({', '.join(made.files)})")


_DETECTORS = "auto, haar, dlib-hog, dlib-cnn, or none: every image is one face already."
DetectorOption = Annotated[str, typer.Option(help=_DETECTORS)]
MinFaceOption = Annotated[
    int | None,
    typer.Option(min=16, help="Smallest face that is judged, in pixels; default: 32, without a detector 16."),
]
EveryOption = Annotated[
    int, typer.Option(min=1, help="Search every so many frames; faces are followed in between.")
]
SmoothOption = Annotated[float, typer.Option(min=0, help="Smooth a face's numbers over so many seconds.")]


@app.command(
    epilog="One JSON line a photo or frame, or with --out NAME.csv one row a face. Examples: mueca predict "
    "photo.jpg; mueca predict holiday/ --out faces.csv --draw marked/; mueca predict talk.mp4 "
    "--out talk.csv --chart charts/ --draw marked/"
)
def predict(
    paths: Annotated[list[Path], typer.Argument(help="Photos, folders of photos, or videos.")],
    model: Annotated[
        Path | None, typer.Option(help="What mueca fit --out wrote; default: the model that ships.")
    ] = None,
    detector: DetectorOption = "auto",
    min_face: MinFaceOption = None,
    crowd: Annotated[
        bool, typer.Option("--crowd", help="Look for small faces in large pictures too; takes long.")
    ] = False,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Of networks; default: as fitted. auto: the faster on this machine."),
    ] = None,
    views: Annotated[
        Literal["one", "flip", "six", "ten"] | None,
        typer.Option(help="Looks of a network at each face: better, and as many times the work."),
    ] = None,
    form: Annotated[
        Literal["jsonl", "csv", "parquet"] | None,
        typer.Option("--format", help="Of the records; default: as --out ends, or jsonl."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A .jsonl, .csv or .parquet file; default: jsonl on the screen.")
    ] = None,
    draw: Annotated[Path | None, typer.Option(help="A folder for copies with boxes and labels.")] = None,
    chart: Annotated[
        Path | None, typer.Option(help="Videos: a folder for charts of the time line, .svg and .png.")
    ] = None,
    every: EveryOption = 10,
    smooth: SmoothOption = 0.5,
    window: Annotated[
        int | None, typer.Option(min=2, help="Videos, with a model of clips: frames judged at once; 18.")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Videos, with a model of clips: frames between two; 9.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print what became of every file; without --out as the last line.")
    ] = False,
) -> None:
    """Find every face of photos and videos and say which expression it shows."""
    from pipelines.commands import predict
    from pipelines.prediction import files
    from pipelines.utils import console

    if json and out is None and form == "csv":
        raise ValueError("--json and --format csv would share the output; give --out for the records")
    options = files.Options(form, draw, chart, every, smooth, window, stride)
    tally = files.run(
        paths, options, model=model, detector=detector, min_face=min_face, crowd=crowd, precision=precision,
        views=views, out=out, progress=console.ConsoleProgress(),
    )  # fmt: skip
    console.say(predict.tally(tally))
    predict.print_notes(tally.notes)
    if met := predict.files_met(tally):
        console.say(f"mueca: {met}")
    if json:
        predict.print_tally(tally, last_line=out is None)
    _report_faults(tally.faults, "not judged" if not tally.videos else "not all judged")


@app.command(epilog="Examples: mueca live; mueca live --source talk.mp4 --detector haar")
def live(
    source: Annotated[str, typer.Option(help="Number of a camera, or a video in its place.")] = "0",
    model: Annotated[
        Path | None, typer.Option(help="What mueca fit --out wrote; default: the model that ships.")
    ] = None,
    detector: DetectorOption = "auto",
    min_face: MinFaceOption = None,
    confidence: Annotated[
        float | None, typer.Option(help="Smallest score of the detector that is believed; its own scale.")
    ] = None,
    every: EveryOption = 10,
    smooth: SmoothOption = 0.5,
    pictures: Annotated[Path, typer.Option(help="Folder of the pictures that Space saves.")] = Path(),
) -> None:
    """Show a camera with the expression of each face; Space saves a picture, q or Esc ends."""
    from pipelines.prediction.live import run
    from pipelines.utils import console

    done = run(
        source, model=model, detector=detector, min_face=min_face, confidence=confidence, every=every,
        smooth=smooth, pictures=pictures,
    )  # fmt: skip
    for path in done.saved:
        print(path)
    console.say(f"{done.frames:,} frames shown, at last {done.rate:.0f} a second")


@app.command(
    epilog="The page is at http://127.0.0.1:8000, its endpoint for programs at /predict, described at /docs. "
    "Examples: mueca serve --open; mueca serve --reports results/ --model models/hog-svm; "
    "mueca serve --host 0.0.0.0"
)
def serve(
    host: Annotated[
        str, typer.Option(help="Where to listen. Any but this machine's own address needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 8000,
    model: Annotated[
        Path | None, typer.Option(help="What mueca fit --out wrote; default: the model that ships.")
    ] = None,
    detector: Annotated[str, typer.Option(help=_DETECTORS)] = "auto",
    min_face: Annotated[
        int | None,
        typer.Option(
            min=16, help="Smallest face that is judged, in pixels; default: 32, without a detector 16."
        ),
    ] = None,
    reports: Annotated[
        Path | None, typer.Option(help="Folder of results whose reports are shown; default: results.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="MUECA_TOKEN", help="Asked of everybody; default: made where one is needed."),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="One more name by which browsers reach it; may be given again.")
    ] = None,
    max_mb: Annotated[int | None, typer.Option(min=1, help="Of a request; default: 256.")] = None,
    max_pixels: Annotated[int | None, typer.Option(min=64, help="Of a photo; default: 50000000.")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=0.1, help="Of a video; default: 120.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Serve a page: photos, videos, the camera, reports; uploads are judged here and deleted."""
    from pipelines.utils import console
    from pipelines.web import server

    options = server.options(
        {"host": host, "port": port, "model": model, "detector": detector, "min_face": min_face,
         "reports": reports, "token": token, "allowed": tuple(allow_host or ())},
        {"size": max_mb and max_mb * 2**20, "pixels": max_pixels, "seconds": max_seconds},
    )  # fmt: skip
    server.run(options, console.say, typer.launch if open_ else None)


@app.command()
def doctor(json: JsonOption = False) -> None:
    """Say what this machine can do, what is chosen on it and why, and how to get what is missing."""
    from pipelines.diagnostics.doctor import as_records, examine
    from pipelines.utils import console

    records = as_records(examine())
    if json:
        console.as_json(records)
    else:
        console.table(["topic", "name", "state", "advice"], records)


@weights_app.command("list")
def weights_list(json: JsonOption = False) -> None:
    """List the published weight files: which are here, with what hash and licence."""
    from featurize import weights
    from pipelines.utils import console

    found = weights.listing()
    if json:
        console.as_json(found)
    else:
        console.table(["name", "state", "mb", "sha256", "licence"], found)


@weights_app.command("add", epilog="Example: mueca weights add vggface2 rcmalli_vggface_tf_notop_resnet50.h5")
def weights_add(
    name: Annotated[str, typer.Argument(help="Which: see mueca weights list.")],
    path: Annotated[Path, typer.Argument(help="The file, or a folder or .tgz with the files; it is copied.")],
) -> None:
    """Check a weight file you have and put it in place."""
    from featurize import weights

    print(f"{weights.published(name).licence}\nin place: {weights.add(name, path)}")


@weights_app.command("get", epilog="Example: mueca weights get vggface2")
def weights_get(
    name: Annotated[str, typer.Argument(help="Which: see mueca weights list.")],
    url: Annotated[str | None, typer.Option(help="A mirror; default: the publisher.")] = None,
) -> None:
    """Download a weight file, check it and put it in place; goes on from where it was interrupted."""
    from featurize import weights
    from pipelines.commands.weights import downloaded

    print(weights.published(name).licence)
    print(f"in place: {downloaded(name, url)}")


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List extractors, heads and data sets with their parameters."""
    from pipelines.commands import system
    from pipelines.utils import console

    found = system.catalogue()
    if json:
        console.as_json(found)
    else:
        system.print_catalogue(found)


@data_app.command("add", epilog="Example: mueca data add fer2013 archive.zip")
def data_add(
    name: Annotated[str, typer.Argument(help="Which set: fer2013.")],
    path: Annotated[Path, typer.Argument(help="Its folder, archive (.zip .tar .tar.xz) or .csv.")],
    strict: StrictOption = False,
    json: JsonOption = False,
) -> None:
    """Import a published data set; its counts are checked."""
    from pipelines.datasets import registry
    from pipelines.utils import console

    report = registry.add(name, path, progress=console.ConsoleProgress(), strict=strict)
    if json:
        console.as_json(report.as_dict())
    else:
        print(report.text())
    _report_faults(report.faults)


@data_app.command("list")
def data_list(json: JsonOption = False) -> None:
    """List the data sets that can be used by name."""
    from pipelines.datasets import registry
    from pipelines.utils import console

    found = [{"name": name, "state": state} for name, state in registry.list_datasets().items()]
    if json:
        console.as_json(found)
    else:
        console.table(["name", "state"], found)


@data_app.command("audit", epilog="Example: mueca data audit fer2013 --out audit/")
def data_audit(
    data: Annotated[str, typer.Argument(help="Name (fer2013, synthetic) or a folder of class/*.jpg.")],
    out: Annotated[Path | None, typer.Option(help="Folder for summary.csv and findings.csv.")] = None,
    threshold: Annotated[
        int | None, typer.Option(min=0, max=32, help="Bits of 64 that near duplicates differ in.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Find unreadable, blank and constant pictures, and duplicates within and across splits."""
    from pipelines.commands.data import audit as audited
    from pipelines.utils import console

    audit, written = audited(data, threshold, out, console.ConsoleProgress())
    if json:
        console.as_json(audit.as_dict())
    else:
        print(audit.text())
        for path in written:
            print(f"written to {path}")


@cache_app.command("list")
def cache_list(json: JsonOption = False) -> None:
    """List the cached embeddings, the most recently used first."""
    from pipelines.commands import cache
    from pipelines.utils import console

    _show_entries(cache.cache_records(_store().entries()), json, console)


@cache_app.command("verify")
def cache_verify(json: JsonOption = False) -> None:
    """Check every embedding against its checksum; exit code 1 if one is damaged."""
    from pipelines.utils import console

    store = _store()
    found = store.verify()
    if json:
        console.as_json({"checked": len(store.entries()), "damaged": found})
    else:
        for key, problem in found.items():
            print(f"{key[:12]} {problem}")
        print(
            f"{len(store.entries())} embeddings, {len(found)} damaged"
            + ("; mueca cache prune" if found else "")
        )
    if found:
        raise typer.Exit(1)


@cache_app.command("prune")
def cache_prune(
    everything: Annotated[bool, typer.Option("--all", help="Remove every embedding.")] = False,
    unused_days: Annotated[
        float | None, typer.Option(min=0, help="And those not used for so many days.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Remove damaged and half-written embeddings, and more if asked."""
    from pipelines.commands import cache
    from pipelines.utils import console

    _show_entries(
        cache.cache_records(_store().prune(everything=everything, unused_days=unused_days)), json, console
    )


def _show_entries(records: list[dict[str, Any]], json: bool, console: Any) -> None:
    if json:
        console.as_json(records)
    else:
        console.table(["key", "state", "extractor", "dataset", "rows", "dim", "mb", "last_used"], records)
        print(f"{len(records)} embeddings, {sum(r['mb'] for r in records):,.1f} MB")


def _store() -> Store:
    from featurize.store import Store, default_root

    return Store(default_root())


def _report_faults(faults: Any, what: str = "left out", named: bool = False) -> None:
    """Name what was left out, one line each, and leave with the code that says so.

    `named` says that it was named already: the loaders of clips do so, for every command.
    """
    from pipelines.utils import console

    for fault in () if named else faults[:20]:
        console.say(f"mueca: {what} {console.printable(fault.path)}: {fault.reason}")
    if len(faults) > 20 and not named:
        console.say(f"mueca: and {len(faults) - 20} more; mueca data audit --out FOLDER lists them all")
    if faults:
        raise typer.Exit(PARTLY)


def main(words: list[str] | None = None, prefix: tuple[str, ...] = ()) -> None:
    """Run ``mueca``; errors become one line and an exit code.

    Exit codes: 0 all was done; 1 an error; 2 the words could not be read; 3 done, but something was left out;
    130 interrupted.
    """
    given = list(sys.argv[1:] if words is None else words)
    debug = "--debug" in given or bool(os.environ.get("MUECA_DEBUG"))
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
        code = typer.main.get_command(app).main(arguments, prog_name="mueca", standalone_mode=False) or 0
    except TyperException as error:
        said, context = error.format_message().replace("Value error, ", ""), getattr(error, "ctx", None)
        where = context.command_path if context else "mueca"
        return _fail(f"{said} (see: {where} --help)", error.exit_code)
    except Exception as error:
        if _interrupted(error):
            raise KeyboardInterrupt from None
        if debug:
            raise
        from pipelines.utils.console import explain

        return _fail(explain(error), 1)
    if code == INTERRUPTED:  # typer turns Ctrl-C into its exit code
        raise KeyboardInterrupt
    return code


def _interrupted(error: BaseException | None) -> bool:
    """Say whether Ctrl-C is behind an error: a compiled module that is imported turns it into another."""
    return isinstance(error, KeyboardInterrupt) or (
        error is not None and _interrupted(error.__cause__ or error.__context__)
    )


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
