"""Networks in int8: calibrated on training faces by NNCF, checked on a test set, kept in the cache folder."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import atomic_folder, write_text
from featurize.cache_folder import default_root, usable_root
from featurize.hashes import file_sha256, key_of

if TYPE_CHECKING:
    from featurize.engine import Runner

#: Faces that calibrate: the ranges of activations change little with more.
FACES = 300
#: Points of accuracy that int8 may lose for ``precision="auto"`` to take it.
MOST_LOST = 0.2
_RECORD = "int8.json"


def name_of(identity: dict[str, Any]) -> str:
    """Return the name of the folder that holds a network's int8 form."""
    from featurize.engine import openvino

    return key_of(identity | {"openvino": openvino().__version__, "precision": "int8"})


def record_of(identity: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is known of a network's int8 form (SHA-256, calibration, what it lost), or None.

    Parameters
    ----------
    identity : dict
        As `featurize.engine.compiled` takes it.
    """
    if importlib.util.find_spec("openvino") is None:
        return None
    for root in filter(None, dict.fromkeys((default_root(), usable_root()))):
        folder = root / "engines" / name_of(identity)
        try:
            return {**json.loads((folder / _RECORD).read_text("utf-8")), "path": str(folder / "model.xml")}
        except (OSError, ValueError):
            continue
    return None


def is_trusted(identity: dict[str, Any]) -> bool:
    """Return whether a test set has shown that the int8 form loses at most `MOST_LOST` points."""
    known = record_of(identity)
    return known is not None and known.get("lost") is not None and known["lost"] <= MOST_LOST


def model_path(identity: dict[str, Any], name: str) -> Path:
    """Return a network's int8 form.

    Raises
    ------
    ValueError
        If there is none, or it is not the one that its record is of.
    """
    known = record_of(identity)
    if known is None:
        raise ValueError(
            f"there is no int8 form of {name} here; make one, calibrated on training faces: "
            f"mueca quantize --backbone {name} --data NAME"
        )
    path = Path(known["path"])
    if file_sha256(path.with_suffix(".bin")) != known["sha256"]:
        raise ValueError(f"{path} is damaged (its checksum differs); remove its folder and quantize again")
    return path


def runner(identity: dict[str, Any], name: str, shape: tuple[int, ...]) -> Runner:
    """Return a network's int8 form, ready to run; raises as `model_path`."""
    from featurize.engine import OpenVinoRunner, cpu_capabilities

    rest = "bf16" if "BF16" in cpu_capabilities() else "f32"  # of what is not quantised
    return OpenVinoRunner(model_path(identity, name), shape, rest)


def quantize(
    source: Path,
    identity: dict[str, Any],
    shape: tuple[int, ...],
    faces: NDArray[np.uint8],
    said: dict[str, Any],
) -> dict[str, Any]:
    """Quantise an exported network after training; return its record.

    Parameters
    ----------
    source : Path
        The network in OpenVINO's form.
    identity : dict
    shape : tuple of int
        Of one input.
    faces : (n, h, w, c) uint8
        That calibrate it, arranged as the network takes them: of the training split alone.
    said : dict
        What the record keeps besides: of which data they are.

    Raises
    ------
    ValueError
        If NNCF is not installed, or no folder can be written.
    """
    root = usable_root()
    if root is None:
        raise ValueError("no cache folder can be written; set MUECA_CACHE to one that can")
    from featurize.backbones.frame import quiet
    from featurize.engine import core, openvino

    nncf, model = require_nncf(), core().read_model(source)
    model.reshape([1, *shape])
    items = [face[None].astype(np.float32) for face in faces[:FACES]]
    with quiet(), contextlib.redirect_stdout(io.StringIO()):  # its own bars
        found = nncf.quantize(model, nncf.Dataset(items), subset_size=len(items))
    folder = root / "engines" / name_of(identity)
    with atomic_folder(folder, keep="model.xml") as temporary:
        openvino().save_model(found, temporary / "model.xml")
        record = {"sha256": file_sha256(temporary / "model.bin"), "faces": len(items), "lost": None} | said
        write_text(temporary / _RECORD, json.dumps(record))
    return record


def keep_check(identity: dict[str, Any], lost: float, on: str) -> None:
    """Write down how many points of accuracy the int8 form lost on a test set."""
    known = record_of(identity)
    if known is not None:
        path = Path(known.pop("path")).with_name(_RECORD)
        write_text(path, json.dumps(known | {"lost": lost, "checked_on": on}))


def require_nncf() -> Any:
    """Return the `nncf` module.

    Its telemetry is a package of its own, which `featurize.engine.openvino` hides from both.
    """
    from featurize.engine import openvino

    openvino()
    if importlib.util.find_spec("nncf") is None:
        raise ValueError("int8 needs NNCF: pip install 'mueca[int8]'")
    return importlib.import_module("nncf")
