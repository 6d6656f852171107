"""The nearest known name, for messages about an unknown one."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["hint"]


def hint(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Return what to write instead of an unknown name, in words.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        What could have been written.
    otherwise : str, optional
        What to say if nothing is near; by default the known names, sorted.

    Returns
    -------
    str
        ``did you mean 'hog'?`` or ``known: hog, lbp``.

    Examples
    --------
    >>> hint("hgo", ["hog", "lbp"])
    "did you mean 'hog'?"
    """
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return otherwise if otherwise is not None else f"known: {', '.join(sorted(names))}"
