"""A fitted model as ONNX and OpenVINO files that run without mueca, in one folder, checked as written."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from classifiers import answers, label_is_largest
from featurize.atomic import atomic_folder
from featurize.store import file_sha256
from pipelines.exporting.heads import NotExportable, head_graph
from pipelines.models.model import Model, load_model
from pipelines.utils.paths import as_path, check_target

__all__ = ["Exported", "NotExportable", "export"]

Format = Literal["onnx", "openvino"]
FORMATS: tuple[Format, ...] = ("onnx", "openvino")
FORMAT = 1
#: What a folder of an export holds.
PARTS = ("head.*", "extractor.*", "export.json", "predict.py", "__pycache__", ".DS_Store")
#: Largest difference to mueca's own float32 values, as a share of the largest of them (at least of 1).
TOLERANCE: dict[Format, float] = {"onnx": 1e-4, "openvino": 2e-3}
#: Share of probes that may differ by more: a vote within rounding of the border falls the other way.
LET_BE = 0.02
#: Synthetic faces, or vectors, that the written files are checked on.
PROBES = 70
_TEMPLATES = Path(__file__).with_name("templates")
#: What the extra `export` installs.
_NEEDED = ("onnx", "onnxruntime")
#: Names of outputs; OpenVINO may know one output by several.
_OUTPUTS = ("vectors", "scores", "label")

#: What the output ``label`` is, by whether it always has the largest score.
_LABEL = {
    True: "the head's own prediction: the class of the largest score",
    False: "the head's own prediction, which the test scores measured; need not have the largest score",
}

Run = Callable[[str, NDArray[np.float32]], dict[str, NDArray[Any]]]


@dataclass(frozen=True)
class Exported:
    """What `export` wrote.

    Attributes
    ----------
    folder : Path
    files : list of str
    extractor : str
        The extractor's expression.
    whole : bool
        Whether the extractor is in the folder; if not, vectors must come from mueca.
    check : dict
        By format: largest difference to mueca, share of equal labels.
    """

    folder: Path
    files: list[str]
    extractor: str
    whole: bool
    check: dict[str, Any]


def export(
    model: Path | str | Model,
    out: Path | str,
    formats: Sequence[Format] = FORMATS,
    trusted: Iterable[str] = (),
) -> Exported:
    """Write a model as files that run without mueca.

    The folder holds ``extractor`` (where the model's vectors come from one network) and ``head`` in each
    format, ``export.json`` (classes, input, tolerance, what was checked), and ``predict.py``, an example that
    needs NumPy, Pillow and ONNX Runtime. All files are float32. What was written is run on synthetic faces
    and compared with mueca before the folder is put in place.

    Parameters
    ----------
    model : path or Model
        What ``mueca fit --out`` wrote.
    out : path
        A new or empty folder, or an older export, which is replaced.
    formats : sequence of {"onnx", "openvino"}
    trusted : iterable of str
        See `pipelines.models.model.load_model`.

    Raises
    ------
    NotExportable
        If there is no graph for the head or the network, or a written file does not give what mueca gives.
    ValueError
        If the folder holds something else, or the extra ``export`` is not installed.
    """
    _check_installed()
    found = model if isinstance(model, Model) else load_model(model, trusted)
    folder = as_path(out, "out")
    check_target(folder, "export.json", "export", PARTS)
    with atomic_folder(folder) as temporary:
        made = _write(found, temporary, list(dict.fromkeys(formats)))
    names = sorted(path.name for path in folder.iterdir())
    return Exported(folder, names, found.extractor, made["whole"], made["check"])


def _check_installed() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"{' and '.join(missing)} not installed; run: pip install 'mueca[export]'")


def _write(model: Model, folder: Path, formats: Sequence[Format]) -> dict[str, Any]:
    from pipelines.exporting.detector import constants, write_detector
    from pipelines.exporting.network import lone_network, write_network

    card = _card(model)
    notes = {"classes": json.dumps(card["classes"]), "title": card["title"], "limits": card["limits"]}
    network = lone_network(model.extractor) if model.kinds == {"image"} else None
    (folder / "head.onnx").write_bytes(head_graph(model.estimator, notes).SerializeToString())
    if network is not None:
        write_network(network, folder / "extractor.onnx", notes)
    made: dict[str, Any] = {"whole": network is not None, "check": {}}
    for form in formats:
        made["check"][form] = _made(form, folder, model, network)
    if "onnx" in formats:
        shutil.copy(_TEMPLATES / ("faces.py" if network is not None else "vectors.py"), folder / "predict.py")
        if network is not None:
            write_detector(folder / "detector.onnx", {"licence": "Apache-2.0", "source": "MediaPipe"})
            card["detector"] = constants()
            shutil.copy(_TEMPLATES / "photo.mjs", folder / "photo.mjs")
    else:
        for path in folder.glob("*.onnx"):
            path.unlink()
    card |= made | {"input": _input(model, network), "sha256": _hashes(folder)}
    (folder / "export.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return made


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir())}


def _card(model: Model) -> dict[str, Any]:
    """Return what a reader must know: classes in the order of the scores, where they come from, limits."""
    from pipelines.utils.provenance import library_versions

    parts = model.card["extractor"]["parts"]
    return {
        "format": FORMAT,
        "title": model.card["title"],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "classes": [model.classes[int(k)] for k in model.estimator.classes_],
        "scores": "probabilities" if hasattr(model.estimator, "predict_proba") else "scores",
        "label": _LABEL[label_is_largest(model.estimator)],
        "extractor": {
            "expression": model.extractor,
            "dim": int(model.estimator.n_features_in_),
            "licences": [part.get("licence", "") for part in parts],
        },
        "head": model.card["head"],
        "data": model.card["data"],
        "protocol": model.card["protocol"],
        "test": model.card["scores"],
        "marks": model.card.get("marks", []),
        "warnings": model.card.get("warnings", []),
        "tolerance": TOLERANCE,
        "versions": library_versions(),
        "limits": model.card["limits"],
    }


def _input(model: Model, network: Any) -> dict[str, Any]:
    """Return, in numbers and in words, what the files take."""
    equalize = model.preprocess.model_dump(exclude={"mirror"})
    if network is None:
        words = (
            "vectors (n, d) float32 from mueca itself: its extractor is not in this folder. Make them with "
            f'mueca featurize --data FOLDER --backbone "{model.extractor}" --out VECTORS.npy'
        )
        return {"takes": "vectors", "preprocess": equalize, "words": words}
    size, channels = network.sized.size, network.sized.channels
    reduce_to = model.largest
    first = f"larger than {reduce_to}: reduced to {reduce_to} (area mean); then " if reduce_to else ""
    words = (
        f"pixels (n, {size}, {size}, {channels}) float32, 0 to 255, {'grey' if channels == 1 else 'RGB'}: "
        f"one face, cropped as in training; {first}brought to {size} (area mean or cubic, a = -0.75)"
    )
    if equalize["equalize"] != "none":
        words += f"; equalised ({equalize['equalize']}, OpenCV's) before it is brought to {size}"
    return {
        "takes": "pixels", "size": size, "channels": channels, "reduce_to": reduce_to, "side": model.side,
        "preprocess": equalize, "words": words,
    }  # fmt: skip


def _made(form: Format, folder: Path, model: Model, network: Any) -> dict[str, Any]:
    """Write one format and return how it compares with mueca; OpenVINO's files are made of ONNX's."""
    parts = ["head"] if network is None else ["extractor", "head"]
    run = _openvino(folder, parts) if form == "openvino" else _onnxruntime(folder, parts)
    faces = _faces() if model.kinds == {"image"} else None
    if network is None:
        vectors = _vectors(model, faces)
        return _compared(form, model, vectors, run("head", vectors))
    pixels, expected = _pixels(model, faces, network)
    given = run("extractor", pixels)["vectors"]
    apart = _apart(given, expected)
    _check(form, "extractor", apart)
    found = _compared(form, model, expected, run("head", given))
    here = model.predict(faces)
    labels = [model.classes[int(k)] for k in model.estimator.classes_[run("head", given)["label"]]]
    same = float(np.mean([a == b for a, b in zip(labels, here, strict=True)]))
    return found | {"vectors_differ_by": float(apart.max()), "same_label_as_mueca_here": same}


def _faces() -> list[NDArray[np.uint8]]:
    """Return faces drawn by our own code."""
    from pipelines.api import load_dataset

    samples = load_dataset("synthetic").samples
    return [samples[i] for i in range(0, len(samples), len(samples) // PROBES)]


def _vectors(model: Model, faces: list[NDArray[np.uint8]] | None) -> NDArray[np.float32]:
    if faces is not None:
        return model.embed(faces)
    shape = (PROBES, int(model.estimator.n_features_in_))
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _pixels(model: Model, faces: Any, network: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the pixels of faces as the exported network takes them, and the vectors mueca makes of them."""
    from featurize.images import fit_to

    ready = [model.preprocess.apply(face) for face in faces]
    fitted = np.stack([fit_to(face, network.sized.size, network.sized.channels) for face in ready])
    return fitted.reshape(-1, *network.sized.shape).astype(np.float32), network.transform(ready)


def _apart(found: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.float64]:
    """Return each row's largest difference, as a share of the largest value (at least of 1)."""
    apart: NDArray[np.float64] = np.abs(found.astype(np.float64) - expected).max(axis=1)
    return apart / max(1.0, float(np.abs(expected).max()))


def _compared(form: Format, model: Model, vectors: Any, found: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Compare a head's file with the head."""
    labels, scores, _ = answers(model.estimator, vectors)
    apart = _apart(found["scores"], scores)
    same = model.estimator.classes_[found["label"]] == labels
    _check(form, "head", np.where(same, apart, np.inf))
    usual = np.sort(apart)[: max(1, int(len(apart) * (1 - LET_BE)))]
    return {"probes": len(vectors), "scores_differ_by": float(usual[-1]), "same_label": float(same.mean())}


def _check(form: Format, part: str, apart: NDArray[np.float64]) -> None:
    off = float((~(apart <= TOLERANCE[form])).mean())
    if off > LET_BE:
        raise NotExportable(
            f"{form}: the {part} as written differs from mueca's own by more than {TOLERANCE[form]} on "
            f"{off:.0%} of the faces it was checked on; nothing was exported"
        )


def _onnxruntime(folder: Path, parts: Sequence[str]) -> Run:
    import onnxruntime

    sessions = {part: onnxruntime.InferenceSession(folder / f"{part}.onnx") for part in parts}

    def run(part: str, data: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        session = sessions[part]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, {session.get_inputs()[0].name: data}), strict=True))

    return run


def _openvino(folder: Path, parts: Sequence[str]) -> Run:
    """Write ``.xml`` and ``.bin`` of each part, and return what runs them in float32."""
    from featurize.backbones.frame import quiet
    from featurize.engine import core, openvino

    compiled = {}
    with quiet():
        for part in parts:
            model = openvino().convert_model(folder / f"{part}.onnx")
            openvino().save_model(model, folder / f"{part}.xml", compress_to_fp16=False)
            made = core().read_model(folder / f"{part}.xml")
            compiled[part] = core().compile_model(made, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(part: str, data: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        found = compiled[part](data)
        return {n: v.copy() for port, v in found.items() for n in port.get_names() if n in _OUTPUTS}

    return run
