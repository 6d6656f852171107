"""Every link inside the built site leads somewhere, and no page asks another machine for anything."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit


class _Page(HTMLParser):
    """Identifiers, links, and files that a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in ("script", "img", "source", "iframe") and found.get("src"):
            self.loaded.append(found["src"])
        elif tag == "link" and found.get("rel") not in ("canonical", "next", "prev", "search", "index"):
            self.loaded.append(found.get("href", ""))


def pages_of(site: Path) -> list[Path]:
    """Return the pages of a built site; the theme's own templates among its static files are none."""
    return [p for p in sorted(site.rglob("*.html")) if "_static" not in p.relative_to(site).parts]


def broken_links(site: Path) -> list[str]:
    """Return what is wrong with the links of a site, a line for each: ``page: link``."""
    pages = {path: _Page(path.read_text("utf-8")) for path in pages_of(site)}
    wrong = []
    for path, page in pages.items():
        name = path.relative_to(site)
        wrong += [f"{name}: {link} is not there" for link in page.links if not _leads(link, path, pages)]
        wrong += [f"{name}: {link} is not in the site" for link in page.loaded if not _inside(link, path)]
    return wrong


def _inside(link: str, page: Path) -> bool:
    parts = urlsplit(link)
    if parts.scheme == "data":
        return True
    return not parts.scheme and not parts.netloc and (page.parent / unquote(parts.path)).is_file()


def _leads(link: str, page: Path, pages: dict[Path, _Page]) -> bool:
    where, anchor = urldefrag(link)
    parts = urlsplit(where)
    if parts.scheme in ("http", "https", "mailto"):
        return bool(parts.netloc or parts.path)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return False
    found = next((p for path, p in pages.items() if path.resolve() == target), None)
    return not anchor or found is None or unquote(anchor) in found.ids or anchor in ("", "top")
