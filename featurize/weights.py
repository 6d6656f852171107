"""Published weight files: put in place by hand or downloaded, checked, and never fetched unasked.

The publisher gives no hash, so the first file that passes the check of its content pins one; from then on no
other file is taken. Everything is written beside its place and renamed into it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from featurize.backbones.weightfile import WeightsError
from featurize.paths import expanded
from featurize.store import file_sha256

log = logging.getLogger(__name__)

_BLOCK = 2**20
#: Seconds without a byte after which a download is given up; what came stays, and the next goes on from it.
PATIENCE = 30


@dataclass(frozen=True)
class Published:
    """A weight file that others publish.

    Attributes
    ----------
    name : str
        The network it is for: embedded with it, or what its training starts from.
    file : str
        Its name.
    url : str
    sha256 : str or None
        Where the publisher gives one.
    check : str
        "module:function" that takes the path and raises `WeightsError` unless the content is right.
    licence, source : str
        Printed before anything is fetched.
    """

    name: str
    file: str
    url: str
    check: str
    licence: str
    source: str
    sha256: str | None = None


PUBLISHED = {
    "vggface2": Published(
        name="vggface2",
        file="rcmalli_vggface_tf_notop_resnet50.h5",
        url="https://github.com/rcmalli/keras-vggface/releases/download/v2.0/rcmalli_vggface_tf_notop_resnet50.h5",
        check="featurize.backbones.resnet50_vggface2:check",
        licence="the weights may be used for non-commercial research (Creative Commons Attribution); "
        "the code they came with is MIT",
        source="rcmalli/keras-vggface release v2.0; Cao et al., VGGFace2, FG 2018",
    ),
    "resnet18": Published(
        name="resnet18",
        file="resnet18.tv_in1k.safetensors",
        url="https://huggingface.co/timm/resnet18.tv_in1k/resolve/main/model.safetensors",
        check="featurize.backbones.ipn:check_imagenet",
        licence="the weights learned from ImageNet, whose pictures are for non-commercial research; "
        "the code they came with is BSD",
        source="torchvision's ResNet18_Weights.IMAGENET1K_V1, as timm publishes it without pickle",
    ),
}


def folder() -> Path:
    """Return the folder of weight files: ``weights`` in ``MUECA_DATA``, or in the user's data folder."""
    import platformdirs

    root = os.environ.get("MUECA_DATA") or platformdirs.user_data_dir("mueca", appauthor=False)
    return expanded(root) / "weights"


def published(name: str) -> Published:
    """Return the `Published` record of `name`.

    Raises
    ------
    ValueError
        If there is none; the message says which there are.
    """
    if name not in PUBLISHED:
        raise ValueError(f"no published weights named {name!r}; there are: {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def path_of(name: str) -> Path:
    """Return where the weights of `name` are.

    Raises
    ------
    WeightsError
        If they are not there; the message says how to get them.
    """
    path = folder() / published(name).file
    if not path.is_file():
        raise WeightsError(
            f"{name} has no weights here; run: mueca weights get {name} (or, from a file you have: "
            f"mueca weights add {name} PATH); weights=random is for timing only"
        )
    return path


def listing() -> list[dict[str, Any]]:
    """Return name, state, file, megabytes, SHA-256 and licence of every published file."""
    found = []
    for record in PUBLISHED.values():
        path = folder() / record.file
        there = path.is_file()
        found.append({
            "name": record.name,
            "state": "here" if there else "missing",
            "path": str(path),
            "mb": round(path.stat().st_size / 1e6, 1) if there else 0.0,
            "sha256": pinned(record.name) or "",
            "licence": record.licence,
        })  # fmt: skip
    return found


def pinned(name: str) -> str | None:
    """Return the SHA-256 that a file of `name` must have; None before the first."""
    return published(name).sha256 or _pins().get(name)


def add(name: str, source: Path) -> Path:
    """Check a weight file and copy it into place.

    Parameters
    ----------
    name : str
        Of `PUBLISHED`.
    source : Path
        The file; it stays where it is.

    Returns
    -------
    Path
        Where the copy is.

    Raises
    ------
    WeightsError
        If the file is truncated, another network's, lacks a tensor, or is not the one that was pinned. What
        was in place stays.
    """
    record = published(name)
    if not Path(source).is_file():
        raise WeightsError(f"no weight file {source}")
    with _arriving(record) as temporary:
        shutil.copyfile(source, temporary)
        return _take(record, temporary, str(source))


def get(name: str, url: str | None = None, advance: Callable[[int, int | None], None] | None = None) -> Path:
    """Download a weight file, check it and put it in place; what is there already is only checked.

    Parameters
    ----------
    name : str
        Of `PUBLISHED`.
    url : str, optional
        A mirror; the publisher's by default.
    advance : callable, optional
        Called with the bytes so far and the bytes in all (None if unknown).

    Returns
    -------
    Path

    Raises
    ------
    WeightsError
        If it cannot be downloaded (what came is kept, and the next call goes on from there) or is not the
        right file.
    """
    record = published(name)
    target = folder() / record.file
    if target.is_file() and pinned(name) == file_sha256(target):
        return target
    log.info("%s: %s", name, record.licence)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    _download(url or record.url, part, advance or (lambda _done, _total: None))
    try:
        return _take(record, part, url or record.url)
    except WeightsError:
        part.unlink(missing_ok=True)  # whole, and wrong: to go on from it would not help
        raise


def _take(record: Published, arrived: Path, what: str) -> Path:
    """Check what arrived against its pin and its network, then rename it into place."""
    found, wanted = file_sha256(arrived), pinned(record.name)
    if wanted and found != wanted:
        raise WeightsError(
            f"{what} has SHA-256 {found[:16]}..., {record.name} is known by {wanted[:16]}...: "
            "another or a damaged file"
        )
    module, _, function = record.check.partition(":")
    try:
        getattr(import_module(module), function)(arrived)
    except WeightsError as error:
        raise WeightsError(str(error).replace(str(arrived), what)) from None
    target = folder() / record.file
    arrived.replace(target)
    _pin(record.name, found)
    return target


@contextlib.contextmanager
def _arriving(record: Published) -> Iterator[Path]:
    target = folder()
    target.mkdir(parents=True, exist_ok=True)
    temporary = target / f"{record.file}.{os.getpid()}.tmp"
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _download(url: str, part: Path, advance: Callable[[int, int | None], None]) -> None:
    """Fetch `url` into `part`, going on from what is there."""
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise WeightsError(f"{url}: only https is taken")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310  checked above
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:  # noqa: S310
            _receive(reply, part, have if reply.status == 206 else 0, advance)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing after what we have: it is whole
            return
        raise WeightsError(
            f"{url}: {error.code} {error.reason}; download it by hand and use mueca weights add"
        ) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise WeightsError(
            f"cannot download {url} ({reason}); run again to go on, or download it by hand and use "
            "mueca weights add"
        ) from None


def _receive(reply: Any, part: Path, have: int, advance: Callable[[int, int | None], None]) -> None:
    length = reply.headers.get("Content-Length")
    total = have + int(length) if length else None
    done = have
    with part.open("ab" if have else "wb") as file:
        while block := reply.read(_BLOCK):
            file.write(block)
            done += len(block)
            advance(done, total)
    if total is not None and done < total:
        raise OSError(f"the connection ended after {done} of {total} bytes")


def _pins() -> dict[str, str]:
    try:
        return dict(json.loads((folder() / "sha256.json").read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise WeightsError(
            f"{folder() / 'sha256.json'} is damaged; remove it and the files beside it"
        ) from None


def _pin(name: str, sha256: str) -> None:
    path = folder() / "sha256.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(_pins() | {name: sha256}, indent=1), "utf-8")
    temporary.replace(path)
