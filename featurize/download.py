"""Downloads that go on from where they were interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from featurize.backbones.weightfile import WeightsError

_BLOCK = 2**20
#: Seconds without a byte after which a download is given up; what came stays, and the next goes on from it.
PATIENCE = 30


def download(url: str, part: Path, advance: Callable[[int, int | None], None]) -> None:
    """Fetch `url` into `part`, going on from what is there.

    Parameters
    ----------
    url : str
        https, or http from this machine.
    part : Path
    advance : callable
        Called with the bytes so far and the bytes in all (None if unknown).

    Raises
    ------
    WeightsError
        If it cannot be fetched whole; what came stays.
    """
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise WeightsError(f"{url}: only https is taken")
    import urllib.error
    import urllib.request

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
        reason = getattr(reason, "strerror", None) or reason
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
