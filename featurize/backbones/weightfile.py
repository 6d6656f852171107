"""Weight files of our own networks: one .npz with a card, read without running any code.

Each tensor is stored as ``layer/variable``, in half precision where it ships with the package, or its
kernels in eight bits with a scale for each output channel (``layer/variable#scale``). The card (JSON) says
what the network is, what it learned from and how well it did; ``#samples`` and ``#contents`` hold 64-bit
marks of the samples it learned from, so that nobody tests on them by mistake.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import write_bytes
from featurize.json_files import mapping_of
from featurize.npz_files import read_npz
from featurize.suggest import os_error_words

FORMAT = 1
_CARD, _SAMPLES, _CONTENTS = "#card", "#samples", "#contents"
#: Behind the name of a kernel in eight bits: what each of its output channels is multiplied by.
_SCALE = "#scale"
#: What parts of a card must be, where it has them.
_KINDS: dict[str, type] = {"classes": list, "data": dict, "recipe": dict, "accuracy": dict}


class WeightsError(OSError):
    """A weight file cannot be used, or is not there; the message says what to do."""


@dataclass(frozen=True)
class TrainingProvenance:
    """Marks of the samples that decided the weights, sorted.

    Attributes
    ----------
    samples : (n,) uint64
        Of content and name together.
    contents : (n,) uint64
        Of content alone.
    """

    samples: NDArray[np.uint64]
    contents: NDArray[np.uint64]

    @classmethod
    def of(cls, digests: Sequence[str], ids: Sequence[str]) -> TrainingProvenance:
        """Return the marks of samples by their SHA-256 (hex) and their names."""
        return cls(np.sort(sample_marks(digests, ids)), np.sort(sample_marks(digests)))

    def __or__(self, other: TrainingProvenance) -> TrainingProvenance:
        """Return the marks of both."""
        return TrainingProvenance(
            np.union1d(self.samples, other.samples), np.union1d(self.contents, other.contents)
        )


@dataclass(frozen=True)
class Weights:
    """What a weight file holds.

    Attributes
    ----------
    tensors : dict of str to float32 array
        By ``layer/variable``.
    card : dict
        At least ``network``, ``version``, ``classes`` and ``trained_on``.
    seen : TrainingProvenance
    """

    tensors: dict[str, NDArray[np.float32]]
    card: dict[str, Any]
    seen: TrainingProvenance


def sample_marks(digests: Iterable[str], ids: Iterable[str] | None = None) -> NDArray[np.uint64]:
    """Return the 64-bit mark of each sample, in order: of its SHA-256 (hex), and its name where given."""
    if ids is None:
        return np.array([int(d[:16], 16) for d in digests], np.uint64)
    both = (hashlib.sha256(f"{d} {i}".encode()).hexdigest() for d, i in zip(digests, ids, strict=True))
    return np.array([int(h[:16], 16) for h in both], np.uint64)


def tensors_of(model: Any) -> dict[str, Any]:
    """Return the model's variables by ``layer/variable``, in order."""
    return {f"{layer.name}/{v.name}": v for layer in model.layers for v in layer.weights}


def values_of(model: Any) -> dict[str, NDArray[np.float32]]:
    """Return the variables' values by ``layer/variable``; a training in bf16 keeps them in float32."""
    from featurize.backbones.frame import keras

    convert = keras().ops.convert_to_numpy
    return {name: np.asarray(convert(v), np.float32) for name, v in tensors_of(model).items()}


def save(path: Path, tensors: Mapping[str, NDArray[Any]], card: Mapping[str, Any], seen: TrainingProvenance,
         dtype: type[np.number[Any]] = np.float32, *, exact: bool = False) -> str:  # fmt: skip
    """Write a weight file, whole or not at all, and return its SHA-256.

    Parameters
    ----------
    path : Path
    tensors : mapping of str to array
        By ``layer/variable``.
    card : mapping
    seen : TrainingProvenance
    dtype : type
        What the tensors are stored in. ``np.int8``: the kernels whose last axis are output channels, with one
        scale a channel (symmetric, round to nearest: Jacob et al., CVPR 2018); what else there is in float16.
    exact : bool
        Store in float32 those tensors that `dtype` would round.

    Raises
    ------
    WeightsError
        If a tensor holds a value that is not finite in `dtype`: half precision ends at 65,504.
    """
    with np.errstate(over="ignore"):
        arrays: dict[str, NDArray[Any]] = {}
        for name, tensor in tensors.items():
            arrays |= _stored(name, np.asarray(tensor), dtype, exact)
    if bad := [name for name, a in arrays.items() if not np.isfinite(a).all()]:
        raise WeightsError(f"{path.name}: {bad[0]} is not finite in {np.dtype(dtype)}; nothing was written")
    text = json.dumps({"format": FORMAT, **card}, indent=1, ensure_ascii=False)
    arrays |= {
        _CARD: np.frombuffer(text.encode(), np.uint8),
        _SAMPLES: seen.samples,
        _CONTENTS: seen.contents,
    }
    content = _archive(arrays)
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def _stored(
    name: str, tensor: NDArray[Any], dtype: type[np.number[Any]], exact: bool
) -> dict[str, NDArray[Any]]:
    """Return the arrays that a tensor is kept in."""
    if dtype is np.int8 and tensor.ndim > 1 and tensor.shape[-1] > 1 and np.isfinite(tensor).all():
        largest = np.abs(tensor).max(axis=tuple(range(tensor.ndim - 1)))
        scale = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
        return {name: np.rint(tensor / scale).astype(np.int8), f"{name}{_SCALE}": scale}
    short = tensor.astype(np.float16 if dtype is np.int8 else dtype)
    return {name: tensor.astype(np.float32) if exact and not np.array_equal(short, tensor) else short}


def _as_floats(path: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """Return the tensors in float32, those in eight bits by their scales."""
    found = {n: a.astype(np.float32) for n, a in arrays.items() if not n.endswith(_SCALE)}
    for name in [n for n in arrays if n.endswith(_SCALE)]:
        kernel, scale = found.get(name.removesuffix(_SCALE)), arrays[name].astype(np.float32)
        if kernel is None or scale.shape != kernel.shape[-1:]:
            raise WeightsError(f"{path} is no weight file of mueca ({name} fits no kernel)")
        kernel *= scale
    return found


def _archive(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the .npz; unlike `np.savez` it carries no dates, so that equal weights give equal files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue())
    return whole.getvalue()


def load(path: Path) -> Weights:
    """Read a weight file.

    Raises
    ------
    WeightsError
        If there is no such file, or it is truncated, damaged or none of ours.
    """
    arrays = _read(path)
    card = _card(path, arrays.pop(_CARD))
    seen = TrainingProvenance(arrays.pop(_SAMPLES), arrays.pop(_CONTENTS))
    if odd := [name for name, array in arrays.items() if array.dtype.kind not in "fiu"]:
        raise WeightsError(f"{path} is no weight file of mueca ({odd[0]} holds no numbers)")
    return Weights(_as_floats(path, arrays), card, seen)


def load_card(path: Path) -> dict[str, Any]:
    """Return the card of a weight file alone; raises as `load`."""
    return _card(path, _read(path, (_CARD,))[_CARD])


def load_seen(path: Path) -> TrainingProvenance:
    """Return the marks of the samples a weight file learned from; raises as `load`."""
    arrays = _read(path, (_SAMPLES, _CONTENTS))
    return TrainingProvenance(arrays[_SAMPLES], arrays[_CONTENTS])


def _read(path: Path, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
    try:
        found = read_npz(path, names)
        if names is None and {_CARD, _SAMPLES, _CONTENTS} - set(found):
            raise ValueError("it has no card")
        return found
    except FileNotFoundError:
        raise WeightsError(f"no weight file {path}") from None
    except OSError as error:
        raise WeightsError(os_error_words(error)) from None
    except ValueError as error:
        words = str(error).replace(f"it has no {_CARD}", "it has no card")
        raise WeightsError(f"{path} is truncated or no weight file of mueca ({words})") from None


def _card(path: Path, raw: NDArray[Any]) -> dict[str, Any]:
    try:
        card = mapping_of(raw.tobytes())
    except ValueError:
        raise WeightsError(f"{path} is no weight file of mueca (its card cannot be read)") from None
    if card.get("format") != FORMAT:
        raise WeightsError(f"{path} has format {card.get('format')!r:.20}; this version reads {FORMAT}")
    if odd := [name for name, kind in _KINDS.items() if not isinstance(card.get(name, kind()), kind)]:
        raise WeightsError(f"{path} is no weight file of mueca ({odd[0]} of its card cannot be read)")
    return card


def assign(model: Any, tensors: Mapping[str, NDArray[Any]], what: str) -> None:
    """Give `model` the tensors; all of them fit, or none is assigned.

    Parameters
    ----------
    model : keras.Model
    tensors : mapping
        By ``layer/variable``.
    what : str
        Name of the file, for the message.

    Raises
    ------
    WeightsError
        Naming the first tensor that is missing, left over, of another shape, or not finite.
    """
    variables = tensors_of(model)
    if missing := [n for n in variables if n not in tensors]:
        raise WeightsError(
            f"{what} has no {missing[0]} ({len(missing)} tensors missing): another network's file?"
        )
    if extra := [n for n in tensors if n not in variables]:
        raise WeightsError(f"{what} holds {extra[0]}, which the network has not: another network's file?")
    for name, variable in variables.items():
        tensor = tensors[name]
        if tuple(tensor.shape) != tuple(variable.shape):
            raise WeightsError(
                f"{what}: {name} has shape {tensor.shape}, the network needs {tuple(variable.shape)}"
            )
        if not np.isfinite(tensor).all():
            raise WeightsError(f"{what}: {name} holds NaN or an infinite value")
    for name, variable in variables.items():
        variable.assign(tensors[name])


def random_tensors(model: Any, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Return seeded random tensors for timing: He-normal kernels, neutral normalisation, zero biases.

    They do not depend on the backend's generator, and the global random state is left alone.
    """
    rng = np.random.default_rng(seed)
    return {name: _random_tensor(name, tuple(v.shape), rng) for name, v in tensors_of(model).items()}


def _random_tensor(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    if len(shape) > 1:
        scale = np.sqrt(2 / np.prod(shape[:-1]))
        return (rng.standard_normal(shape) * scale).astype(np.float32)
    ones = name.endswith(("gamma", "moving_variance"))
    return np.ones(shape, np.float32) if ones else np.zeros(shape, np.float32)
