"""A fitted head with its extractor, in one folder: what ``mueca fit`` writes and predicting reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.utils.metaestimators import available_if

from classifiers import answers, persist
from classifiers import head as build_head
from classifiers.registry import head_spec
from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.views import Views
from featurize.base import Extractor
from featurize.checks import check_samples
from featurize.engine import Precision
from featurize.images import MIN_SIDE, Image, Preprocess, resize
from featurize.inputs import Color, as_images
from featurize.registry import parse
from featurize.suggest import hint
from pipelines.models.folders import DEFAULT as DEFAULT
from pipelines.models.folders import FOLDER as FOLDER
from pipelines.models.folders import NAME, check_manifest, read_card
from pipelines.models.folders import model_folder as model_folder
from pipelines.models.folders import shipped_models as shipped_models

if TYPE_CHECKING:
    from pipelines.recipe import Head

FORMAT = 1
#: What a folder of a model holds, beside a report on it.
PARTS = (
    "head.skops", "head.skops.json", "card.json", "rows.csv", "rows.lock", "predictions.npz", "weights-*",
    "manifest.json", "report", ".DS_Store",
)  # fmt: skip
#: Side in pixels of training faces where a card does not say it: FER2013's.
TRAINED_SIDE = 48


@dataclass(frozen=True, repr=False)
class Model:
    """A head with the extractor it was fitted on.

    Attributes
    ----------
    extractor : str
        Expression with every parameter written out.
    preprocess : Preprocess
    estimator : classifier
    card : dict
        What it is, on what it was fitted, how it was chosen, its scores, versions.
    precision : {"auto", "f32", "bf16"}, optional
        What networks compute in; by default what the head was fitted with. bf16 is up to twice as fast where
        "auto" chooses the faster, and hardly moves a score (``docs/results/precision.txt``).
    views : {"one", "flip", "six", "ten"}, optional
        How often networks look at a face; by default as often as when the head was fitted. Six looks at what
        was fitted on one make the model that ships better (``docs/results/default-model.txt``).
    """

    extractor: str
    preprocess: Preprocess
    estimator: Any
    card: dict[str, Any]
    precision: Precision | None = None
    views: Views | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions, in the order of the scores."""
        return tuple(self.card["classes"])

    @property
    def side(self) -> int:
        """Side in pixels of the faces the head was fitted on; 48 (FER2013's) where its card is silent."""
        return int(self.card["data"].get("side") or TRAINED_SIDE)

    @property
    def largest(self) -> int | None:
        """Longest side in pixels of the images the head was fitted on, or measured on; None if unknown.

        A larger image is first reduced to it, so that the model sees no more than it did then. Cards of
        earlier versions know only `side`, and say nothing where the images were no squares.
        """
        data = self.card["data"]
        known = data.get("largest") or data.get("side")
        return int(known) if known else (None if "side" in data else TRAINED_SIDE)

    @property
    def kinds(self) -> set[str]:
        """What its extractors take: "image", "clip" or "flow"."""
        return {part["kind"] for part in self.card["extractor"]["parts"]}

    @property
    def classes_(self) -> NDArray[np.str_]:
        """The emotions as scikit-learn names them: the columns of `predict_proba`."""
        return np.array(self.classes)

    def __repr__(self) -> str:
        head, data = self.card.get("head", {}), self.card.get("data", {})
        return f"Model({head.get('name', '?')} on {self.extractor}, fitted on {data.get('name', '?')})"

    def embed(self, images: Any, color: Color = "rgb") -> NDArray[np.float32]:
        """Return the (n, d) vectors of (h, w) or (h, w, 3) uint8 images of faces; larger ones are reduced.

        See `largest`. Clips and motion maps are taken as they are.

        Parameters
        ----------
        images : path, bytes, PIL.Image.Image, array, or a list of these
            An (n, h, w) or (n, h, w, 3) array is a stack; one image alone counts as a list of one. A model of
            clips takes (t, h, w) uint8 grey frames. `scores` and `predict` take the same.
        color : {"rgb", "bgr"}
            Order of the channels of arrays.

        Raises
        ------
        TypeError, ValueError
            If one is no such array; the message says which, and what to give.
        """
        kind = self._parts[0].kind
        given = list(as_images(images, color) if kind == "image" else check_samples(images, kind))
        if not given:
            return np.empty((0, sum(part.dim for part in self._parts)), np.float32)
        ready = [self.preprocess.apply(self.reduced(image), kind) for image in given]
        return np.hstack([part.transform(ready) for part in self._parts])

    def reduced(self, image: Image) -> Image:
        """Return an image no larger than those that this model was fitted on."""
        most = self.largest if self._parts[0].kind == "image" else None
        return resize(image, most) if most and max(image.shape[:2]) > most else image

    @cached_property
    def _parts(self) -> list[Extractor]:
        """The extractors, made once: a network is compiled when it is first used."""
        given = {"precision": self.precision, "views": self.views}
        changes = {name: value for name, value in given.items() if value is not None}
        return [p.at(**changes) if isinstance(p, NetworkExtractor) else p for p in parse(self.extractor)]

    @property
    def networks(self) -> list[NetworkExtractor]:
        """Those of its extractors that are networks."""
        return [part for part in self._parts if isinstance(part, NetworkExtractor)]

    def labels_and_scores(
        self, images: Any, color: Color = "rgb"
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return what the head says of each image of a face, in one pass.

        Returns
        -------
        labels : (n,) ndarray of int
            Positions in `classes`, by the head's own `predict`: the labels that fitting measured.
        scores : (n, k) ndarray of float64
            As `scores`. The label need not have the largest, see `classifiers.label_is_largest`.
        """
        return self.answers_of(self.embed(images, color))

    def answers_of(self, X: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return what the head says of (n, d) vectors that `embed` gave; as `labels_and_scores`."""
        if not len(X):
            return np.empty(0, np.intp), np.empty((0, len(self.classes)))
        labels, found, _ = answers(self.estimator, X)
        return np.asarray(labels, np.intp), found

    def scores(self, images: Any, color: Color = "rgb") -> NDArray[np.float64]:
        """Return the (n, k) numbers of the head: its probabilities, or else its scores."""
        return self.labels_and_scores(images, color)[1]

    def predict(self, images: Any, color: Color = "rgb") -> list[str]:
        """Return the emotion of each image of a face: the head's own prediction, as fitting measured it."""
        return [self.classes[int(k)] for k in self.labels_and_scores(images, color)[0]]

    @available_if(lambda self: hasattr(self.estimator, "predict_proba"))
    def predict_proba(self, images: Any, color: Color = "rgb") -> NDArray[np.float64]:
        """Return (n, k) probabilities in the order of `classes_`; there only where the head has them."""
        return self._of_head("predict_proba", images, color)

    @available_if(lambda self: hasattr(self.estimator, "decision_function"))
    def decision_function(self, images: Any, color: Color = "rgb") -> NDArray[np.float64]:
        """Return the head's (n, k) scores, (n,) of the second of two; there only where the head has them."""
        return self._of_head("decision_function", images, color)

    def _of_head(self, method: str, images: Any, color: Color) -> NDArray[np.float64]:
        X = self.embed(images, color)
        if not len(X):
            return np.empty((0, len(self.classes)))
        return np.asarray(getattr(self.estimator, method)(X), np.float64)


def check_saved(head: Head) -> None:
    """Refuse a head that could be fitted and then not saved, before anything is computed.

    Raises
    ------
    PersistError
        If its estimator is not on the allow-list of `classifiers.persist`.
    """
    estimator = build_head(head.head, **head.candidates()[0])
    persist.check_savable(estimator, f"head {head.head}", head_spec(head.head).trusted)


def _with_own_weights(expression: str, card: dict[str, Any], folder: Path) -> str:
    """Return the expression with the folder's own copies of weight files, wherever the originals went."""
    for given, name in dict(card.get("weights", {})).items():
        own = (folder / Path(name).name).absolute()
        if own.is_file():
            expression = expression.replace(repr(given), repr(str(own)))
    return expression


def load_model(folder: Path | str | None = None, trusted: Iterable[str] = ()) -> Model:
    """Read a model folder: one of yours, or a model that ships, by its name.

    Parameters
    ----------
    folder : Path, str or None
        See `model_folder`; the default model if None.
    trusted : iterable of str
        Types from outside that its head may hold, as ``package.module.Class``; see `register_head`.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such folder, or it is a file: the message says what to give.
    ValueError
        If it is no model, was changed, or its extractor would no longer give the same vectors.
    """
    folder = model_folder(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(_no_folder(folder))
    if not (folder / "card.json").is_file():
        make = f"make one with: mueca fit ... --out {folder}"
        raise FileNotFoundError(f"no model in {folder}; {hint(str(folder), shipped_models(), make)}")
    try:
        card = read_card(folder)
        _check_sides(card["data"])
        expression, settings = card["extractor"]["expression"], dict(card["preprocess"])
        expression = _with_own_weights(expression, card, folder)
        settings.pop("mirrored_copies", None)
        preprocess = Preprocess(**settings)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{folder}/card.json is no card of a model: {_card_words(error)}") from None
    _check_match(folder, card, expression, persist.load_card(folder / "head.skops")["meta"])
    if not check_manifest(folder) and "manifest" in card:
        raise ValueError(f"{folder} lacks {NAME}, which its card names; copy the folder anew, or fit again")
    estimator = persist.load(folder / "head.skops", trusted)
    return Model(expression, preprocess, estimator, card)


def _card_words(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]}"
    if isinstance(error, ValidationError):
        from pipelines.recipe import first_problem  # of a damaged card only

        return ": ".join(first_problem(error))
    if isinstance(error, TypeError | AttributeError):
        return "a part of it is of another kind"
    return " ".join(str(error).split())


def _check_sides(data: Mapping[str, Any]) -> None:
    """Refuse sizes of faces that no image has."""
    for name in ("side", "largest"):
        value = data.get(name)
        if value is not None and not (type(value) is int and value >= MIN_SIDE):
            raise ValueError(
                f"{name} is {value!r:.20}; a whole number of at least {MIN_SIDE} pixels belongs there"
            )


def _no_folder(path: Path) -> str:
    """Return what to give in place of a file."""
    if (path.parent / "card.json").is_file():
        return f"{path} is a file of the model in {path.parent}; give that folder"
    if path.suffix.lower() in (".yaml", ".yml"):
        return f"{path} is a recipe, no model; make a folder with mueca fit ... --out MODEL, and give that"
    return f"{path} is a file, no model; give the folder that mueca fit --out wrote"


def _check_match(folder: Path, card: dict[str, Any], expression: str, meta: dict[str, Any]) -> None:
    """Refuse a head that was fitted on other vectors than the card's extractor gives now."""
    if meta.get("extractor") != card["extractor"]["expression"] or meta.get("classes") != card["classes"]:
        raise ValueError(f"{folder}: head.skops and card.json are not of the same model")
    made = [
        {k: v for k, v in part.items() if k not in ("licence", "source")}
        for part in card["extractor"]["parts"]
    ]
    parts = parse(expression)
    if len(parts) == len(made):
        parts = [_as_recorded(*pair) for pair in zip(parts, made, strict=True)]
    now = json.loads(json.dumps([part.spec.identity() for part in parts]))
    # What decides no vector (where weights lie, the engine) is in the card but not in an identity.
    for part, present in zip(made, now, strict=False):
        part["params"] = {k: v for k, v in part["params"].items() if k in present["params"]}
    if now != made:
        raise ValueError(f"{folder}: its extractor has changed since the head was fitted; fit it again")


def _as_recorded(part: Extractor, recorded: dict[str, Any]) -> Extractor:
    """Return an extractor in the precision of its record, where this processor may choose another."""
    if isinstance(part, NetworkExtractor) and part.params.precision == "auto":
        return part.at(precision=recorded["params"]["precision"])
    return part


def model_for(
    model: Path | str | None, precision: Precision | None = None, views: Views | None = None,
    trusted: Iterable[str] = (),
) -> Model:  # fmt: skip
    """Return a model as it is to be asked; parameters and errors as `Predictor.load`."""
    found = replace(load_model(model, trusted), precision=precision, views=views)
    if views is not None and not found.networks:
        raise ValueError(f"views={views}: this model has no network that could look again; leave it out")
    return found
