"""Who may ask: names a page may be called by, where a request may come from, the token."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import NamedTuple

from pipelines.web.cors import check_origins

#: Names by which a browser reaches this machine itself.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: Name of the cookie that a login gives.
COOKIE = "mueca"
#: A token of one's own must have so many characters: it can be tried as often as the network allows.
SHORTEST_TOKEN = 16
#: Methods that change nothing.
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: Served without a token: says only that the server runs.
_OPEN = frozenset({"/health"})


class Refusal(NamedTuple):
    """An HTTP status and one line."""

    status: int
    reason: str


@dataclass(frozen=True)
class Access:
    """What is asked of each request.

    Attributes
    ----------
    names : frozenset of str
        What the Host header may say, in lower case, without port. A page elsewhere whose name was pointed
        here after it was loaded (DNS rebinding) says its own name, and is refused.
    addresses : bool
        Whether Host may also be any IP address: rebinding needs a name.
    token : str or None
        Asked for, if given.
    origins : frozenset of str
        Other sites whose pages may use the server, see `pipelines.web.cors`.
    session : str
        What the cookie holds after a login, so that the token itself lies in no browser.
    """

    names: frozenset[str]
    addresses: bool = False
    token: str | None = None
    origins: frozenset[str] = frozenset()
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def refuse(self, method: str, path: str, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request is refused, None if it is not.

        Parameters
        ----------
        method, path : str
        headers : mapping of str to str
            Names in lower case.
        """
        host = headers.get("host", "")
        if not self.knows(host):
            hint = "add --allow-host NAME if that name is meant" if self.addresses else "open it as 127.0.0.1"
            return Refusal(421, f"this server is not called that; {hint}")
        named = headers.get("origin", "").lower() in self.origins
        if method not in _READING and not named and not _same_origin(host, headers):
            return Refusal(403, "a page of another site may not use this server")
        if path not in _OPEN and not self._proved(headers):
            return Refusal(
                401, "open the address with the token that mueca serve printed, or send Authorization: Bearer"
            )
        return None

    def knows(self, host: str) -> bool:
        """Return whether a Host header names this server."""
        name = host_name(host)
        return name is not None and (name in self.names or (self.addresses and is_address(name)))

    def opens(self, token: str) -> bool:
        """Return whether it is the token; takes as long whether it is or not."""
        return self.token is not None and secrets.compare_digest(token.encode(), self.token.encode())

    def _proved(self, headers: Mapping[str, str]) -> bool:
        if self.token is None:
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.opens(given.strip()):
            return True
        return secrets.compare_digest(_cookie(headers).encode(), self.session.encode())


def access_for(
    host: str, allowed: tuple[str, ...] = (), token: str | None = None, origins: tuple[str, ...] = ()
) -> Access:
    """Return what is asked of requests to a server at an address; a token is made where one is needed.

    Parameters
    ----------
    host : str
        Name or address that the server listens on.
    allowed : tuple of str
        More names it is called by.
    token : str, optional
        By default none on loopback, and a new one of 256 bits elsewhere.
    origins : tuple of str
        Other sites whose pages may use the server, such as "https://app.example".

    Raises
    ------
    ValueError
        If the token has fewer than `SHORTEST_TOKEN` characters, or some that no header can carry, or an
        origin is none.
    """
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
        raise ValueError(
            f"a token needs at least {SHORTEST_TOKEN} ASCII characters; leave it out and one is made"
        )
    named = check_origins(origins)
    more = frozenset(name.lower().strip("[]") for name in allowed)
    if is_loopback(host):
        return Access(LOOPBACK | {host.lower()} | more, token=token, origins=named)
    here = {host.lower(), socket.gethostname().lower()} - {"0.0.0.0", "::"}  # noqa: S104 - taken out
    made = token or secrets.token_urlsafe(32)
    return Access(LOOPBACK | here | more, addresses=True, token=made, origins=named)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server that listens on `host`."""
    return host.lower() == "localhost" or (is_address(host) and ip_address(host).is_loopback)


def is_address(name: str) -> bool:
    """Return whether it is an IPv4 or IPv6 address, without brackets."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def host_name(host: str) -> str | None:
    """Return the name in a Host header, in lower case, without port and brackets; None if it is none."""
    name, colon, port = host.strip().lower().rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host.strip().lower(), "0"
    if not (port.isascii() and port.isdigit()):
        return None
    if name.startswith("[") and name.endswith("]"):
        return name[1:-1] if is_address(name[1:-1]) else None
    return name if name and ":" not in name else None


def _same_origin(host: str, headers: Mapping[str, str]) -> bool:
    """Return whether a request comes from a page of this server, or from none: every browser sends Origin.

    The ports are compared too: a page on another port of this machine is another site.
    """
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    scheme, _, place = origin.partition("://")
    return scheme in ("http", "https") and place.lower() == host.strip().lower()


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
