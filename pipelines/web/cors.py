"""Pages of other sites that may use the server: those that its owner named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

#: What such a page may send.
_METHODS, _HEADERS = "GET, POST", "authorization, content-type"
#: Seconds for which a browser need not ask again.
_MAX_AGE = "600"


def check_origins(given: Iterable[str]) -> frozenset[str]:
    """Return origins as browsers send them: scheme, name and port, without a path.

    Raises
    ------
    ValueError
        If one is no such origin; "*" is none.
    """
    found = [origin.rstrip("/").lower() for origin in given]
    for origin in found:
        parts = urlsplit(origin)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or origin != f"{parts.scheme}://{parts.netloc}"
        ):
            raise ValueError(f"--allow-origin {origin}: give an origin such as https://app.example")
    return frozenset(found)


def headers_for(origins: frozenset[str], headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers by which a browser lets a page of a named origin read an answer; none for others."""
    origin = headers.get("origin", "").lower()
    if origin not in origins:
        return {}
    return {
        "access-control-allow-origin": origin,
        "cross-origin-resource-policy": "cross-origin",
        "vary": "Origin",
    }


def preflight(origins: frozenset[str], method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the answer's headers where a browser asks beforehand for a page of a named origin; else none."""
    if method != "OPTIONS" or "access-control-request-method" not in headers:
        return {}
    allowed = headers_for(origins, headers)
    if not allowed:
        return {}
    return allowed | {
        "access-control-allow-methods": _METHODS,
        "access-control-allow-headers": _HEADERS,
        "access-control-max-age": _MAX_AGE,
    }
